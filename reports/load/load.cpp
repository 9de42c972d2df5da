#include "reports/load/load.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "reports/load/cells.h"
#include "schema/options.h"

namespace isocost::report {
namespace {

using storage::digest_from;
using storage::Query;

class Loader {
 public:
  Loader(SQLite::Database& database, SeeUnit see_unit)
      : source_(database), units_(std::move(see_unit)) {}

  Result<ReportData> load(const std::vector<std::string>& names) {
    read_experiments(names);
    if (!source_.failure().is_empty()) return fail(std::move(source_.failure()));
    for (const ExperimentRow& row : chosen_) {
      std::vector<Cell> cells = read_cells(source_, row, units_, items_);
      if (data_.cells.empty())
        data_.cells = std::move(cells);
      else
        std::move(cells.begin(), cells.end(), std::back_inserter(data_.cells));
    }
    data_.items = items_.take();
    read_references();
    read_input_names();
    data_.repeats = units_.repeats();
    if (!source_.failure().is_empty()) return fail(std::move(source_.failure()));
    for (const ExperimentRow& row : chosen_) data_.experiments.push_back(row.experiment);
    return std::move(data_);
  }

 private:
  void read_experiments(const std::vector<std::string>& names) {
    std::map<std::string, ExperimentRow> known;
    Query rows(source_.database(),
               "SELECT id, name, grid, axes, is_cancelled FROM experiments ORDER BY name");
    while (rows.executeStep()) {
      Experiment experiment{rows.getColumn(1).getString(), rows.getColumn(2).getString(), {}};
      for (const Json& axis :
           source_.json_of(rows.getColumn(3).getString(), experiment.name + ": axes"))
        if (axis.is_string()) experiment.axes.push_back(axis.get<std::string>());
      const std::string name = experiment.name;
      known[name] = {rows.getColumn(0).getInt64(), std::move(experiment),
                     rows.getColumn(4).getInt() != 0};
    }
    std::vector<std::string> all;
    all.reserve(known.size());
    for (const auto& [name, unused] : known) all.push_back(name);
    const std::vector<std::string>& wanted = names.empty() ? all : names;
    if (wanted.empty())
      source_.failure().add(source_.database().getFilename(), "it holds no experiment",
                            "one that was submitted");
    for (const std::string& name : wanted) {
      const auto found = known.find(name);
      if (found == known.end()) {
        source_.failure().add(name, "no experiment of this name",
                              all.empty() ? "one that was submitted" : "one of: " + joined(all));
      } else if (std::none_of(chosen_.begin(), chosen_.end(),
                              [&](const auto& row) { return row.id == found->second.id; })) {
        chosen_.push_back(found->second);
      }
    }
  }

  void read_references() {
    std::set<std::string> used;
    for (const Cell& cell : data_.cells)
      for (const Score& score : cell.scores) used.insert(score.spec->reference);
    Query rows(source_.database(), "SELECT key, spec, unit FROM reference_sets ORDER BY key");
    while (rows.executeStep()) {
      const std::string key = digest_from(rows.getColumn(0)).hex();
      if (!used.contains(key)) continue;
      const std::string where = "reference " + key.substr(0, 12);
      data_.references.push_back(
          {key, source_.taken(reference_spec_from_json(
                    source_.json_of(rows.getColumn(1).getString(), where), where))});
      units_.read(source_, rows.getColumn(2).getInt64());
    }
  }

  void read_input_names() {
    Query rows(source_.database(), "SELECT input, name FROM inputs ORDER BY input");
    while (rows.executeStep())
      data_.input_names[rows.getColumn(0).getString()] = rows.getColumn(1).getString();
  }

  Source source_;
  UnitReader units_;
  ItemsFound items_;
  std::vector<ExperimentRow> chosen_;
  ReportData data_;
};

}  // namespace

Result<ReportData> load(const std::filesystem::path& database,
                        const std::vector<std::string>& experiments,
                        const std::function<void(const UnitRecord&)>& see_unit) {
  const auto opened = storage::open_for_reading(database);
  if (!opened) return fail(opened.error());
  try {
    SQLite::Transaction snapshot(**opened);  // ends with a rollback: nothing was written
    return Loader(**opened, see_unit).load(experiments);
  } catch (const SQLite::Exception& error) {
    return fail("", storage::explain(error, database));
  }
}

}  // namespace isocost::report
