#include "worker/diffusion/metrics/evaluation/choice.h"

#include <algorithm>
#include <optional>
#include <set>

#include "experiments/world/mini_folder.h"
#include "schema/metrics/choice.h"

namespace isocost::diffusion {
namespace {

constexpr std::string_view kArgumentPrefix = "arguments.";

// The forms that the option --extractor may have for such rows.
std::string extractor_forms(metrics::Rows rows) {
  std::vector<std::string> forms;
  if (metrics::extractor_for(rows, metrics::kMini) != nullptr) forms.emplace_back(metrics::kMini);
  for (const auto& member : metrics::members_for(rows)) forms.push_back(member + ":PATH");
  return joined(forms);
}

// A value as a person types it: a number, true, false, or a text.
Json typed(const std::string& text) {
  const auto json = parse_json(text, "value");
  const bool is_plain = json && (json->is_number() || json->is_boolean());
  return is_plain ? *json : Json(text);
}

class Choosing {
 public:
  Choosing(const MetricWords& words, const metrics::Metric& metric, bool has_rows)
      : words_(words), has_rows_(has_rows), choice_(metric) {}

  Result<MetricChoice> run() {
    choose_extractor();
    for (const auto& setting : words_.settings) take_setting(setting);
    take_preset();
    const auto& metric = choice_.metric();
    for (const auto& option : metric.protocol)
      if (const Option* needed = lacking(metric.protocol, option, choice_.protocol()))
        failure_.add("--set", option.name + " has no effect without " + needed->name);
    if (!failure_.is_empty()) return fail(std::move(failure_));
    MetricChoice chosen{.metric = &metric,
                        .extractor = {},
                        .input = std::move(input_),
                        .protocol = choice_.protocol()};
    if (const auto* kind = choice_.extractor())
      chosen.extractor = {kind->kind, {}, choice_.extractor_options()};
    return chosen;
  }

 private:
  [[nodiscard]] metrics::Rows rows() const { return choice_.metric().rows; }

  void choose_extractor() {
    if (words_.extractor.empty()) {
      if (!has_rows_) take_usual_extractor();
      return;
    }
    if (has_rows_) {
      failure_.add("--extractor", "the pictures are rows already", "rows or an extractor");
      return;
    }
    std::string member(metrics::member_of_path(rows(), words_.extractor)), path = words_.extractor;
    const auto colon = path.find(':');
    const auto members = metrics::members();
    if (path == metrics::kMini) {
      member = path;
    } else if (colon != std::string::npos &&
               std::find(members.begin(), members.end(), path.substr(0, colon)) != members.end()) {
      member = path.substr(0, colon);
      path = path.substr(colon + 1);
    }
    const auto* kind = member.empty() ? nullptr : metrics::extractor_for(rows(), member);
    choice_.take(kind);
    if (kind != nullptr) {
      input_ = experiments::named_place(member == metrics::kMini ? kind->mini : path);
      return;
    }
    is_extractor_faulty_ = true;
    const std::string forms = extractor_forms(rows());
    failure_.add("--extractor",
                 choice_.metric().name + " is not made of what '" + words_.extractor + "' gives",
                 forms.empty() ? "no extractor: it compares pixels" : forms);
  }

  void take_usual_extractor() {
    const auto* kind = metrics::usual_extractor_for(rows());
    choice_.take(kind);
    if (kind != nullptr && kind->has_input()) input_ = experiments::named_place(kind->mini);
    if (kind != nullptr) return;
    is_extractor_faulty_ = true;
    failure_.add("--extractor", choice_.metric().name + " needs one", extractor_forms(rows()));
  }

  void take_preset() {
    if (words_.preset.empty()) return;
    const auto* preset = metrics::find_preset(choice_.metric(), words_.preset);
    if (preset == nullptr) {
      const auto names = metrics::preset_names(choice_.metric());
      failure_.add("--protocol",
                   "'" + words_.preset + "' is no protocol of " + choice_.metric().name,
                   names.empty() ? "none: it has no other" : "one of: " + joined(names));
      return;
    }
    for (const auto& fault : choice_.take(*preset))
      failure_.add("--protocol", fault.what, fault.expected);
  }

  void take_setting(const std::string& setting) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      failure_.add("--set", "'" + setting + "' is no setting", "name=value");
      return;
    }
    const std::string name = setting.substr(0, equals), text = setting.substr(equals + 1);
    if (const Option* option = choice_.find(name)) return take_option(*option, text);
    const auto* kind = choice_.extractor();
    if (kind != nullptr && kind->takes_arguments && name.starts_with(kArgumentPrefix))
      return take_argument(name.substr(kArgumentPrefix.size()), typed(text));
    // Of which extractor it is to be nobody knows, where the one that was named is none.
    const auto names = possible_names();
    if (is_extractor_faulty_ && (names.contains(name) || name.starts_with(kArgumentPrefix))) return;
    failure_.add("--set", "'" + name + "' is no option of " + choice_.metric().name,
                 names.empty()
                     ? "none: it has no options"
                     : "one of: " + joined(std::vector<std::string>(names.begin(), names.end())));
  }

  // What may be set of the protocol and of the extractor; where that is at fault, of any.
  [[nodiscard]] std::set<std::string> possible_names() const {
    std::set<std::string> names;
    for (const auto& option : choice_.metric().protocol) names.insert(option.name);
    for (const auto& row : metrics::extractors()) {
      const bool may_be = is_extractor_faulty_ ? row.makes(rows()) : &row == choice_.extractor();
      if (!may_be) continue;
      for (const auto& option : row.options) names.insert(option.name);
      if (row.takes_arguments) names.insert(std::string(kArgumentPrefix) + "NAME");
    }
    return names;
  }

  void take_option(const Option& option, const std::string& text) {
    // A text that looks like a number is still a text.
    const bool is_text = option.kind == Option::Kind::kText || option.kind == Option::Kind::kChoice;
    const Json value = is_text ? Json(text) : typed(text);
    if (const auto expected = choice_.set(option, value))
      failure_.add("--set", option.name + " is " + canonical(value).substr(0, 60), *expected);
  }

  void take_argument(const std::string& name, const Json& value) {
    if (const auto expected = choice_.set_argument(name, value))
      failure_.add("--set", "the argument " + name + " is " + canonical(value).substr(0, 60),
                   *expected);
  }

  const MetricWords& words_;
  bool has_rows_;
  metrics::Choice choice_;
  bool is_extractor_faulty_ = false;
  std::filesystem::path input_;  // of the extractor
  Failure failure_;
};

}  // namespace

Result<MetricChoice> choose(const MetricWords& words, bool has_rows) {
  const auto* metric = metrics::find_metric(words.metric);
  if (metric == nullptr)
    return fail("--metric", "'" + words.metric.substr(0, 80) + "' is no metric",
                "one of: " + joined(metrics::metric_names()));
  return Choosing(words, *metric, has_rows).run();
}

}  // namespace isocost::diffusion
