#include "reports/figure_files.h"

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "base/io/atomic_file.h"
#include "reports/html/assets.h"
#include "reports/html/figure_meta.h"
#include "reports/model/columns.h"
#include "reports/model/costs.h"
#include "schema/options.h"
#include "schema/tasks/task.h"

namespace isocost::report {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFigureBytesMax = 1U << 20;

std::vector<std::string> table_names() {
  std::vector<std::string> names;
  for (const TableFacts& table : table_facts())
    if (table.is_for_figures) names.push_back(table.name);
  return names;
}

// The names in an expression behind "datum": datum.x, datum["x"], datum['x'].
std::vector<std::string> names_in(const std::string& expression) {
  std::vector<std::string> names;
  constexpr std::string_view kDatum = "datum";
  for (std::size_t at = expression.find(kDatum); at != std::string::npos;
       at = expression.find(kDatum, at + 1)) {
    if (at > 0 && is_word(expression[at - 1])) continue;
    std::size_t begin = at + kDatum.size();
    if (expression.compare(begin, 1, ".") == 0) {
      std::size_t end = ++begin;
      while (end < expression.size() && is_word(expression[end])) ++end;
      names.push_back(expression.substr(begin, end - begin));
    } else if (expression.compare(begin, 2, "['") == 0 ||
               expression.compare(begin, 2, "[\"") == 0) {
      const std::size_t end = expression.find(expression[begin + 1], begin + 2);
      if (end != std::string::npos) names.push_back(expression.substr(begin + 2, end - begin - 2));
    }
  }
  return names;
}

// Transforms, each with the columns that it makes where no "as" says otherwise.
constexpr std::array kMadeUnasked = {"fold key value", "density value density",
                                     "quantile prob value"};

// Names that a specification makes itself: "as" of its transforms, folded and pivoted columns.
void collect_made(const Json& value, std::set<std::string>& made, bool& is_open) {
  if (value.is_array())
    for (const Json& item : value) collect_made(item, made, is_open);
  if (!value.is_object()) return;
  // What these make is known from the data alone.
  if (value.contains("pivot") || value.contains("lookup") || value.contains("flatten"))
    is_open = true;
  for (const char* line : kMadeUnasked) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (value.contains(word))
      while (words >> word) made.insert(word);
  }
  for (const auto& [name, item] : value.items()) {
    if (name == "as") {
      if (item.is_string()) made.insert(item.get<std::string>());
      if (item.is_array())
        for (const Json& one : item)
          if (one.is_string()) made.insert(one.get<std::string>());
    }
    collect_made(item, made, is_open);
  }
}

class Checker {
 public:
  Checker(const Json& spec, const std::string& where, Failure& failure)
      : where_(where), failure_(failure) {
    collect_made(spec, made_, is_open_);
  }

  // `table`: whose rows this part of the specification draws; empty where it brings its own.
  void check(const Json& value, std::string table) {
    if (value.is_string()) check_word(value.get<std::string>(), table);
    if (value.is_array())
      for (const Json& item : value) check(item, table);
    if (!value.is_object()) return;
    if (value.contains("data")) table = table_of(value["data"]);
    for (const auto& [name, item] : value.items()) {
      if (name == "usermeta" || name == "datasets" || name == "data") continue;
      if (name == "field" || name == "groupby" || name == "fold") check_names(item, table);
      const bool is_expression =
          name == "filter" || name == "calculate" || name == "test" || name == "expr";
      if (is_expression && item.is_string())
        for (const std::string& column : names_in(item.get<std::string>()))
          check_name(column, table);
      check(item, table);
    }
  }

  // What is drawn once a task is a table of the report.
  void check_data(const Json& spec) {
    if (!spec.contains("data") || !spec["data"].is_object() || !spec["data"].contains("name") ||
        !spec["data"]["name"].is_string())
      failure_.add(where_ + ": data", "it names no table of the report",
                   "{\"name\": TABLE}, of: " + joined(table_names()));
  }

  void check_meta(const Json& spec) {
    if (!spec.contains("usermeta") || !spec["usermeta"].is_object() ||
        !spec["usermeta"].contains("isocost"))
      return;
    const Json& meta = spec["usermeta"]["isocost"];
    if (!meta.is_object()) {
      failure_.add(where_ + ": usermeta.isocost", "this is no object", "an object");
      return;
    }
    const std::string table = spec.contains("data") ? table_of(spec["data"]) : "";
    static const std::vector<std::string> kMembers = {
        "title", "caption", "each", "legend", "height", "needs", "varies", "metrics", "kinds"};
    for (const auto& [name, value] : meta.items()) {
      if (std::find(kMembers.begin(), kMembers.end(), name) == kMembers.end())
        failure_.add(where_ + ": usermeta.isocost", "'" + name + "' is unknown",
                     "one of: " + joined(kMembers));
      if ((name == "title" || name == "caption") && !value.is_string())
        misfits(name, value, "a text");
      if (name == "height" && !(value.is_number() && value > 0)) misfits(name, value, "pixels");
      if (name == "metrics" && value != "all" && value != "others")
        misfits(name, value, "\"all\" or \"others\"");
    }
    for (const char* member : {"each", "needs", "varies"})
      if (meta.contains(member)) check_column(member, meta[member], table);
    if (meta.contains("legend")) check_legend(meta["legend"], table);
    if (meta.contains("kinds")) check_kinds(meta["kinds"]);
  }

 private:
  void misfits(const std::string& member, const Json& value, const std::string& expected) {
    failure_.add(where_ + ": usermeta.isocost." + member, "this is " + canonical(value), expected);
  }

  void check_column(const std::string& member, const Json& value, const std::string& table) {
    if (value.is_string())
      check_name(value.get<std::string>(), table);
    else
      misfits(member, value, "the name of a column");
  }

  void check_legend(const Json& value, const std::string& table) {
    static const std::vector<std::string> kLegends = {"series", "model", "steps", "guidance"};
    if (value.is_string() &&
        std::find(kLegends.begin(), kLegends.end(), value.get<std::string>()) != kLegends.end())
      check_name(value.get<std::string>(), table);
    else
      misfits("legend", value, "one of: " + joined(kLegends));
  }

  void check_kinds(const Json& value) {
    const std::vector<std::string> known = tasks::kind_names();
    if (!value.is_array()) misfits("kinds", value, "a list of: " + joined(known));
    for (const Json& kind : value)
      if (value.is_array() &&
          (!kind.is_string() ||
           std::find(known.begin(), known.end(), kind.get<std::string>()) == known.end()))
        failure_.add(where_ + ": usermeta.isocost.kinds", "there is no kind " + canonical(kind),
                     "some of: " + joined(known));
  }

  // "$x:COLUMN" and its like, whatever member they stand in; "cost" is whichever is chosen.
  void check_word(const std::string& text, const std::string& table) {
    for (const std::string_view word : {"$x:", "$y:", "$extent:"}) {
      if (!text.starts_with(word)) continue;
      const std::string column = text.substr(word.size());
      if (column != "cost" || !has_column(table, cost_axes().front().column))
        check_name(column, table);
    }
  }

  // Says so once where there is no such table.
  std::string table_of(const Json& data) {
    if (!data.is_object() || !data.contains("name") || !data["name"].is_string()) return {};
    std::string name = data["name"].get<std::string>();
    const TableFacts* facts = find_table(name);
    if (facts != nullptr && facts->is_for_figures) return name;
    if (told_.insert("table " + name).second)
      failure_.add(where_, "there is no table '" + name + "'", "one of: " + joined(table_names()));
    return {};
  }

  void check_names(const Json& value, const std::string& table) {
    if (value.is_string()) check_name(value.get<std::string>(), table);
    if (value.is_array())
      for (const Json& item : value)
        if (item.is_string()) check_name(item.get<std::string>(), table);
  }

  void check_name(const std::string& name, const std::string& table) {
    // A word that begins with $ is filled in; what is nested belongs to a value of the user's own.
    if (table.empty() || is_open_ || name.empty() || name.front() == '$' || made_.contains(name) ||
        has_column(table, name))
      return;
    if (!told_.insert(table + "." + name).second) return;
    failure_.add(where_, "the table '" + table + "' has no column '" + name + "'",
                 "one of: " + joined(find_table(table)->columns) + " (docs/columns.md)");
  }

  std::string where_;
  Failure& failure_;
  std::set<std::string> made_, told_;
  bool is_open_ = false;
};

}  // namespace

void check_figure(const Json& spec, const std::string& where, Failure& failure) {
  Checker checker(spec, where, failure);
  checker.check_data(spec);
  checker.check_meta(spec);
  checker.check(spec, {});
}

std::vector<Figure> built_in_figures() {
  std::vector<Figure> figures;
  const Json packed = Json::parse(shipped_figures());
  for (const Json& one : packed) figures.push_back({one["name"].get<std::string>(), one["spec"]});
  return figures;
}

Result<std::vector<Figure>> all_figures(const fs::path& folder) {
  std::vector<Figure> figures = built_in_figures();
  if (folder.empty()) return figures;
  if (!fs::is_directory(folder))
    return fail(folder.string(), "there is no such folder", "a folder of *.vl.json files");
  Failure failure;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().ends_with(".vl.json")) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& path : files) {
    const auto text = io::read_file(path, kFigureBytesMax);
    const auto spec =
        text ? parse_json(*text, path.string()) : Result<Json>(tl::unexpected(text.error()));
    if (!spec || !spec->is_object()) {
      spec ? failure.add(path.string(), "this is no object", "a Vega-Lite specification")
           : failure.add(spec.error());
      continue;
    }
    check_figure(*spec, path.string(), failure);
    const std::string file = path.filename().string();
    const std::string name = file.substr(0, file.size() - std::string_view(".vl.json").size());
    std::erase_if(figures, [&](const Figure& figure) { return figure.name == name; });
    figures.push_back({name, *spec});
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  std::sort(figures.begin(), figures.end(),
            [](const Figure& a, const Figure& b) { return a.name < b.name; });
  return figures;
}

}  // namespace isocost::report
