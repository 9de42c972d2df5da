// File systems on which SQLite's log is unsafe, or may be: it needs locks and memory that all
// processes share.
//
//   if (const auto system = file_system_at(folder)) ... system->name ...
//
// For the sources of this folder alone. Thread: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace isocost::storage {

struct FileSystem {
  std::string_view name;
  // Other machines use it, too: refused. Else it depends on what lies behind it: a warning.
  bool is_network = false;
};

// By the number that statfs gives; absent: nothing is known against it.
[[nodiscard]] std::optional<FileSystem> file_system_of(std::uint32_t type);
[[nodiscard]] std::optional<FileSystem> file_system_at(const std::filesystem::path& folder);

}  // namespace isocost::storage
