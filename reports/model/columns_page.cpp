// docs/columns.md, written from the table of columns.
#include <fmt/format.h>

#include "reports/model/columns.h"

namespace isocost::report {

std::string columns_page() {
  std::string page =
      "# Columns\n\n"
      "Written by `script/tables` from reports/model/columns.cpp: every column of every file that "
      "a "
      "report leaves, and of the tables of report.json that figures draw "
      "(reports/figures/README.md). How CSV is written, and how to read it back whatever a model "
      "is "
      "called, stands in [data.md](data.md#tables).\n\n"
      "A range of images is always two columns, `images_begin` and `images_end`: the end is not in "
      "it. An interval is `NAME_low` and `NAME_high` and covers 95 %. Columns that begin with "
      "`measured_` differ between runs of the same study, and so do all of a row whose `cost_axis` "
      "is one of them. `state`, `failure_class`, `failure_reason` and a unit's failures say how "
      "far a run is and what became of it. All else is determined by the study once it is done, "
      "and so is the order of the rows. METRIC stands for a metric's name (`fid`, `clip_score`; "
      "`fid_2` is by the second extractor, reference or protocol that cells have it by, or the "
      "same over other images of one cell), INPUT for an input's (`unet`, `vae`), AXIS for that of "
      "an axis without a column of its own. What an empty field means stands with its column; "
      "else it is missing.\n\n"
      "There is no Parquet: [why](adr/0010-no-parquet.md).\n";
  for (const TableFacts& table : table_facts()) {
    page += fmt::format("\n## {}\n{}{}\n\n| column | type | unit | meaning |\n|---|---|---|---|\n",
                        table.file.empty() ? table.name : table.file, table.description,
                        table.file.empty() || !table.is_for_figures
                            ? std::string()
                            : fmt::format(" The table `{}` of report.json.", table.name));
    for (const std::string& pattern : table.columns) {
      const Column one = column(table.name, pattern);
      page += fmt::format("| `{}` | {} | {} | {} |\n", one.name, one.type, one.unit, one.meaning);
    }
  }
  return page;
}

}  // namespace isocost::report
