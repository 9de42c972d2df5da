// Whether something is there that may be left out. Absent is one thing; there and unreadable, a
// link to nothing, or of another kind is a fault: to take it for absent would load something else
// in silence.
//
//   const auto has_map = io::has_file(folder / "special_tokens_map.json");
//   if (!has_map) return fail(has_map.error());
//   if (*has_map) ...
//
// Links are followed. Thread: any.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace isocost::io {

// Fails with: a link to nothing, no right to look, a folder or a device in a file's place.
[[nodiscard]] Result<bool> has_file(const std::filesystem::path& file);
// Likewise of folders.
[[nodiscard]] Result<bool> has_folder(const std::filesystem::path& folder);

// Of what a user names and that must be there. Fails with: missing, a link to nothing, no right to
// look; `expected` says what should be there.
[[nodiscard]] Result<void> must_exist(const std::filesystem::path& path,
                                      const std::string& expected);

// The names of all that is in a folder, sorted by bytes, whatever they are; links to nothing too.
// Fails with: missing, unreadable, no folder.
[[nodiscard]] Result<std::vector<std::string>> names_in(const std::filesystem::path& folder);

// A folder for output that a user names, made with those above it where it is not there. Fails
// with: something else stands in its place or on the way, no right to make it.
[[nodiscard]] Result<void> make_folder(const std::filesystem::path& folder);

}  // namespace isocost::io
