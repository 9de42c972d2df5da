#include "coordinator/storage/read_only.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "base/io/database_uri.h"
#include "coordinator/storage/migrations.h"

namespace isocost::storage {

namespace fs = std::filesystem;

namespace {

std::unique_ptr<SQLite::Database> open_uri(const std::string& uri) {
  auto connection = std::make_unique<SQLite::Database>(
      uri, SQLite::OPEN_READONLY | SQLite::OPEN_URI, kBusyTimeoutMs);
  connection->exec("PRAGMA query_only = 1");
  (void)connection->execAndGet("SELECT count(*) FROM sqlite_schema");
  return connection;
}

// What SQLite says of a folder in which it cannot make the file that readers share.
bool has_no_place(const SQLite::Exception& fault) {
  return fault.getErrorCode() == SQLITE_CANTOPEN || fault.getErrorCode() == SQLITE_READONLY;
}

// Where the folder cannot be written and no log is left, the file alone is read as it stands.
std::unique_ptr<SQLite::Database> open_reader(const fs::path& file) {
  try {
    return open_uri(io::read_only_uri(file));
  } catch (const SQLite::Exception& fault) {
    const auto unchanging = io::unchanging_uri(file);
    if (!has_no_place(fault) || !unchanging) throw;
    return open_uri(*unchanging);
  }
}

}  // namespace

int pragma(SQLite::Database& connection, const char* name) {
  return connection.execAndGet(fmt::format("PRAGMA {}", name)).getInt();
}

UnitState unit_state(const SQLite::Column& column) {
  return static_cast<UnitState>(column.getInt());
}

std::uint64_t count_from(const SQLite::Column& column) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, column.getInt64()));
}

Digest digest_from(const SQLite::Column& column) {
  Digest digest;
  if (column.getBytes() == static_cast<int>(digest.bytes.size()))
    std::copy_n(static_cast<const std::uint8_t*>(column.getBlob()), digest.bytes.size(),
                digest.bytes.begin());
  return digest;
}

void bind_digest(SQLite::Statement& statement, int index, const Digest& digest) {
  statement.bind(index, digest.bytes.data(), static_cast<int>(digest.bytes.size()));
}

Result<void> check_identity(SQLite::Database& connection, const std::string& where) {
  const int version = pragma(connection, "user_version");
  const bool is_empty = connection.execAndGet("SELECT count(*) FROM sqlite_schema").getInt() == 0;
  if (pragma(connection, "application_id") != kApplicationId && !(is_empty && version == 0))
    return fail(where, "this is a database of another program", "one of isocost, or no file");
  if (version > newest_schema())
    return fail(where, fmt::format("a newer isocost wrote this (schema {})", version),
                fmt::format("schema {} or older; use the newer isocost", newest_schema()));
  if (version != 0 && version < kFirstSchema)
    return fail(where, fmt::format("an older isocost wrote this (schema {})", version),
                fmt::format("schema {}: another file or --out folder, in which the study is "
                            "computed anew, or the older isocost",
                            newest_schema()));
  return {};
}

Result<std::unique_ptr<SQLite::Database>> open_for_reading(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error))
    return fail(file.string(), "there is no such file", "a coordinator's database");
  try {
    auto connection = open_reader(file);
    if (auto identity = check_identity(*connection, file.string()); !identity)
      return fail(std::move(identity.error()));
    if (pragma(*connection, "user_version") == 0)
      return fail(file.string(), kNothingYet, "a coordinator's database");
    return connection;
  } catch (const SQLite::Exception& fault) {
    if (has_no_place(fault))
      return fail(file.string(), "it and its log (-wal) cannot be read in this folder",
                  "a folder that can be written, or a copy of both in one");
    return fail("", explain(fault, file));
  }
}

std::string explain(const SQLite::Exception& fault, const fs::path& file) {
  switch (fault.getErrorCode()) {
    case SQLITE_FULL:
      return file.string() +
             ": the disk is full; expected room: make some and start again, since nothing that was "
             "acknowledged is lost";
    case SQLITE_READONLY:
      return file.string() +
             ": the database cannot be written; expected a writable file and folder";
    case SQLITE_IOERR:
      return file.string() + ": the disk failed to read or write (" + fault.what() +
             "); nothing of the last step was kept";
    case SQLITE_NOTADB:
      return file.string() + ": this is no database; expected one of isocost, or no file";
    case SQLITE_CORRUPT:
      return file.string() + ": the database is damaged; expected a backup, or sqlite3's .recover";
    default:
      return file.string() + ": " + fault.what();
  }
}

}  // namespace isocost::storage
