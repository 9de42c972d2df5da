// A coordinator's database file: opened for writing by one process, or for reading by many.
//
//   auto database = WritableDatabase::open("study/isocost.db");
//   SQLite::Statement statement(database->connection(), "SELECT ...");
//
// Writable: WAL, synchronous FULL, migrated to this build's schema, checked when the last
// coordinator did not end cleanly. A lock file beside it (FILE.lock, flock) keeps a second
// coordinator out. Fails with: another coordinator (its process named), a network file system, a
// folder that is missing or not writable, a file that is no database of isocost, a newer schema, a
// damaged file. For the sources of this folder alone. Thread: one.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "schema/result.h"

namespace isocost::storage {

// Holds an exclusive flock; the file stays, the lock ends with the process.
class LockFile {
 public:
  [[nodiscard]] static Result<LockFile> take(const std::filesystem::path& database);
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&&) = delete;
  ~LockFile();

 private:
  explicit LockFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

class WritableDatabase {
 public:
  [[nodiscard]] static Result<std::unique_ptr<WritableDatabase>> open(
      const std::filesystem::path& file);
  // Marks the end as clean and folds the log into the file.
  ~WritableDatabase();

  [[nodiscard]] SQLite::Database& connection() { return *connection_; }
  // A prepared statement, reset; kept for the next time. `sql` must be a literal.
  [[nodiscard]] SQLite::Statement& statement(const char* sql);
  // Ends all reading, so that no statement holds on to an old state of the log.
  void reset_statements();

 private:
  WritableDatabase(LockFile lock, std::unique_ptr<SQLite::Database> connection);

  LockFile lock_;
  std::unique_ptr<SQLite::Database> connection_;
  std::map<const char*, std::unique_ptr<SQLite::Statement>> statements_;
};

// Read-only, for report, plan and status; never checkpoints. Fails with: no such file, no database
// of isocost, another schema.
[[nodiscard]] Result<std::unique_ptr<SQLite::Database>> open_for_reading(
    const std::filesystem::path& file);

// "the disk is full" and the like, with the file's name, for people.
[[nodiscard]] std::string explain(const SQLite::Exception& fault,
                                  const std::filesystem::path& file);

}  // namespace isocost::storage
