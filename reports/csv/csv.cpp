#include "reports/csv/csv.h"

#include <map>

namespace isocost::report {
namespace {

constexpr int kJsonFormat = 2;  // raised when the shape of report.json changes

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

std::string csv_header(const std::vector<Column>& columns, CsvEncoding encoding) {
  std::string text = encoding == CsvEncoding::kUtf8WithMark ? "\xEF\xBB\xBF" : "";
  for (std::size_t i = 0; i < columns.size(); ++i)
    text += (i == 0 ? "" : ",") + quoted(columns[i].name);
  return text + "\r\n";
}

std::string csv_line(const Row& row) {
  std::string text;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) text += ',';
    text += field(row[i]);
  }
  return text + "\r\n";
}

void write_csv(const Table& table, CsvEncoding encoding, const Sink& sink) {
  sink(csv_header(table.columns, encoding));
  for (std::size_t i = 0; i < table.size; ++i) sink(csv_line(table.row(i)));
}

std::string to_csv(const Table& table, CsvEncoding encoding) {
  std::string text;
  write_csv(table, encoding, [&](std::string_view piece) { text += piece; });
  return text;
}

void write_json(const Report& report, const Sink& sink) {
  Json experiments = Json::array(), references = Json::object();
  for (const Experiment& experiment : report.data->experiments)
    experiments.push_back(
        {{"name", experiment.name}, {"axes", experiment.axes}, {"grid", experiment.grid}});
  for (const Reference& reference : report.data->references)
    references[reference.key] = isocost::to_json(reference.spec);
  // Members in the order of their names, as canonical() has them.
  sink("{\"experiments\":" + canonical(experiments));
  sink(",\"format\":" + std::to_string(kJsonFormat));
  sink(",\"input_names\":" + canonical(Json(report.data->input_names)));
  sink(",\"references\":" + canonical(references) + ",\"tables\":{");
  std::map<std::string, const Table*> tables;
  for (const Table& table : report.tables) tables.emplace(table.name, &table);
  bool is_first = true;
  for (const auto& [name, table] : tables) {
    Json columns = Json::array();
    for (const Column& column : table->columns) columns.push_back(column.name);
    sink((is_first ? "" : ",") + canonical(Json(name)) + ":{\"columns\":" + canonical(columns) +
         ",\"description\":" + canonical(Json(table->description)) + ",\"rows\":[");
    is_first = false;
    for (std::size_t i = 0; i < table->size; ++i)
      sink((i == 0 ? "" : ",") + canonical(Json(table->row(i))));
    sink("]}");
  }
  sink("}}\n");
}

std::string to_json_text(const Report& report) {
  std::string text;
  write_json(report, [&](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace isocost::report
