// How far a coordinator has acknowledged what it was told: a small file beside the database
// (FILE.acknowledged), so that a database whose log was cut short or removed is not taken for the
// whole of it.
//
//   AcknowledgedFile mark(file);                 // of the one coordinator that writes
//   mark.write({.database = id, .commits = 42, ...});       // after each commit
//   if (auto what = missing(*read_acknowledged(file), there)) ...
//
// The mark is written after the commit and before anything is answered, and made durable once in a
// while: a killed process leaves it exact, a machine that loses power leaves it behind, never
// ahead. So a database may be ahead of its mark, and one behind it has lost something. Thread: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"

namespace isocost::storage {

struct Acknowledged {
  std::string database{};  // its id; empty: there is nothing in it
  std::uint64_t epoch = 0;
  std::uint64_t commits = 0;
  std::uint64_t results = 0;
  bool operator==(const Acknowledged&) const = default;
};

// Absent: there is no mark. Fails with: it cannot be read, or is none.
[[nodiscard]] Result<std::optional<Acknowledged>> read_acknowledged(
    const std::filesystem::path& database);

// What `there` lacks of what was acknowledged, as half a sentence; absent: nothing.
[[nodiscard]] std::optional<std::string> missing(const Acknowledged& mark,
                                                 const Acknowledged& there);

class AcknowledgedFile {
 public:
  // The first write() makes the file where there is none, whole. Throws std::system_error, and so
  // do the others.
  explicit AcknowledgedFile(const std::filesystem::path& database);
  ~AcknowledgedFile();
  AcknowledgedFile(const AcknowledgedFile&) = delete;
  AcknowledgedFile& operator=(const AcknowledgedFile&) = delete;

  void write(const Acknowledged& mark);
  void sync();

 private:
  void open();

  std::filesystem::path file_;
  int descriptor_ = -1;
  std::chrono::steady_clock::time_point synced_{};
};

}  // namespace isocost::storage
