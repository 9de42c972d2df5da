#include "schema/options.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"

namespace isocost {
namespace {

bool is_in(const Range& range, double value) {
  return value <= range.high && (range.is_low_open ? value > range.low : value >= range.low);
}

bool is_whole(const Json& value) {
  return value.is_number() && std::trunc(value.get<double>()) == value.get<double>();
}

std::string range_text(const Range& range) {
  const bool has_low = std::isfinite(range.low), has_high = std::isfinite(range.high);
  std::string low =
      (range.is_low_open ? " above " : " from ") + (has_low ? number_text(range.low) : "");
  if (has_low && has_high)
    return low + (range.is_low_open ? ", at most " : " to ") + number_text(range.high);
  if (has_low) return low;
  return has_high ? " of at most " + number_text(range.high) : "";
}

}  // namespace

Option flag(std::string name, bool fallback, std::string meaning) {
  return {std::move(name), Option::Kind::kFlag, fallback, {}, {}, std::move(meaning)};
}

Option number(std::string name, double fallback, Range range, std::string meaning) {
  return {std::move(name), Option::Kind::kNumber, fallback, range, {}, std::move(meaning)};
}

Option whole(std::string name, std::int64_t fallback, Range range, std::string meaning) {
  return {std::move(name), Option::Kind::kWhole, fallback, range, {}, std::move(meaning)};
}

Option choice(std::string name, std::string fallback, std::vector<std::string> choices,
              std::string meaning) {
  return {std::move(name),    Option::Kind::kChoice, std::move(fallback), {},
          std::move(choices), std::move(meaning)};
}

Option text(std::string name, std::string fallback, std::string meaning) {
  return {std::move(name), Option::Kind::kText, std::move(fallback), {}, {}, std::move(meaning)};
}

Option numbers(std::string name, std::string meaning) {
  return {std::move(name), Option::Kind::kNumbers, Json::array(), {}, {}, std::move(meaning)};
}

Option beside(std::string needs, Option option) {
  ISOCOST_CHECK(needs != option.name, "an option does not need itself");
  option.needs = std::move(needs);
  option.meaning += "; has an effect with " + option.needs + " alone";
  return option;
}

std::string expected_text(const Option& option) {
  switch (option.kind) {
    case Option::Kind::kFlag:
      return "true or false";
    case Option::Kind::kNumber:
      return "a number" + range_text(option.range);
    case Option::Kind::kWhole:
      return "a whole number" + range_text(option.range);
    case Option::Kind::kChoice:
      return "one of: " + joined(option.choices);
    case Option::Kind::kText:
      return "a text";
    case Option::Kind::kNumbers:
      return "a list of numbers";
  }
  return {};
}

std::optional<std::string> misfit(const Option& option, const Json& value) {
  const auto fits = [&] {
    switch (option.kind) {
      case Option::Kind::kFlag:
        return value.is_boolean();
      case Option::Kind::kNumber:
        return value.is_number() && is_in(option.range, value.get<double>());
      case Option::Kind::kWhole:
        return is_whole(value) && is_in(option.range, value.get<double>());
      case Option::Kind::kChoice:
        return value.is_string() && std::find(option.choices.begin(), option.choices.end(),
                                              value.get<std::string>()) != option.choices.end();
      case Option::Kind::kText:
        return value.is_string();
      case Option::Kind::kNumbers:
        return value.is_array() && std::all_of(value.begin(), value.end(),
                                               [](const Json& one) { return one.is_number(); });
    }
    return false;
  };
  return fits() ? std::nullopt : std::optional(expected_text(option));
}

Json normal_form(const Option& option, const Json& value) {
  ISOCOST_CHECK(!misfit(option, value), "a value is looked at before it is taken");
  if (option.kind == Option::Kind::kNumber) return value.get<double>();
  if (option.kind == Option::Kind::kWhole) return value.get<std::int64_t>();
  return value;
}

Json json_schema(const Option& option) {
  const auto bounded = [&](const char* type) {
    Json schema = {{"type", type}};
    const auto& range = option.range;
    const auto bound = [](double value) {
      return std::abs(value) <= kSeedMax && is_whole(value) ? Json(static_cast<std::int64_t>(value))
                                                            : Json(value);
    };
    if (std::isfinite(range.low))
      schema[range.is_low_open ? "exclusiveMinimum" : "minimum"] = bound(range.low);
    if (std::isfinite(range.high)) schema["maximum"] = bound(range.high);
    return schema;
  };
  switch (option.kind) {
    case Option::Kind::kFlag:
      return {{"type", "boolean"}};
    case Option::Kind::kNumber:
      return bounded("number");
    case Option::Kind::kWhole:
      return bounded("integer");
    case Option::Kind::kChoice:
      return {{"enum", option.choices}};
    case Option::Kind::kText:
      return {{"type", "string"}};
    case Option::Kind::kNumbers:
      return {{"type", "array"}, {"items", {{"type", "number"}}}};
  }
  return {};
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::vector<std::string> option_names(const std::vector<Option>& options) {
  std::vector<std::string> names;
  names.reserve(options.size());
  for (const auto& option : options) names.push_back(option.name);
  return names;
}

const Option* find_option(const std::vector<Option>& options, std::string_view name) {
  const auto found = std::find_if(options.begin(), options.end(),
                                  [&](const Option& option) { return option.name == name; });
  return found == options.end() ? nullptr : &*found;
}

const Option* lacking(const std::vector<Option>& options, const Option& option,
                      const Json& values) {
  const Option* needed = find_option(options, option.needs);
  if (needed == nullptr || values.at(needed->name) != needed->fallback) return nullptr;
  return values.at(option.name) == option.fallback ? nullptr : needed;
}

Result<Json> completed(const std::vector<Option>& options, const Json& said,
                       const std::string& where) {
  if (!said.is_object()) return fail(where, "it is no object", "names and values of options");
  const std::vector<std::string> names = option_names(options);
  Failure failure;
  Json all = defaults_of(options);
  for (const auto& [name, value] : said.items()) {
    const Option* option = find_option(options, name);
    if (option == nullptr) {
      failure.add(where, "'" + name + "' is unknown",
                  names.empty() ? "none: there are no options" : "one of: " + joined(names));
    } else if (const auto expected = misfit(*option, value)) {
      failure.add(where, name + " is " + canonical(value).substr(0, 40), *expected);
    } else {
      all[name] = normal_form(*option, value);
    }
  }
  for (const auto& option : options)
    if (const Option* needed = lacking(options, option, all))
      failure.add(where, option.name + " has no effect without " + needed->name);
  if (!failure.is_empty()) return fail(std::move(failure));
  return all;
}

Json defaults_of(const std::vector<Option>& options) {
  Json json = Json::object();
  for (const auto& option : options) json[option.name] = option.fallback;
  return json;
}

}  // namespace isocost
