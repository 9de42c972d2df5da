#include "cli/grid_input.h"

#include <fmt/format.h>

#include "base/io/atomic_file.h"
#include "experiments/grid/expand.h"

namespace isocost::cli {

Result<GridInput> read_grid_input(const std::filesystem::path& file) {
  if (file.extension() != ".json") {
    auto grid = experiments::load_grid(file);
    if (!grid) return fail(std::move(grid.error()));
    return GridInput{std::move(grid->submission), std::move(grid->places), std::move(grid->notes)};
  }
  auto text = io::read_file(file);
  if (!text) return fail(std::move(text.error()));
  auto json = parse_json(*text, file.string());
  if (!json) return fail(std::move(json.error()));
  auto submission = submission_from_json(*json, file.string());
  if (!submission) return fail(std::move(submission.error()));
  return GridInput{std::move(*submission), {}, {}};
}

void print_notes(const GridInput& input) {
  for (const std::string& note : input.notes) fmt::print(stderr, "note: {}\n", note);
}

}  // namespace isocost::cli
