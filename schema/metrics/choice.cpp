#include "schema/metrics/choice.h"

#include "base/check.h"

namespace isocost::metrics {
namespace {

// What has such an option: "torchscript".
std::string kinds_with(Rows rows, const std::string& option) {
  std::vector<std::string> kinds;
  for (const auto& row : extractors())
    if (row.makes(rows) && find_option(row.options, option) != nullptr) kinds.push_back(row.kind);
  return isocost::joined(kinds);
}

}  // namespace

Choice::Choice(const Metric& metric) : metric_(&metric), protocol_(defaults_of(metric.protocol)) {}

void Choice::take(const Extractor* extractor) {
  if (extractor_ != nullptr)
    for (const auto& option : extractor_->options) said_.erase(option.name);
  extractor_ = extractor;
  extractor_options_ = extractor == nullptr ? Json::object() : defaults_of(extractor->options);
  if (extractor != nullptr && extractor->takes_arguments)
    extractor_options_[kArguments] = Json::object();
}

const Option* Choice::find(std::string_view name) const {
  const Option* own = extractor_ == nullptr ? nullptr : find_option(extractor_->options, name);
  return own != nullptr ? own : find_option(metric_->protocol, name);
}

std::optional<std::string> Choice::set(const Option& option, const Json& value) {
  ISOCOST_CHECK(find(option.name) == &option, "an option that is set is one of the choice's");
  said_.insert(option.name);
  if (auto expected = misfit(option, value)) return expected;
  const bool is_protocols = find_option(metric_->protocol, option.name) == &option;
  (is_protocols ? protocol_ : extractor_options_)[option.name] = normal_form(option, value);
  return std::nullopt;
}

std::optional<std::string> Choice::set_argument(const std::string& name, const Json& value) {
  ISOCOST_CHECK(extractor_ != nullptr && extractor_->takes_arguments,
                "arguments are of an extractor that takes them");
  if (!value.is_boolean() && !value.is_number()) return "true, false or a number";
  extractor_options_[kArguments][name] = value;
  return std::nullopt;
}

std::vector<Choice::Fault> Choice::take(const Preset& preset) {
  std::vector<Fault> faults;
  const std::string subject = "the protocol " + preset.name;
  const auto check = [&](const Json& options) {
    for (const auto& [name, value] : options.items())
      if (said_.contains(name))
        faults.push_back({subject + " says " + name + ", which is said besides", "one of the two"});
  };
  check(preset.protocol);
  for (const auto& [name, value] : preset.extractor_options.items()) {
    if (extractor_ == nullptr || find_option(extractor_->options, name) != nullptr) continue;
    faults.push_back({subject + " is about another extractor",
                      "one with the option " + name + ": " + kinds_with(metric_->rows, name)});
    return faults;
  }
  if (extractor_ != nullptr) check(preset.extractor_options);
  if (!faults.empty()) return faults;
  protocol_.update(preset.protocol);
  if (extractor_ != nullptr) extractor_options_.update(preset.extractor_options);
  return faults;
}

const Preset* find_preset(const Metric& metric, std::string_view name) {
  for (const auto& preset : metric.presets)
    if (preset.name == name) return &preset;
  return nullptr;
}

std::vector<std::string> preset_names(const Metric& metric) {
  std::vector<std::string> names;
  names.reserve(metric.presets.size());
  for (const auto& preset : metric.presets) names.push_back(preset.name);
  return names;
}

}  // namespace isocost::metrics
