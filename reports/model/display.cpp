#include "reports/model/display.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace isocost::report {
namespace {

constexpr const char* kThousandsGap = "\u202f";

std::string grouped(std::string text) {
  const std::size_t start = text.find_first_of("0123456789");
  std::size_t end = text.find('.');
  if (end == std::string::npos) end = text.size();
  if (end - start <= 4) return text;
  for (std::size_t at = end; at > start + 3; at -= 3) text.insert(at - 3, kThousandsGap);
  return text;
}

std::string fixed(double value, int decimals) {
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find_first_not_of("-0.") == std::string::npos && text[0] == '-') text.erase(0, 1);
  return grouped(std::move(text));
}

// Enough for scores: 123, 23.1, 2.31, 0.312.
int score_decimals(double value) {
  const double size = std::abs(value);
  return size >= 100 ? 1 : size >= 1 ? 2 : size >= 0.01 ? 4 : 6;
}

}  // namespace

std::string display(double value, int significant) {
  if (!std::isfinite(value)) return "not finite";
  if (value == 0) return "0";
  const int magnitude = static_cast<int>(std::floor(std::log10(std::abs(value))));
  if (magnitude < -6 || magnitude > 15) return fmt::format("{:.{}g}", value, significant);
  std::string text = fixed(value, std::max(0, significant - 1 - magnitude));
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string display_score(double value) {
  return std::isfinite(value) ? fixed(value, score_decimals(value)) : "not finite";
}

std::string display_interval(double value, std::optional<double> low, std::optional<double> high) {
  if (!low || !high || !std::isfinite(value)) return display_score(value);
  return display_score(value) + " (" + display_ends(value, *low, *high) + ")";
}

std::string display_ends(double value, double low, double high) {
  const int decimals = score_decimals(value);
  return fixed(low, decimals) + " to " + fixed(high, decimals);
}

}  // namespace isocost::report
