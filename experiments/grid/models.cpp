#include "experiments/grid/models.h"

#include <algorithm>
#include <filesystem>
#include <vector>

namespace isocost::experiments {
namespace {

bool has_pattern(const std::string& name) { return name.find_first_of("*?[") != std::string::npos; }

Json with_path(const Json& value, const std::string& path) {
  if (value.is_string()) return path;
  Json changed = value;
  changed["path"] = path;
  return changed;
}

// The values that one of the file stands for: itself, or those of its pattern.
std::vector<Json> resolved(Catalog& catalog, Failure& failure, const Json& value,
                           const std::string& where) {
  const ModelRef ref = model_ref(value);
  const auto found = catalog.models(ref.path, where);
  if (!found) {
    failure.add(found.error());
    return {};
  }
  if (!ref.alias.empty() && found->size() > 1)
    failure.add(where,
                "'" + ref.alias + "' is to be the name of the " + std::to_string(found->size()) +
                    " models that '" + ref.path + "' matches",
                "a name of its own for each");
  std::vector<Json> values;
  for (const std::string& name : *found) values.push_back(with_path(value, name));
  return values;
}

// What a condition means among the values of the axis: those of this alias, of this folder in any
// variant, or another folder.
std::vector<Json> meant(Catalog& catalog, Failure& failure, const Axis& axis, const Json& value,
                        const std::string& where) {
  std::vector<Json> names = {value};
  if (value.is_string() && has_pattern(value.get<std::string>()))
    names = resolved(catalog, failure, value, where);
  std::vector<Json> values;
  for (const Json& name : names) {
    const std::size_t before = values.size();
    for (const Placed& one : axis.values) {
      const ModelRef ref = model_ref(one.value);
      if (!name.is_string()) continue;
      const auto text = name.get<std::string>();
      if (ref.path == text || ref.alias == text) values.push_back(one.value);
    }
    if (values.size() == before) values.push_back(name);
  }
  return values;
}

void resolve_rules(const Grid& grid, Catalog& catalog, Failure& failure, std::vector<Rule>& rules) {
  for (Rule& rule : rules) {
    for (Condition& condition : rule) {
      const auto axis = std::find_if(grid.axes.begin(), grid.axes.end(),
                                     [&](const Axis& a) { return a.name == condition.axis; });
      const bool names_values = condition.comparison.empty() || condition.comparison == "!=";
      if (axis == grid.axes.end() || !sets_model(*axis) || !names_values) continue;
      std::vector<Json> values;
      for (const Json& value : condition.values)
        for (Json& one : meant(catalog, failure, *axis, value, condition.where))
          values.push_back(std::move(one));
      condition.values = std::move(values);
    }
  }
}

// "org", "name" of "models--org--name".
std::vector<std::string> repository_of(const std::string& folder) {
  constexpr std::string_view kBegin = "models--";
  constexpr std::string_view kBetween = "--";
  std::vector<std::string> parts;
  if (!folder.starts_with(kBegin)) return parts;
  const auto between = folder.find(kBetween, kBegin.size());
  if (between != std::string::npos)
    parts.push_back(folder.substr(kBegin.size(), between - kBegin.size()));
  parts.push_back(
      folder.substr(between == std::string::npos ? kBegin.size() : between + kBetween.size()));
  std::erase(parts, "");
  return parts;
}

// How one model may be called.
struct Name {
  std::vector<std::string> parts;  // its folders; of a cache the repository's name instead
  std::string revision;            // of a cache's snapshot
  std::string variant;
  std::size_t length = 1;  // of the parts that are told
  bool has_revision = false, has_variant = false;

  [[nodiscard]] std::string text() const {
    std::string text;
    for (std::size_t i = parts.size() - std::min(length, parts.size()); i < parts.size(); ++i)
      text += (text.empty() ? "" : "/") + parts[i];
    constexpr std::size_t kShortRevision = 7;
    if (has_revision) text += "@" + revision.substr(0, kShortRevision);
    if (has_variant) text += " (" + variant + ")";
    return text;
  }
  // Tells one more thing; false when all is told.
  bool lengthen() {
    if (length < parts.size()) {
      ++length;
    } else if (!has_revision && !revision.empty()) {
      has_revision = true;
    } else if (!has_variant && !variant.empty()) {
      has_variant = true;
    } else {
      return false;
    }
    return true;
  }
};

Name name_of(const ModelRef& ref) {
  Name name;
  name.variant = ref.variant;
  for (const auto& part : std::filesystem::path(ref.path).lexically_normal())
    if (!part.empty() && part != "/") name.parts.push_back(part.string());
  const std::size_t n = name.parts.size();
  if (n < 3 || name.parts[n - 2] != "snapshots") return name;
  const auto repository = repository_of(name.parts[n - 3]);
  if (repository.empty()) return name;
  name.revision = name.parts.back();
  name.parts.resize(n - 3);
  name.parts.insert(name.parts.end(), repository.begin(), repository.end());
  return name;
}

// Two names of one folder in different variants tell the variant, and not ever more folders.
void tell_variants(std::map<Json, Name>& names) {
  for (auto& [value, name] : names)
    for (const auto& [other_value, other] : names)
      if (value != other_value && name.parts == other.parts && name.revision == other.revision)
        name.has_variant = !name.variant.empty();
  for (auto& [value, name] : names)
    for (const auto& [other_value, other] : names)
      if (name.parts == other.parts && name.revision != other.revision) name.has_revision = true;
}

}  // namespace

ModelRef model_ref(const Json& value) {
  if (value.is_string()) return {value.get<std::string>(), "", ""};
  if (!value.is_object()) return {};
  return {value.value("path", ""), value.value("variant", ""), value.value("as", "")};
}

bool sets_model(const Axis& axis) {
  return std::find(axis.paths.begin(), axis.paths.end(), "model") != axis.paths.end();
}

Grid with_models(const Grid& grid, Catalog& catalog, Failure& failure) {
  Grid found = grid;
  for (Axis& axis : found.axes) {
    if (!sets_model(axis)) continue;
    std::vector<Placed> values;
    for (const Placed& value : axis.values)
      for (Json& one : resolved(catalog, failure, value.value, value.where))
        values.push_back({std::move(one), value.where});
    axis.values = std::move(values);
  }
  resolve_rules(found, catalog, failure, found.exclude);
  resolve_rules(found, catalog, failure, found.include);
  return found;
}

std::set<Json> model_values(const Grid& grid) {
  std::set<Json> values;
  for (const Axis& axis : grid.axes) {
    if (!sets_model(axis)) continue;
    for (const Placed& value : axis.values) values.insert(value.value);
    for (const Rule& rule : grid.include) {
      for (const Condition& condition : rule) {
        if (condition.axis != axis.name) continue;
        values.insert(condition.values.begin(), condition.values.end());
      }
    }
  }
  return values;
}

std::map<Json, std::string> model_labels(const std::set<Json>& values, Failure& failure,
                                         const std::string& where) {
  std::map<Json, std::string> labels;
  std::map<Json, Name> names;
  std::set<std::string> aliases;
  for (const Json& value : values) {
    const ModelRef ref = model_ref(value);
    if (ref.alias.empty()) {
      names.emplace(value, name_of(ref));
    } else {
      labels[value] = ref.alias;
      if (!aliases.insert(ref.alias).second)
        failure.add(where, "two models are to be called '" + ref.alias + "'",
                    "a name of its own for each");
    }
  }
  tell_variants(names);
  for (bool is_longer = true; is_longer;) {
    is_longer = false;
    // Models by what they are called now; two spellings of one path are one model.
    std::map<std::string, std::set<std::tuple<std::vector<std::string>, std::string, std::string>>>
        called;
    for (const auto& [value, name] : names)
      called[name.text()].emplace(name.parts, name.revision, name.variant);
    for (auto& [value, name] : names) {
      const std::string text = name.text();
      if (called[text].size() > 1 || aliases.contains(text)) is_longer |= name.lengthen();
    }
  }
  for (const auto& [value, name] : names) {
    labels[value] = name.text();
    if (aliases.contains(labels[value]))
      failure.add(where, "two models are called '" + labels[value] + "'",
                  "another name, as: NAME, for one of them");
  }
  return labels;
}

}  // namespace isocost::experiments
