// Numbers as a person reads them: a few significant digits, thousands apart, never an exponent
// within reason.
#pragma once

#include <optional>
#include <string>

namespace isocost::report {

// 0.01234 -> "0.0123", 12345.6 -> "12 346" (narrow no-break space), 3 -> "3".
[[nodiscard]] std::string display(double value, int significant = 3);
// "23.1 (22.4 to 23.9)", or the value alone; all three with the same number of decimals.
[[nodiscard]] std::string display_interval(double value, std::optional<double> low,
                                           std::optional<double> high);
// The value with as many decimals as display_interval gives it; and the ends of its interval.
[[nodiscard]] std::string display_score(double value);
[[nodiscard]] std::string display_ends(double value, double low, double high);

}  // namespace isocost::report
