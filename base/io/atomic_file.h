// Files that are either wholly there or not there at all, also after a crash.
//
//   write_file_atomically(folder / "report.html", text);
//
// The bytes go to a temporary file beside the target, which is made durable (fsync), renamed over
// the target, and the folder is made durable too. Readers that hold the old file keep the old
// bytes. Several processes may write the same target: one of them wins, whole. Throws
// std::system_error on I/O faults (disk full) after removing the temporary file. Thread: any.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isocost::io {

void write_file_atomically(const std::filesystem::path& file, std::string_view bytes);
// The same for bytes that lie in several places, in their order.
void write_file_atomically(const std::filesystem::path& file,
                           const std::vector<std::span<const std::byte>>& parts);

// The same piece by piece, for what is too long to hold: the file is there once finish() returns,
// and never where finish() is not reached.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& file);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(std::string_view bytes);
  // Requires: called once, last.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// fsync of a folder, so that names created or renamed in it are there after a crash.
void sync_folder(const std::filesystem::path& folder);
// fsync of a finished file that somebody else wrote.
void sync_file(const std::filesystem::path& file);

inline constexpr std::size_t kReadBytesMax = std::size_t{1} << 30;

// Reads a whole regular file. Fails with: missing, unreadable, not a regular file, longer than
// `bytes_max`.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& file,
                                            std::size_t bytes_max = kReadBytesMax);

}  // namespace isocost::io
