#include "worker/diffusion/metrics/evaluation/choice.h"

#include <algorithm>

#include "experiments/world/mini_folder.h"

namespace isocost::diffusion {
namespace {

constexpr std::string_view kArgumentPrefix = "arguments.";

std::vector<std::string> option_names(const std::vector<Option>& options) {
  std::vector<std::string> names;
  names.reserve(options.size());
  for (const auto& option : options) names.push_back(option.name);
  return names;
}

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
  Choosing(const MetricWords& words, bool has_rows) : words_(words), has_rows_(has_rows) {}

  Result<MetricChoice> run() {
    choice_.metric = metrics::find_metric(words_.metric);
    if (choice_.metric == nullptr)
      return fail("--metric", "'" + words_.metric.substr(0, 80) + "' is no metric",
                  "one of: " + joined(metrics::metric_names()));
    choose_extractor();
    if (kind_ != nullptr) {
      choice_.extractor = {kind_->kind, {}, defaults_of(kind_->options)};
      if (kind_->takes_arguments) choice_.extractor.options[metrics::kArguments] = Json::object();
    }
    choice_.protocol = defaults_of(choice_.metric->protocol);
    take_preset();
    for (const auto& setting : words_.settings) take_setting(setting);
    for (const auto& option : choice_.metric->protocol)
      if (const Option* needed = lacking(choice_.metric->protocol, option, choice_.protocol))
        failure_.add("--set", option.name + " has no effect without " + needed->name);
    if (!failure_.is_empty()) return fail(std::move(failure_));
    return std::move(choice_);
  }

 private:
  void choose_extractor() {
    const metrics::Rows rows = choice_.metric->rows;
    if (words_.extractor.empty()) {
      kind_ = has_rows_ ? nullptr : metrics::usual_extractor_for(rows);
      if (kind_ == nullptr && !has_rows_)
        failure_.add("--extractor", words_.metric + " needs one", extractor_forms(rows));
      if (kind_ != nullptr && kind_->has_input()) choice_.input = mini_input();
      return;
    }
    if (has_rows_) {
      failure_.add("--extractor", "the pictures are rows already", "rows or an extractor");
      return;
    }
    std::string member(metrics::member_of_path(rows, words_.extractor)), path = words_.extractor;
    const auto colon = path.find(':');
    if (path == metrics::kMini) {
      member = path;
    } else if (colon != std::string::npos && is_member(path.substr(0, colon))) {
      member = path.substr(0, colon);
      path = path.substr(colon + 1);
    }
    kind_ = member.empty() ? nullptr : metrics::extractor_for(rows, member);
    if (kind_ == nullptr) {
      const std::string forms = extractor_forms(rows);
      failure_.add("--extractor",
                   words_.metric + " is not made of what '" + words_.extractor + "' gives",
                   forms.empty() ? "no extractor: it compares pixels" : forms);
      return;
    }
    choice_.input = member == metrics::kMini ? mini_input() : std::filesystem::path(path);
  }

  static bool is_member(const std::string& word) {
    const auto& rows = metrics::extractors();
    return std::any_of(rows.begin(), rows.end(), [&](const metrics::Extractor& row) {
      return !row.member.empty() && row.member == word;
    });
  }

  // "mini/features" is the folder features of the family.
  [[nodiscard]] std::filesystem::path mini_input() const {
    return experiments::mini_folder() / std::filesystem::path(kind_->mini).filename();
  }

  void take_preset() {
    if (words_.preset.empty()) return;
    std::vector<std::string> names;
    for (const auto& preset : choice_.metric->presets) {
      names.push_back(preset.name);
      if (preset.name != words_.preset) continue;
      choice_.protocol.update(preset.protocol);
      if (kind_ == nullptr) return;
      for (const auto& [name, value] : preset.extractor_options.items()) {
        if (find_option(kind_->options, name) == nullptr) {
          failure_.add("--protocol", words_.preset + " is about another extractor",
                       "one with the option " + name);
          return;
        }
        choice_.extractor.options[name] = value;
      }
      return;
    }
    failure_.add("--protocol", "'" + words_.preset + "' is no protocol of " + words_.metric,
                 names.empty() ? "none: it has no other" : "one of: " + joined(names));
  }

  void take_setting(const std::string& setting) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      failure_.add("--set", "'" + setting + "' is no setting", "name=value");
      return;
    }
    const std::string name = setting.substr(0, equals);
    const Json value = typed(setting.substr(equals + 1));
    const bool takes_arguments = kind_ != nullptr && kind_->takes_arguments;
    if (takes_arguments && name.starts_with(kArgumentPrefix)) {
      take_argument(name.substr(kArgumentPrefix.size()), value);
      return;
    }
    const Option* own = kind_ == nullptr ? nullptr : find_option(kind_->options, name);
    const Option* option = own != nullptr ? own : find_option(choice_.metric->protocol, name);
    if (option == nullptr) {
      auto names = option_names(choice_.metric->protocol);
      if (kind_ != nullptr)
        for (const auto& one : option_names(kind_->options)) names.push_back(one);
      if (takes_arguments) names.emplace_back("arguments.NAME");
      failure_.add("--set", "'" + name + "' is no option of " + words_.metric,
                   names.empty() ? "none: it has no options" : "one of: " + joined(names));
      return;
    }
    // A text that looks like a number is still a text.
    const bool is_text =
        option->kind == Option::Kind::kText || option->kind == Option::Kind::kChoice;
    const Json fitting = is_text ? Json(setting.substr(equals + 1)) : value;
    if (const auto expected = misfit(*option, fitting)) {
      failure_.add("--set", name + " is " + canonical(fitting).substr(0, 60), *expected);
      return;
    }
    (own != nullptr ? choice_.extractor.options : choice_.protocol)[name] =
        normal_form(*option, fitting);
  }

  void take_argument(const std::string& name, const Json& value) {
    if (!value.is_boolean() && !value.is_number())
      failure_.add("--set", "the argument " + name + " is " + canonical(value).substr(0, 60),
                   "true, false or a number");
    else
      choice_.extractor.options[metrics::kArguments][name] = value;
  }

  const MetricWords& words_;
  bool has_rows_;
  const metrics::Extractor* kind_ = nullptr;
  MetricChoice choice_;
  Failure failure_;
};

}  // namespace

Result<MetricChoice> choose(const MetricWords& words, bool has_rows) {
  return Choosing(words, has_rows).run();
}

}  // namespace isocost::diffusion
