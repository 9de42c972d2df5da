// Pictures and prompts that a page shows, read from the artifact store, and copies of all kept
// pictures beside it. Thread: any. Throws std::system_error on I/O faults.
#pragma once

#include <filesystem>

#include "base/io/artifact_store.h"
#include "reports/html/html.h"

namespace isocost::report {

// Those that lie elsewhere are left out, and the page says so; so are those for which the page has
// no room. Pictures that are larger than a page shows them are made smaller.
void read_pictures(const Report& report, const io::ArtifactStore& store, PageInputs& inputs);

struct CopiedPictures {
  std::filesystem::path folder;  // empty where none were kept
  std::size_t left_out = 0;      // since there would be too many files
};

// Pictures as files, for people: a folder a cell, and pictures/items with a folder a task. They are
// copies of artifacts and may be deleted at any time.
CopiedPictures write_pictures_beside(const Report& report, const io::ArtifactStore& store,
                                     const std::filesystem::path& out);

}  // namespace isocost::report
