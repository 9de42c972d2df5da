#include "reports/csv/csv.h"

namespace isocost::report {
namespace {

constexpr int kJsonFormat = 1;  // raised when the shape of report.json changes

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

// Spreadsheets run what begins so as a formula, a quoted field too; and the mark itself is marked,
// so that taking it away from every text that has it gives back what was there.
std::string guarded(const std::string& text) {
  constexpr std::string_view kGuarded = "=+-@\t\r'";
  const bool is_safe = text.empty() || kGuarded.find(text.front()) == std::string_view::npos;
  return is_safe ? text : "'" + text;
}

std::string field(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return quoted(guarded(value.get<std::string>()));
  if (value.is_number_float()) return number_text(value.get<double>());
  return quoted(canonical(value));
}

}  // namespace

std::string to_csv(const Table& table, CsvEncoding encoding) {
  std::string text = encoding == CsvEncoding::kUtf8WithMark ? "\xEF\xBB\xBF" : "";
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    text += (i == 0 ? "" : ",") + quoted(table.columns[i].name);
  text += "\r\n";
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += ',';
      text += field(row[i]);
    }
    text += "\r\n";
  }
  return text;
}

std::string to_json_text(const Report& report) {
  Json experiments = Json::array(), tables = Json::object(), references = Json::object();
  for (const Experiment& experiment : report.study.data->experiments)
    experiments.push_back(
        {{"name", experiment.name}, {"axes", experiment.axes}, {"grid", experiment.grid}});
  for (const Table& table : report.tables) {
    Json one = to_json(table);
    one["description"] = table.description;
    tables[table.name] = std::move(one);
  }
  for (const Reference& reference : report.study.data->references)
    references[reference.key] = isocost::to_json(reference.spec);
  return canonical({{"format", kJsonFormat},
                    {"experiments", experiments},
                    {"references", references},
                    {"input_names", report.study.data->input_names},
                    {"tables", tables}}) +
         "\n";
}

}  // namespace isocost::report
