#include "schema/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <vector>

#include "schema/check.h"

namespace isocost {
namespace {

// UTF-8 order equals code point order; UTF-16 order differs only where surrogates (U+10000 and
// above) meet U+E000..U+FFFF. Comparing by code unit means lifting the former below the latter.
bool utf16_less(const std::string& a, const std::string& b) {
  const auto rank = [](unsigned char lead) -> int {
    // Lead bytes F0..F4 (surrogate pairs in UTF-16, D800..DFFF) sort before EE and EF (E000..FFFF).
    if (lead >= 0xF0) return 0xED * 2 + 1;
    return lead * 2;
  };
  const std::size_t n = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < n; ++i) {
    if (a[i] == b[i]) continue;
    const auto x = static_cast<unsigned char>(a[i]);
    const auto y = static_cast<unsigned char>(b[i]);
    const int rank_x = rank(x), rank_y = rank(y);
    return rank_x != rank_y ? rank_x < rank_y : x < y;
  }
  return a.size() < b.size();
}

// The escape of a character that cannot stand in a JSON text as it is.
void write_escape(char c, std::string& out) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u00";
  out += kDigits[static_cast<unsigned char>(c) >> 4];
  out += kDigits[static_cast<unsigned char>(c) & 15];
}

void write_string(const std::string& text, std::string& out) {
  out += '"';
  std::size_t plain = 0;  // where the characters begin that stand as they are
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20) continue;
    out.append(text, plain, i - plain);
    write_escape(c, out);
    plain = i + 1;
  }
  out.append(text, plain);
  out += '"';
}

void write(const Json& value, std::string& out) {
  switch (value.type()) {
    case Json::value_t::null:
      out += "null";
      return;
    case Json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return;
    case Json::value_t::number_integer:
      out += std::to_string(value.get<std::int64_t>());
      return;
    case Json::value_t::number_unsigned:
      out += std::to_string(value.get<std::uint64_t>());
      return;
    case Json::value_t::number_float:
      out += number_text(value.get<double>());
      return;
    case Json::value_t::string:
      write_string(value.get_ref<const std::string&>(), out);
      return;
    case Json::value_t::array: {
      out += '[';
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (i > 0) out += ',';
        write(value[i], out);
      }
      out += ']';
      return;
    }
    case Json::value_t::object: {
      std::vector<Json::const_iterator> members;
      members.reserve(value.size());
      for (auto it = value.begin(); it != value.end(); ++it) members.push_back(it);
      const auto is_before = [](const auto& a, const auto& b) {
        return utf16_less(a.key(), b.key());
      };
      // Bytes are in this order already unless there are characters beyond U+FFFF.
      if (!std::is_sorted(members.begin(), members.end(), is_before))
        std::sort(members.begin(), members.end(), is_before);
      out += '{';
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (i > 0) out += ',';
        write_string(members[i].key(), out);
        out += ':';
        write(members[i].value(), out);
      }
      out += '}';
      return;
    }
    case Json::value_t::binary:
    case Json::value_t::discarded:
      break;
  }
  ISOCOST_CHECK(false, "binary and discarded values have no JSON text");
}

// "line:column" of a byte offset, both from 1.
std::string position(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const auto line =
      std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n') + 1;
  const std::size_t start = text.substr(0, offset).rfind('\n');
  const std::size_t column = start == std::string_view::npos ? offset + 1 : offset - start;
  return std::to_string(line) + ":" + std::to_string(column);
}

}  // namespace

std::string number_text(double value) {
  ISOCOST_CHECK(std::isfinite(value), "JSON has no text for NaN and infinity");
  if (value == 0) return "0";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::fabs(value),
                                 std::chars_format::scientific);
  // "d.ddde+xx": take digits and exponent apart, then lay them out by ECMA-262 Number::toString.
  std::string_view text(buffer, static_cast<std::size_t>(end.ptr - buffer));
  const std::size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  const int exponent = std::stoi(std::string(text.substr(e + 1)));
  const int k = static_cast<int>(digits.size());
  const int n = exponent + 1;
  std::string out = value < 0 ? "-" : "";
  if (k <= n && n <= 21) return out + digits + std::string(static_cast<std::size_t>(n - k), '0');
  if (0 < n && n <= 21) {
    return out + digits.substr(0, static_cast<std::size_t>(n)) + "." +
           digits.substr(static_cast<std::size_t>(n));
  }
  if (-6 < n && n <= 0) return out + "0." + std::string(static_cast<std::size_t>(-n), '0') + digits;
  out += digits.substr(0, 1);
  if (k > 1) out += "." + digits.substr(1);
  return out + "e" + (n - 1 < 0 ? "-" : "+") + std::to_string(std::abs(n - 1));
}

std::string canonical(const Json& value) {
  std::string out;
  out.reserve(1024);  // a spec: grown once instead of ten times
  write(value, out);
  return out;
}

std::string canonical_object(
    std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  std::size_t size = 2;
  for (const auto& [key, text] : members) size += key.size() + text.size() + 4;
  std::string out;
  out.reserve(size);
  out += '{';
  for (const auto& [key, text] : members) {
    if (out.size() > 1) out += ',';
    out += '"';
    out += key;
    out += "\":";
    out += text;
  }
  out += '}';
  return out;
}

Digest canonical_digest(const Json& value) { return sha256(canonical(value)); }

Result<Json> parse_json(std::string_view text, const std::string& where, int depth_max) {
  Failure failure;
  std::vector<std::set<std::string>> keys;
  const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > depth_max && failure.is_empty()) {
      failure.add(where, "nested too deeply", "at most " + std::to_string(depth_max) + " levels");
    }
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key &&
        !keys.back().insert(parsed.get<std::string>()).second) {
      failure.add(where, "the key '" + parsed.get<std::string>() + "' stands twice in one object",
                  "each key once");
    }
    return true;
  };
  // nlohmann's parser recurses nowhere in its own code, so depth costs no stack before the callback
  // sees it.
  try {
    Json value = Json::parse(text.begin(), text.end(), callback);
    if (!failure.is_empty()) return fail(std::move(failure));
    return value;
  } catch (const Json::parse_error& error) {
    return fail(where + ":" + position(text, error.byte == 0 ? 0 : error.byte - 1),
                "this is not JSON");
  }
}

Result<Json> parse_python_json(std::string_view text, const std::string& where) {
  std::string plain;
  plain.reserve(text.size());
  bool is_in_text = false;
  for (std::size_t i = 0; i < text.size();) {
    if (is_in_text && text[i] == '\\' && i + 1 < text.size()) {
      plain.append(text.substr(i, 2));
      i += 2;
      continue;
    }
    if (text[i] == '"') is_in_text = !is_in_text;
    std::string_view word;
    for (const std::string_view candidate : {"-Infinity", "Infinity", "NaN"}) {
      if (!is_in_text && text.substr(i).starts_with(candidate)) word = candidate;
      if (!word.empty()) break;
    }
    if (word.empty()) {
      plain += text[i++];
      continue;
    }
    plain += '"';
    plain += word;
    plain += '"';
    i += word.size();
  }
  return parse_json(plain, where);
}

}  // namespace isocost
