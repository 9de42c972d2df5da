// Options as data: what a row of a table (sampler, metric, task) lets a user set, with its default,
// what fits, and what it means. Parsers check with it, keys get its defaults, the JSON Schema and
// the docs are written from it.
//
//   const std::vector<Option> options = {number("eta", 0, {0, 1}, "how much noise a step adds")};
//   if (auto expected = misfit(options[0], value)) ...  // "a number from 0 to 1"
//
// Pure values, any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace isocost {

// Seeds travel through JSON readers that hold doubles.
inline constexpr double kSeedMax = 9007199254740991;  // 2^53 - 1

struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool is_low_open = false;  // above `low`, not at it
};

struct Option {
  enum class Kind : int { kFlag, kNumber, kWhole, kChoice, kText, kNumbers };
  std::string name;
  Kind kind = Kind::kFlag;
  Json fallback;  // what holds where nobody says otherwise
  Range range;    // of numbers
  std::vector<std::string> choices;
  std::string meaning;  // a sentence for the docs, without its full stop
  // The option without which this one has no effect: where that holds its fallback, this must too.
  std::string needs = {};
};

[[nodiscard]] Option flag(std::string name, bool fallback, std::string meaning);
[[nodiscard]] Option number(std::string name, double fallback, Range range, std::string meaning);
[[nodiscard]] Option whole(std::string name, std::int64_t fallback, Range range,
                           std::string meaning);
[[nodiscard]] Option choice(std::string name, std::string fallback,
                            std::vector<std::string> choices, std::string meaning);
[[nodiscard]] Option text(std::string name, std::string fallback, std::string meaning);
[[nodiscard]] Option numbers(std::string name, std::string meaning);  // a list, empty by default
// The same, where it has an effect beside another option alone.
[[nodiscard]] Option beside(std::string needs, Option option);

// What fits, in words: "true or false", "a number from 0 to 1", "one of: a, b".
[[nodiscard]] std::string expected_text(const Option& option);
// Absent when the value fits. Whole numbers are numbers, also where they stand as 1.0.
[[nodiscard]] std::optional<std::string> misfit(const Option& option, const Json& value);
// The value as keys have it: a number is written as one, whether 1 or 1.0 was said. Requires: it
// fits.
[[nodiscard]] Json normal_form(const Option& option, const Json& value);
// As JSON Schema 2020-12 says it.
[[nodiscard]] Json json_schema(const Option& option);

// "a, b, c"
[[nodiscard]] std::string joined(const std::vector<std::string>& names);

[[nodiscard]] std::vector<std::string> option_names(const std::vector<Option>& options);
[[nodiscard]] const Option* find_option(const std::vector<Option>& options, std::string_view name);
// The option that `option` needs, where `values` (every option) leave it without; else null.
[[nodiscard]] const Option* lacking(const std::vector<Option>& options, const Option& option,
                                    const Json& values);
// What was said with what holds where nothing was, in normal form: every option. Fails with: a
// member that is no option, a value that does not fit or has no effect.
[[nodiscard]] Result<Json> completed(const std::vector<Option>& options, const Json& said,
                                     const std::string& where);
// {name: fallback} of all of them.
[[nodiscard]] Json defaults_of(const std::vector<Option>& options);

}  // namespace isocost
