#include "experiments/grid/describe.h"

#include <fmt/format.h>

#include <algorithm>

#include "experiments/grid/parameters.h"
#include "schema/items.h"
#include "schema/metrics/extractor.h"
#include "schema/samplers/resolve.h"
#include "schema/tasks/baseline.h"
#include "schema/tasks/task.h"

namespace isocost::experiments {
namespace {

constexpr std::string_view kMark = "<!-- table: ";
constexpr std::string_view kMarkEnd = " -->\n";
constexpr std::string_view kEnd = "<!-- end -->";
constexpr std::size_t kSchemaWidth = 160;

Json object_of(const std::vector<Option>& options) {
  Json properties = Json::object(), needs = Json::object();
  for (const auto& option : options) {
    properties[option.name] = json_schema(option);
    properties[option.name]["description"] = option.meaning;
    if (!option.needs.empty()) needs[option.name] = {option.needs};
  }
  Json object = {{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
  if (!needs.empty()) object["dependentRequired"] = needs;
  return object;
}

Json protocol_schema(const metrics::Metric& metric) {
  Json names = Json::array();
  for (const auto& preset : metric.presets) names.push_back(preset.name);
  // Of what needs no input all is said here.
  std::vector<Option> all = metric.protocol;
  if (const auto* plain = metrics::extractor_for(metric.rows, {}))
    all.insert(all.end(), plain->options.begin(), plain->options.end());
  Json options = object_of(all);
  if (names.empty()) return options;
  return {{"anyOf", {{{"enum", names}}, options}}};
}

// What a grid may say of an extractor that makes such rows.
Json extractor_schema(metrics::Rows rows) {
  std::string paths =
      metrics::extractor_for(rows, metrics::kMini) ? std::string(metrics::kMini) : "";
  Json forms = Json::array();
  const auto* plain = metrics::extractor_for(rows, {});
  if (plain != nullptr) return object_of(plain->options);
  for (const auto& row : metrics::extractors()) {
    if (!row.makes(rows) || row.member.empty()) continue;
    paths += (paths.empty() ? "" : ", or ") + row.input;
    Json form = object_of(row.options);
    form["properties"][row.member] = {{"type", "string"}, {"description", row.input}};
    if (row.takes_arguments)
      form["properties"][metrics::kArguments] = {
          {"type", "object"}, {"additionalProperties", {{"type", {"boolean", "number"}}}}};
    form["required"] = {row.member};
    forms.push_back(form);
  }
  if (forms.empty()) return {{"enum", {metrics::kMini}}};
  const Json path = {{"type", "string"}, {"description", paths}};
  forms.insert(forms.begin(), path);
  return {{"anyOf", forms}};
}

std::string extractor_definition(metrics::Rows rows) {
  return "extractor_of_" + metrics::rows_kind(rows).word;
}

Json reference_to(const std::string& definition) { return {{"$ref", "#/$defs/" + definition}}; }

Json metric_schema() {
  Json properties = Json::object();
  for (const auto& row : metrics::metrics()) {
    Json members = {{"extractor", reference_to(extractor_definition(row.rows))},
                    {"protocol", protocol_schema(row)}};
    if (row.reference != metrics::ReferenceNeed::kNone)
      members["reference"] = reference_to("reference");
    properties[row.name] = {{"type", {"object", "null"}},
                            {"additionalProperties", false},
                            {"description", row.explanation},
                            {"properties", members}};
  }
  return {{"anyOf",
           {{{"enum", metrics::metric_names()}},
            {{"type", "object"},
             {"minProperties", 1},
             {"maxProperties", 1},
             {"additionalProperties", false},
             {"properties", properties}}}}};
}

// A degradation by its name, or with its options.
Json degradation_schema() {
  Json forms = Json::array({{{"enum", degradation_names()}}});
  for (const auto& row : degradations()) {
    const Json options = object_of(row.options);
    forms.push_back({{"type", "object"},
                     {"additionalProperties", false},
                     {"required", {row.name}},
                     {"description", row.meaning},
                     {"properties", {{row.name, options}}}});
  }
  return {{"anyOf", forms}};
}

Json baselines_schema() {
  Json names = Json::array();
  for (const auto& row : tasks::baselines()) names.push_back(row.name);
  return {{"type", "array"},
          {"uniqueItems", true},
          {"items", {{"enum", names}}},
          {"description", "Cells that no network draws, to hold the others against."}};
}

// One of the map `tasks`. Those that begin with pictures have data, no others.
Json task_schema() {
  Json properties = Json::object(), with_pictures = Json::array();
  for (const char* key : {"prompts", "images", "judge_from", "metrics", "baselines", "data",
                          "degradation", "task_kind"})
    properties[key == std::string("task_kind") ? "kind" : key] = reference_to(key);
  properties["method"] = {{"enum", tasks::task_names()}, {"description", "Of the kind."}};
  properties["model"] = {{"type", "string"},
                         {"pattern", "\\{(model|name)\\}"},
                         {"description", "A pattern over the models of the axis: \"{model}-sr\"."}};
  properties["factor"] = {{"type", "integer"},
                          {"minimum", 2},
                          {"maximum", kFactorMax},
                          {"description", "How many times as high and wide pictures become."}};
  for (const auto& option : tasks::all_parameters()) {
    properties[option.name] = json_schema(option);
    properties[option.name]["description"] = option.meaning;
  }
  for (const auto& row : tasks::task_kinds())
    if (!tasks::is_of_prompts(row) &&
        std::find(with_pictures.begin(), with_pictures.end(), row.kind) == with_pictures.end())
      with_pictures.push_back(row.kind);
  return {{"type", "object"},
          {"additionalProperties", false},
          {"properties", properties},
          {"if", {{"required", {"kind"}}, {"properties", {{"kind", {{"enum", with_pictures}}}}}}},
          {"then", {{"required", {"data"}}}},
          {"else", {{"properties", {{"data", false}}}}}};
}

// Axes of parameters that tasks have.
Json parameter_axes_schema() {
  Json properties = Json::object();
  for (const auto& option : tasks::all_parameters()) {
    const Json list = {
        {"type", "array"}, {"minItems", 1}, {"items", {{"type", {"string", "number", "null"}}}}};
    properties[option.name] = {{"description", option.meaning},
                               {"anyOf", {reference_to("values"), list}}};
  }
  return {{"properties", properties}};
}

std::map<std::string, Json> make_definitions() {
  Json options = Json::array(), usual = Json::array();
  for (const auto& path : parameter_paths())
    (path.starts_with("sampler.") ? options : usual).push_back(path);
  std::map<std::string, Json> definitions = {
      {"sampler", {{"enum", sampling::sampler_names()}}},
      {"spacing", {{"enum", spacing_names()}}},
      {"option", {{"enum", options}}},
      {"path", {{"anyOf", {reference_to("option"), {{"enum", usual}}}}}},
      {"baselines", baselines_schema()},
      {"task_kind", {{"enum", tasks::kind_names()}, {"description", "What the task does."}}},
      {"task", task_schema()},
      {"parameter_axes", parameter_axes_schema()},
      {"degradation", degradation_schema()},
      {"fit", {{"enum", fit_names()}}},
      {"metric", metric_schema()}};
  for (const auto& kind : metrics::rows_kinds())
    definitions[extractor_definition(kind.rows)] = extractor_schema(kind.rows);
  return definitions;
}

std::string on_one_line(const Json& value) {
  if (!value.is_structured() || value.empty()) return value.dump();
  std::string text;
  for (const auto& [key, member] : value.items())
    text += (text.empty() ? "" : ", ") + (value.is_object() ? Json(key).dump() + ": " : "") +
            on_one_line(member);
  return value.is_object() ? "{" + text + "}" : "[" + text + "]";
}

// On one line where it fits, else a member a line. `used`: what stands before it on its line.
std::string written(const Json& value, std::size_t indent, std::size_t used) {
  std::string line = on_one_line(value);
  if (used + line.size() <= kSchemaWidth || !value.is_structured()) return line;
  std::string text = value.is_object() ? "{" : "[";
  const std::string inner(indent + 2, ' ');
  for (const auto& [key, member] : value.items()) {
    const std::string name = value.is_object() ? Json(key).dump() + ": " : "";
    text += (text.size() == 1 ? "\n" : ",\n") + inner + name +
            written(member, indent + 2, inner.size() + name.size());
  }
  return text + "\n" + std::string(indent, ' ') + (value.is_object() ? "}" : "]");
}

std::string code(const std::string& text) { return "`" + text + "`"; }

std::string code_list(const std::vector<Option>& options, const std::set<std::string>& left_out) {
  std::vector<std::string> names;
  for (const auto& option : options)
    if (!left_out.contains(option.name)) names.push_back(code(option.name));
  return joined(names);
}

std::string default_text(const Option& option) {
  if (option.fallback.is_string())
    return option.fallback == "" ? "empty" : code(option.fallback.get<std::string>());
  return code(canonical(option.fallback));
}

std::string options_table(const char* head, const std::vector<Option>& options) {
  std::string text = fmt::format("| {} | default | fits | |\n|---|---|---|---|\n", head);
  for (const auto& option : options)
    text += fmt::format("| `{}` | {} | {} | {} |\n", option.name, default_text(option),
                        expected_text(option), option.meaning);
  return text;
}

std::string samplers_table() {
  std::string text =
      "| sampler | | as diffusers' | spacing by default | karras |\n|---|---|---|---|---|\n";
  for (const auto& row : sampling::samplers())
    text += fmt::format("| `{}` | {} ({}) | {} | {} | {} |\n", row.name, row.label, row.paper,
                        row.class_name, row.default_spacing, row.may_space_by_karras ? "yes" : "");
  return text;
}

std::string sampler_options_table() {
  const auto& left_out = options_left_out();
  std::string text = "| sampler | options |\n|---|---|\n";
  text += "| all | " + code_list(sampling::shared_options(), left_out) + " |\n";
  for (const auto& row : sampling::samplers())
    text += fmt::format("| `{}` | {} |\n", row.name, code_list(row.options, left_out));
  return text;
}

std::string rows_text(metrics::Rows rows) { return metrics::rows_kind(rows).text; }

// What a metric has beside the picture, for people: "its target".
std::string needs_text(const metrics::Metric& row) {
  std::vector<std::string> needs;
  for (const auto slot : row.needs()) needs.emplace_back(tasks::slot_name(slot));
  if (row.reference == metrics::ReferenceNeed::kStatistics)
    needs.emplace_back("a reference: statistics");
  if (row.reference == metrics::ReferenceNeed::kRows) needs.emplace_back("a reference: rows");
  return needs.empty() ? "nothing" : joined(needs);
}

std::string metrics_table() {
  std::string text =
      "| metric | rows | needs | images | best | defined by | same as |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const auto& row : metrics::metrics())
    text +=
        fmt::format("| `{}` | {} | {} | {} or more | {} | {} | {} |\n", row.name,
                    rows_text(row.rows), needs_text(row), row.images_for(defaults_of(row.protocol)),
                    row.is_lower_better() ? "lower" : "higher", row.paper, row.same_as);
  return text;
}

std::string presets_table() {
  std::string text = "| metric | protocol | |\n|---|---|---|\n";
  for (const auto& row : metrics::metrics())
    for (const auto& preset : row.presets)
      text += fmt::format("| `{}` | `{}` | {} |\n", row.name, preset.name, preset.meaning);
  return text;
}

std::string extractors_table() {
  std::string text = "| kind | in a grid | input | rows |\n|---|---|---|---|\n";
  for (const auto& row : metrics::extractors()) {
    const std::string form = !row.has_input()     ? "`protocol: {...}`"
                             : row.member.empty() ? "`mini`"
                                                  : "`{" + row.member + ": ...}`";
    std::string made;
    for (const auto rows : row.rows) made += (made.empty() ? "" : ", or ") + rows_text(rows);
    text += fmt::format("| `{}` | {} | {} | {} |\n", row.kind, form, row.input, made);
  }
  return text;
}

std::string extractor_options_table(const metrics::Extractor& row) {
  std::string text = options_table("option", row.options);
  if (row.takes_arguments)
    text +=
        fmt::format("| `{}` | none | a map of true, false or numbers | of the module's forward |\n",
                    metrics::kArguments);
  return text;
}

std::string slots_text(const tasks::TaskKind& row) {
  std::vector<std::string> names;
  names.reserve(row.slots.size());
  for (const auto slot : row.slots) names.emplace_back(tasks::slot_name(slot));
  return joined(names);
}

std::string tasks_table() {
  std::string text = "| kind | method | an item has | parameters | |\n|---|---|---|---|---|\n";
  for (const auto& row : tasks::task_kinds())
    text += fmt::format("| `{}` | `{}`{} | {} | {} | {} |\n", row.kind, row.name,
                        row.is_usual ? " (the usual one)" : "", slots_text(row),
                        code_list(row.parameters, {}), row.explanation);
  return text;
}

// Methods have defaults of their own.
std::string task_parameters_table() {
  std::string text = "| method | parameter | default | fits | |\n|---|---|---|---|---|\n";
  for (const auto& row : tasks::task_kinds())
    for (const auto& option : row.parameters)
      text += fmt::format("| `{}` | `{}` | {} | {} | {} |\n", row.name, option.name,
                          default_text(option), expected_text(option), option.meaning);
  return text;
}

std::string baselines_table() {
  std::string text = "| baseline | beside | made of | |\n|---|---|---|---|\n";
  for (const auto& row : tasks::baselines())
    text += fmt::format("| `{}` | {} | {} | {} |\n", row.name, joined(tasks::kinds_beside(row)),
                        tasks::slot_name(row.slot), row.explanation);
  return text;
}

std::string fits_table() {
  std::string text = "| fit | |\n|---|---|\n";
  for (const auto& row : fits()) text += fmt::format("| `{}` | {} |\n", row.name, row.meaning);
  return text;
}

std::string degradations_table() {
  std::string text = "| degradation | | options |\n|---|---|---|\n";
  for (const auto& row : degradations())
    text += fmt::format("| `{}` | {} | {} |\n", row.name, row.meaning, code_list(row.options, {}));
  return text;
}

std::map<std::string, std::string> make_tables() {
  std::map<std::string, std::string> tables = {{"samplers", samplers_table()},
                                               {"sampler options", sampler_options_table()},
                                               {"metrics", metrics_table()},
                                               {"presets", presets_table()},
                                               {"tasks", tasks_table()},
                                               {"task parameters", task_parameters_table()},
                                               {"baselines", baselines_table()},
                                               {"fits", fits_table()},
                                               {"degradations", degradations_table()},
                                               {"extractors", extractors_table()}};
  for (const auto& row : sampling::samplers())
    tables["options of " + row.name] = options_table("option", row.options);
  for (const auto& row : metrics::metrics())
    tables["protocol of " + row.name] = options_table("protocol", row.protocol);
  for (const auto& row : metrics::extractors())
    if (!row.options.empty()) tables["options of " + row.kind] = extractor_options_table(row);
  return tables;
}

}  // namespace

Result<std::string> with_definitions(std::string schema, const std::string& where) {
  const std::string indent(4, ' ');
  const auto definitions_at = schema.find("\n  \"$defs\": {");
  for (const auto& [name, definition] : make_definitions()) {
    const std::string key = indent + Json(name).dump() + ": ";
    const auto begin = schema.find("\n" + key, definitions_at);
    // The next definition's line, or the brace that closes them all.
    const auto next = schema.find("\n" + indent + "\"", begin + 1);
    const auto end = std::min(next, schema.find("\n  }", begin + 1));
    if (begin == std::string::npos || end == std::string::npos)
      return fail(where, "there is no place for the definition of '" + name + "'",
                  "a line '" + key + "{}' in $defs");
    schema.replace(begin + 1, end - begin - 1,
                   key + written(definition, indent.size(), key.size()) + (end == next ? "," : ""));
  }
  return schema;
}

const std::map<std::string, std::string>& described_tables() {
  static const std::map<std::string, std::string> kTables = make_tables();
  return kTables;
}

Result<std::string> with_tables(const std::string& page, const std::string& where) {
  std::string text;
  std::size_t done = 0;
  for (std::size_t mark = page.find(kMark); mark != std::string::npos;
       mark = page.find(kMark, done)) {
    const auto name_begin = mark + kMark.size(), name_end = page.find(kMarkEnd, name_begin);
    const auto end = page.find(kEnd, name_begin);
    if (name_end == std::string::npos || end == std::string::npos)
      return fail(where, "a table's mark has no end", std::string(kEnd));
    const std::string name = page.substr(name_begin, name_end - name_begin);
    const auto table = described_tables().find(name);
    if (table == described_tables().end())
      return fail(where, "there is no table '" + name + "'", "one that describe.cpp makes");
    text += page.substr(done, name_end + kMarkEnd.size() - done) + table->second;
    done = end;
  }
  return text + page.substr(done);
}

}  // namespace isocost::experiments
