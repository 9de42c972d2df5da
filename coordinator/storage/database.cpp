#include "coordinator/storage/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "coordinator/storage/migrations.h"

namespace isocost::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kBusyTimeoutMs = 5000;
// What later migrations added is not asked for by readers, so that a report needs no coordinator
// that brings an older database up to date.
constexpr int kReadableSchemaMin = 1;

// File systems whose locks and shared memory SQLite's log cannot rely on.
constexpr std::array<std::pair<std::uint32_t, const char*>, 9> kNetworkFileSystems{{
    {0x6969U, "NFS"},
    {0x517BU, "SMB"},
    {0xFE534D42U, "SMB"},
    {0xFF534D42U, "CIFS"},
    {0x0BD00BD0U, "Lustre"},
    {0x47504653U, "GPFS"},
    {0x00C36400U, "Ceph"},
    {0x19830326U, "BeeGFS"},
    {0x5346414FU, "AFS"},
}};

Result<bool> check_folder(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return fail(folder.string(), "the database's folder is missing", "an existing folder");
  if (::access(folder.c_str(), W_OK) != 0)
    return fail(folder.string(), "the database's folder cannot be written",
                "a folder of yours on a local disk");
  struct statfs info{};
  if (::statfs(folder.c_str(), &info) == 0)
    for (const auto& [type, name] : kNetworkFileSystems)
      if (static_cast<std::uint32_t>(info.f_type) == type)
        return fail(file.string(), fmt::format("this lies on a network file system ({})", name),
                    "a local disk, since SQLite's log is not safe elsewhere");
  return true;
}

int pragma(SQLite::Database& connection, const char* name) {
  return connection.execAndGet(fmt::format("PRAGMA {}", name)).getInt();
}

Result<bool> check_identity(SQLite::Database& connection, const std::string& where) {
  const int version = pragma(connection, "user_version");
  const bool is_empty = connection.execAndGet("SELECT count(*) FROM sqlite_schema").getInt() == 0;
  if (pragma(connection, "application_id") != kApplicationId && !(is_empty && version == 0))
    return fail(where, "this is a database of another program", "one of isocost, or no file");
  const auto known = static_cast<int>(migrations().size());
  if (version > known)
    return fail(where, fmt::format("a newer isocost wrote this (schema {})", version),
                fmt::format("schema {} or older; use the newer isocost", known));
  return true;
}

void migrate(SQLite::Database& connection) {
  const auto& steps = migrations();
  for (auto version = static_cast<std::size_t>(pragma(connection, "user_version"));
       version < steps.size(); ++version) {
    SQLite::Transaction transaction(connection, SQLite::TransactionBehavior::IMMEDIATE);
    connection.exec(std::string(steps[version]));
    connection.exec(fmt::format("PRAGMA user_version = {}", version + 1));
    connection.exec(fmt::format("PRAGMA application_id = {}", kApplicationId));
    transaction.commit();
  }
}

void configure(SQLite::Database& connection) {
  connection.exec("PRAGMA journal_mode = WAL");
  connection.exec("PRAGMA synchronous = FULL");
  connection.exec("PRAGMA foreign_keys = ON");
  connection.exec("PRAGMA trusted_schema = OFF");
  connection.exec("PRAGMA cell_size_check = ON");
  connection.exec("PRAGMA temp_store = MEMORY");
  connection.exec("PRAGMA journal_size_limit = 67108864");
}

// After an unclean stop the whole file is checked once; SQLite recovers its log by itself.
Result<bool> check_integrity(SQLite::Database& connection, const std::string& where) {
  SQLite::Statement mark(connection, "SELECT value FROM meta WHERE key = 'is_open'");
  if (mark.executeStep() && mark.getColumn(0).getString() == "1") {
    const std::string verdict = connection.execAndGet("PRAGMA quick_check(1)").getString();
    if (verdict != "ok")
      return fail(where, "the database is damaged: " + verdict,
                  "restore a backup, or rescue what is readable with sqlite3's .recover");
  }
  connection.exec(
      "INSERT INTO meta VALUES ('is_open', '1') "
      "ON CONFLICT (key) DO UPDATE SET value = '1'");
  return true;
}

std::string read_pid(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t count = ::pread(descriptor, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid;
}

}  // namespace

Result<LockFile> LockFile::take(const fs::path& database) {
  const fs::path file = fs::weakly_canonical(database).string() + ".lock";
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0)
    return fail(file.string(), fmt::format("cannot be opened: {}", std::strerror(errno)),
                "a writable folder");
  LockFile lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const std::string pid = read_pid(descriptor);
    return fail(database.string(),
                "another coordinator" + (pid.empty() ? "" : " (process " + pid + ")") +
                    " uses this database",
                "one coordinator a database");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return fail(file.string(), fmt::format("cannot be written: {}", std::strerror(errno)),
                "a disk with room");
  return lock;
}

LockFile::LockFile(LockFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

LockFile::~LockFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

WritableDatabase::WritableDatabase(LockFile lock, std::unique_ptr<SQLite::Database> connection)
    : lock_(std::move(lock)), connection_(std::move(connection)) {}

Result<std::unique_ptr<WritableDatabase>> WritableDatabase::open(const fs::path& file) {
  if (auto folder = check_folder(file); !folder) return fail(std::move(folder.error()));
  auto lock = LockFile::take(file);
  if (!lock) return fail(std::move(lock.error()));
  try {
    auto connection = std::make_unique<SQLite::Database>(
        file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyTimeoutMs);
    if (auto identity = check_identity(*connection, file.string()); !identity)
      return fail(std::move(identity.error()));
    configure(*connection);
    migrate(*connection);
    if (auto sound = check_integrity(*connection, file.string()); !sound)
      return fail(std::move(sound.error()));
    return std::unique_ptr<WritableDatabase>(
        new WritableDatabase(std::move(*lock), std::move(connection)));
  } catch (const SQLite::Exception& fault) {
    return fail("", explain(fault, file));
  }
}

WritableDatabase::~WritableDatabase() {
  statements_.clear();
  try {
    if (sqlite3_get_autocommit(connection_->getHandle()) == 0) connection_->exec("ROLLBACK");
    connection_->exec("UPDATE meta SET value = '0' WHERE key = 'is_open'");
    connection_->exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (const SQLite::Exception&) {  // NOLINT(bugprone-empty-catch)
    // A full disk, say: the next start recovers from the log.
  }
}

SQLite::Statement& WritableDatabase::statement(const char* sql) {
  auto& slot = statements_[sql];
  if (slot == nullptr) {
    slot = std::make_unique<SQLite::Statement>(*connection_, sql);
  } else {
    slot->tryReset();
    slot->clearBindings();
  }
  return *slot;
}

void WritableDatabase::reset_statements() {
  for (const auto& [unused, statement] : statements_) statement->tryReset();
}

Result<std::unique_ptr<SQLite::Database>> open_for_reading(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error))
    return fail(file.string(), "there is no such file", "a coordinator's database");
  try {
    auto connection =
        std::make_unique<SQLite::Database>(file.string(), SQLite::OPEN_READONLY, kBusyTimeoutMs);
    connection->exec("PRAGMA query_only = 1");
    if (auto identity = check_identity(*connection, file.string()); !identity)
      return fail(std::move(identity.error()));
    if (pragma(*connection, "user_version") < kReadableSchemaMin)
      return fail(file.string(), "there is nothing in it yet", "a coordinator's database");
    return connection;
  } catch (const SQLite::Exception& fault) {
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
