// Metrics: each with its extractor, its reference and its protocol, as the tables in schema/metrics
// have them.
#include <optional>

#include "experiments/grid/parse_parts.h"
#include "schema/metrics/choice.h"

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

void take_option(YamlFile& file, const YAML::Node& node, const Option& option,
                 const std::string& owner, metrics::Choice& choice) {
  if (const auto expected = choice.set(option, file.tree(node)))
    file.fault(node, "'" + option.name + "' of " + owner + " does not fit", *expected);
}

// {name: true | false | number}
void take_arguments(YamlFile& file, const YAML::Node& node, metrics::Choice& choice) {
  const Json values = file.tree(node);
  if (!values.is_object()) {
    file.fault(node, "'arguments' is no map", "{name: true, false or a number}");
    return;
  }
  for (const auto& [name, value] : values.items())
    if (const auto expected = choice.set_argument(name, value))
      file.fault(node, "the argument '" + name + "' does not fit", *expected);
}

std::string extractors_text(const metrics::Metric& metric) {
  std::vector<std::string> forms;
  if (metrics::extractor_for(metric.rows, metrics::kMini) != nullptr)
    forms.emplace_back(metrics::kMini);
  for (const auto& member : metrics::members_for(metric.rows))
    forms.push_back("{" + member + ": ...}");
  const auto* plain = metrics::extractor_for(metric.rows, {});
  if (plain != nullptr)
    forms.push_back("{" + joined(option_names(plain->options)) + "}, each at will");
  return joined(forms);
}

class MetricReader {
 public:
  MetricReader(YamlFile& file, const metrics::Metric& row) : file_(file), row_(row), choice_(row) {}

  // `name`: where the metric stands.
  Metric read(const YAML::Node& name, const YAML::Node* settings) {
    const auto* usual = metrics::usual_extractor_for(row_.rows);
    const bool is_mini = usual != nullptr && usual->has_input();
    take_extractor(is_mini ? metrics::kMini : std::string_view(), {});
    if (usual == nullptr && !says_extractor(settings))
      file_.fault(name, row_.name + " needs an extractor", extractors_text(row_));
    if (settings != nullptr) read_settings(*settings);
    metric_.name = row_.name;
    metric_.protocol = choice_.protocol();
    metric_.extractor = {.kind = choice_.extractor() == nullptr ? "" : choice_.extractor()->kind,
                         .name = std::move(extractor_name_),
                         .options = choice_.extractor_options()};
    return std::move(metric_);
  }

 private:
  static bool says_extractor(const YAML::Node* settings) {
    return settings != nullptr && settings->IsMap() && (*settings)["extractor"];
  }

  // `name`: of its input. Without a kind where there is none.
  void take_extractor(std::string_view member, const std::string& name) {
    const auto* kind = metrics::extractor_for(row_.rows, member);
    choice_.take(kind);
    extractor_name_ = kind == nullptr ? "" : member == metrics::kMini ? kind->mini : name;
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
    take_extractor(is_mini ? metrics::kMini : metrics::member_of_path(row_.rows, name), name);
    // A path is the input of something.
    const auto* kind = choice_.extractor();
    if ((kind == nullptr || !kind->has_input()) && !name.empty())
      file_.fault(node, row_.name + " is not made of what " + name + " gives",
                  extractors_text(row_));
  }

  void read_extractor_map(const YAML::Node& node) {
    std::string member;
    for (const auto& candidate : metrics::members_for(row_.rows))
      if (node[candidate]) member = candidate;
    take_extractor(member, {});
    const auto* kind = choice_.extractor();
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
        extractor_name_ = file_.text(value, member);
      else if (name == metrics::kArguments)
        take_arguments(file_, value, choice_);
      else
        take_option(file_, value, *choice_.find(name), "the extractor " + member, choice_);
    }
  }

  // A name that the field knows, or the options themselves.
  void read_protocol(const YAML::Node& node) {
    if (node.IsScalar()) return take_preset(node);
    // What needs no input has nothing else that could say how it computes.
    const auto* plain = metrics::extractor_for(row_.rows, {});
    const auto own = plain == nullptr ? std::vector<std::string>() : option_names(plain->options);
    const Members members =
        file_.members(node, names_of(row_.protocol, own), "the protocol of " + row_.name);
    for (const auto& [name, value] : members)
      if (const Option* option = choice_.find(name))  // else the extractor's fault is told
        take_option(file_, value, *option, row_.name, choice_);
    for (const auto& [name, value] : members) {
      const Option* option = find_option(row_.protocol, name);
      const Option* needed =
          option == nullptr ? nullptr : lacking(row_.protocol, *option, choice_.protocol());
      if (needed != nullptr)
        file_.fault(value,
                    "'" + name + "' of " + row_.name + " has no effect without " + needed->name,
                    "'" + needed->name + "' beside it: " + expected_text(*needed) + ", not " +
                        canonical(needed->fallback));
    }
  }

  void take_preset(const YAML::Node& node) {
    const std::string name =
        file_.choice(node, "protocol of " + row_.name, metrics::preset_names(row_));
    if (const auto* preset = metrics::find_preset(row_, name))
      for (const auto& fault : choice_.take(*preset)) file_.fault(node, fault.what, fault.expected);
  }

  YamlFile& file_;
  const metrics::Metric& row_;
  metrics::Choice choice_;
  std::string extractor_name_;
  Metric metric_;
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
