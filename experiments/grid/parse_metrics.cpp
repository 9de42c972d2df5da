// Metrics: each with its extractor, its reference and its protocol, as the tables in schema/metrics
// have them.
#include <optional>

#include "experiments/grid/parse_parts.h"
#include "schema/metrics/extractor.h"

namespace isocost::experiments {
namespace {

Reference read_reference(YamlFile& file, const YAML::Node& node) {
  Reference reference;
  reference.where = file.where(node);
  const Members members =
      file.members(node, {"world", "count", "seed", "folder", "npz"}, "reference");
  int kinds = 0;
  for (const char* kind : {"world", "folder", "npz"}) {
    if (!members.contains(kind)) continue;
    ++kinds;
    reference.kind = kind;
    if (reference.kind == "world")
      read_world(file, members, 2, reference);
    else
      reference.path = file.text(members.at(kind), kind);
  }
  if (node.IsMap() && kinds != 1) {
    file.fault(node, "reference names " + std::to_string(kinds) + " sources",
               "one of: world, folder, npz");
  }
  if (kinds == 1 && reference.kind != "world")
    refuse_beside(file, members, reference.kind, {"count", "seed"});
  return reference;
}

// Names of options that `values` may have, beside `more`.
std::set<std::string> names_of(const std::vector<Option>& options,
                               const std::vector<std::string>& more = {}) {
  std::set<std::string> names(more.begin(), more.end());
  for (const auto& option : options) names.insert(option.name);
  return names;
}

std::vector<std::string> names_in(const std::vector<Option>& options) {
  std::vector<std::string> names;
  for (const auto& option : options) names.push_back(option.name);
  return names;
}

// Takes `value` over into `into` where it fits.
void take_option(YamlFile& file, const YAML::Node& node, const Option& option,
                 const std::string& owner, Json& into) {
  const Json value = file.tree(node);
  if (const auto expected = misfit(option, value))
    file.fault(node, "'" + option.name + "' of " + owner + " does not fit", *expected);
  else
    into[option.name] = normal_form(option, value);
}

// {name: true | false | number}
Json read_arguments(YamlFile& file, const YAML::Node& node) {
  const Json values = file.tree(node);
  if (!values.is_object()) {
    file.fault(node, "'arguments' is no map", "{name: true, false or a number}");
    return Json::object();
  }
  for (const auto& [name, value] : values.items())
    if (!value.is_boolean() && !value.is_number())
      file.fault(node, "the argument '" + name + "' does not fit", "true, false or a number");
  return values;
}

// An extractor with its defaults. Without a kind where there is none.
ExtractorChoice choice_of(const metrics::Extractor* row, std::string_view member,
                          std::string name) {
  if (row == nullptr) return {};
  ExtractorChoice choice{row->kind, std::move(name), defaults_of(row->options)};
  if (member == metrics::kMini) choice.name = row->mini;
  if (row->takes_arguments) choice.options[metrics::kArguments] = Json::object();
  return choice;
}

ExtractorChoice choice_of(const metrics::Metric& metric, std::string_view member,
                          std::string name) {
  return choice_of(metrics::extractor_for(metric.rows, member), member, std::move(name));
}

std::string extractors_text(const metrics::Metric& metric) {
  std::vector<std::string> forms;
  if (metrics::extractor_for(metric.rows, metrics::kMini) != nullptr)
    forms.emplace_back(metrics::kMini);
  for (const auto& member : metrics::members_for(metric.rows))
    forms.push_back("{" + member + ": ...}");
  const auto* plain = metrics::extractor_for(metric.rows, {});
  if (plain != nullptr) forms.push_back("{" + joined(names_in(plain->options)) + "}, each at will");
  return joined(forms);
}

class MetricReader {
 public:
  MetricReader(YamlFile& file, const metrics::Metric& row) : file_(file), row_(row) {}

  // `name`: where the metric stands.
  Metric read(const YAML::Node& name, const YAML::Node* settings) {
    metric_.name = row_.name;
    const auto* usual = metrics::usual_extractor_for(row_.rows);
    const bool is_mini = usual != nullptr && usual->has_input();
    metric_.extractor = choice_of(usual, is_mini ? metrics::kMini : std::string_view(), {});
    metric_.protocol = defaults_of(row_.protocol);
    if (metric_.extractor.kind.empty() && !says_extractor(settings))
      file_.fault(name, row_.name + " needs an extractor", extractors_text(row_));
    if (settings != nullptr) read_settings(*settings);
    return std::move(metric_);
  }

 private:
  static bool says_extractor(const YAML::Node* settings) {
    return settings != nullptr && settings->IsMap() && (*settings)["extractor"];
  }

  void read_settings(const YAML::Node& node) {
    const Members members = file_.members(node, {"extractor", "reference", "protocol"}, "a metric");
    const auto extractor = members.find("extractor");
    if (extractor != members.end()) read_extractor(extractor->second);
    if (members.contains("reference"))
      metric_.reference = read_reference(file_, members.at("reference"));
    if (members.contains("protocol")) read_protocol(members.at("protocol"));
  }

  void read_extractor(const YAML::Node& node) {
    if (node.IsMap()) return read_extractor_map(node);
    const std::string name = file_.text(node, "extractor");
    const bool is_mini = name == metrics::kMini;
    metric_.extractor =
        choice_of(row_, is_mini ? metrics::kMini : metrics::member_of_path(row_.rows, name), name);
    // A path is the input of something.
    const auto* kind = metrics::find_extractor(metric_.extractor.kind);
    if ((kind == nullptr || !kind->has_input()) && !name.empty())
      file_.fault(node, row_.name + " is not made of what " + name + " gives",
                  extractors_text(row_));
  }

  void read_extractor_map(const YAML::Node& node) {
    std::string member;
    for (const auto& candidate : metrics::members_for(row_.rows))
      if (node[candidate]) member = candidate;
    metric_.extractor = choice_of(row_, member, {});
    const auto* kind = metrics::find_extractor(metric_.extractor.kind);
    if (kind == nullptr) {
      file_.fault(node, "this names no extractor of " + row_.name, extractors_text(row_));
      return;
    }
    std::vector<std::string> more;
    if (kind->has_input()) more.push_back(member);
    if (kind->takes_arguments) more.emplace_back(metrics::kArguments);
    for (const auto& [name, value] :
         file_.members(node, names_of(kind->options, more), "the extractor " + member)) {
      if (name == member && kind->has_input())
        metric_.extractor.name = file_.text(value, member);
      else if (name == metrics::kArguments)
        metric_.extractor.options[name] = read_arguments(file_, value);
      else
        take_option(file_, value, *find_option(kind->options, name), "the extractor " + member,
                    metric_.extractor.options);
      told_.insert(name);
    }
  }

  // A name that the field knows, or the options themselves.
  void read_protocol(const YAML::Node& node) {
    if (node.IsScalar()) return take_preset(node);
    // What needs no input has nothing else that could say how it computes.
    const auto* plain = metrics::extractor_for(row_.rows, {});
    const auto own = plain == nullptr ? std::vector<Option>() : plain->options;
    Members members =
        file_.members(node, names_of(row_.protocol, names_in(own)), "the protocol of " + row_.name);
    for (const auto& option : own) {
      const auto said = members.find(option.name);
      if (said == members.end()) continue;
      take_option(file_, said->second, option, row_.name, metric_.extractor.options);
      members.erase(said);
    }
    for (const auto& [name, value] : members)
      take_option(file_, value, *find_option(row_.protocol, name), row_.name, metric_.protocol);
    for (const auto& [name, value] : members)
      if (const Option* needed =
              lacking(row_.protocol, *find_option(row_.protocol, name), metric_.protocol))
        file_.fault(value,
                    "'" + name + "' of " + row_.name + " has no effect without " + needed->name,
                    "'" + needed->name + "' beside it: " + expected_text(*needed) + ", not " +
                        canonical(needed->fallback));
  }

  void take_preset(const YAML::Node& node) {
    std::vector<std::string> names;
    for (const auto& preset : row_.presets) names.push_back(preset.name);
    const std::string name = file_.choice(node, "protocol of " + row_.name, names);
    for (const auto& preset : row_.presets) {
      if (preset.name != name) continue;
      metric_.protocol.update(preset.protocol);
      if (!preset.extractor_options.empty()) take_preset_options(node, preset);
    }
  }

  // They belong to a network that the user brings; what the grid says of it beside them would be
  // overruled.
  void take_preset_options(const YAML::Node& node, const metrics::Preset& preset) {
    const auto* kind = metrics::find_extractor(metric_.extractor.kind);
    if (kind == nullptr) return;
    for (const auto& [option, value] : preset.extractor_options.items()) {
      if (find_option(kind->options, option) == nullptr) {
        file_.fault(node, "the protocol " + preset.name + " is about another extractor",
                    "{torchscript: FILE} as the extractor");
        return;
      }
      if (told_.contains(option))
        file_.fault(node,
                    "the protocol " + preset.name + " says " + option + " beside the extractor",
                    "one of the two");
      metric_.extractor.options[option] = value;
    }
  }

  YamlFile& file_;
  const metrics::Metric& row_;
  Metric metric_;
  std::set<std::string> told_;  // options that the grid's extractor says
};

Metric read_metric(YamlFile& file, const YAML::Node& node) {
  const auto read = [&](const YAML::Node& name, const YAML::Node* settings) {
    const auto* row = metrics::find_metric(file.choice(name, "metric", metrics::metric_names()));
    Metric metric;
    if (row != nullptr) metric = MetricReader(file, *row).read(name, settings);
    metric.where = file.where(node);
    return metric;
  };
  if (node.IsScalar()) return read(node, nullptr);
  if (!node.IsMap() || node.size() != 1) {
    file.fault(node, "this is no metric", "a name, or name: {extractor, reference, protocol}");
    Metric none;
    none.where = file.where(node);
    return none;
  }
  const auto pair = *node.begin();
  return read(pair.first, pair.second.IsNull() ? nullptr : &pair.second);
}

}  // namespace

std::vector<Metric> read_metrics(YamlFile& file, const YAML::Node& node) {
  std::vector<Metric> list;
  if (!node.IsSequence()) {
    file.fault(node, "metrics is no list", "a list of metrics");
    return list;
  }
  if (node.size() == 0)
    file.fault(node, "metrics is empty: a study without a score compares nothing",
               "at least one of " + joined(metrics::metric_names()));
  for (const auto& item : node) list.push_back(read_metric(file, item));
  return list;
}

}  // namespace isocost::experiments
