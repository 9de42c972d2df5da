// What the tables say, for people and editors: the parts of schema/grid.schema.json and of
// docs/grid.md and docs/metrics.md that are written from them. script/tables writes; a test holds
// files and tables equal.
//
//   auto schema = with_definitions(text, "schema/grid.schema.json");
//   auto page = with_tables(text, "docs/grid.md");  // between <!-- table: NAME --> marks
//
// Pure, any thread.
#pragma once

#include <map>
#include <string>

#include "base/json.h"

namespace isocost::experiments {

// The JSON Schema with the definitions that the tables decide (samplers, spacings, options, tasks,
// extractors, metrics) as the tables are now; what was written by hand stays as it is. Fails with:
// a definition that has no line in $defs.
[[nodiscard]] Result<std::string> with_definitions(std::string schema, const std::string& where);

// Markdown tables by name: "samplers", "sampler options", "metrics", "protocol of fid", ...
[[nodiscard]] const std::map<std::string, std::string>& described_tables();

// The page with each table between its marks, `<!-- table: NAME -->` and `<!-- end -->`, as the
// tables are now. Fails with: a table that is unknown, a mark without its end.
[[nodiscard]] Result<std::string> with_tables(const std::string& page, const std::string& where);

}  // namespace isocost::experiments
