// A coordinator's database file, opened for writing by one process (read_only.h: by many for
// reading).
//
//   auto database = WritableDatabase::open("study/isocost.db");
//   SQLite::Statement statement(database->connection(), "SELECT ...");
//
// Writable: WAL, synchronous FULL, migrated to this build's schema, checked when the last
// coordinator did not end cleanly, and compared with what was acknowledged (acknowledged.h). A lock
// on the file itself keeps a second coordinator out, and one on a file beside it (FILE.lock), which
// also says whose it is. Fails with: another coordinator (its process named), a network file
// system, a folder that is missing or not writable, a file that is no database of isocost, a newer
// schema, a damaged file, one that lacks what was acknowledged. For the sources of this folder
// alone. Thread: one.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "coordinator/storage/acknowledged.h"
#include "coordinator/storage/read_only.h"

namespace isocost::storage {

// Holds an exclusive flock on the database and on FILE.lock; the files stay, the locks end with the
// process. SQLite's own locks are of another kind and never meet these. Makes the database where
// there is none (empty).
class DatabaseLock {
 public:
  [[nodiscard]] static Result<DatabaseLock> take(const std::filesystem::path& database);
  DatabaseLock(DatabaseLock&& other) noexcept;
  DatabaseLock& operator=(DatabaseLock&&) = delete;
  ~DatabaseLock();

 private:
  DatabaseLock() = default;
  int database_ = -1;
  int beside_ = -1;
};

struct WritableOptions {
  // Goes on with a database that lacks what was acknowledged: that is computed again.
  bool accepts_loss = false;
};

class WritableDatabase {
 public:
  [[nodiscard]] static Result<std::unique_ptr<WritableDatabase>> open(
      const std::filesystem::path& file, const WritableOptions& options = {});
  // Marks the end as clean and folds the log into the file.
  ~WritableDatabase();

  [[nodiscard]] SQLite::Database& connection() { return *connection_; }
  // A prepared statement, reset; kept for the next time. `sql` must be a literal; kinds and states
  // stand in it by their names.
  [[nodiscard]] SQLite::Statement& statement(const char* sql);
  // Ends all reading, so that no statement holds on to an old state of the log.
  void reset_statements();
  // What a person should know, a sentence each.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  // How far it was acknowledged before it was opened; of a fresh one nothing.
  [[nodiscard]] const Acknowledged& acknowledged() const { return acknowledged_; }

 private:
  explicit WritableDatabase(DatabaseLock lock) : lock_(std::move(lock)) {}
  [[nodiscard]] Result<void> prepare(const std::filesystem::path& file,
                                     const WritableOptions& options);
  [[nodiscard]] Result<void> compare(SQLite::Database& connection,
                                     const std::filesystem::path& file,
                                     const WritableOptions& options);

  DatabaseLock lock_;  // first: SQLite's locks end when a descriptor of its file is closed
  std::vector<std::string> warnings_;
  Acknowledged acknowledged_;
  std::unique_ptr<SQLite::Database> connection_;
  std::map<const char*, std::unique_ptr<SQLite::Statement>> statements_;
};

// How far the database itself says that it was written.
[[nodiscard]] Acknowledged written_so_far(SQLite::Database& connection);
// What a database without a mark may lack, as half a sentence; absent: nothing.
[[nodiscard]] std::optional<std::string> missing_without_mark(SQLite::Database& connection);

}  // namespace isocost::storage
