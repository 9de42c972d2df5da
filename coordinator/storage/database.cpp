#include "coordinator/storage/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>

#include "base/io/atomic_file.h"
#include "base/io/presence.h"
#include "coordinator/storage/file_system.h"
#include "coordinator/storage/migrations.h"

namespace isocost::storage {
namespace {

namespace fs = std::filesystem;

// What a person should know of where the database lies.
Result<std::vector<std::string>> check_folder(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return fail(folder.string(), "the database's folder is missing", "an existing folder");
  if (::access(folder.c_str(), W_OK) != 0)
    return fail(folder.string(), "the database's folder cannot be written",
                "a folder of yours on a local disk");
  const auto system = file_system_at(folder);
  if (!system) return std::vector<std::string>{};
  if (system->is_network)
    return fail(file.string(), fmt::format("this lies on a network file system ({})", system->name),
                "a local disk, since SQLite's log is not safe elsewhere");
  return std::vector{fmt::format(
      "{}: this lies on {}, whose locks and shared memory may not be what SQLite's log needs; "
      "expected a local disk",
      file.string(), system->name)};
}

void migrate(SQLite::Database& connection) {
  for (int version = std::max(pragma(connection, "user_version"), kFirstSchema - 1) + 1;
       version <= newest_schema(); ++version) {
    SQLite::Transaction transaction(connection, SQLite::TransactionBehavior::IMMEDIATE);
    connection.exec(std::string(migrations().at(static_cast<std::size_t>(version - kFirstSchema))));
    connection.exec(fmt::format("PRAGMA user_version = {}", version));
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

// Somebody has it open, or had and did not end cleanly.
bool is_open(SQLite::Database& connection) {
  SQLite::Statement told(connection, "SELECT value FROM meta WHERE key = 'is_open'");
  return told.executeStep() && told.getColumn(0).getString() == "1";
}

// After an unclean stop the whole file is checked once; SQLite recovers its log by itself.
Result<void> check_integrity(SQLite::Database& connection, const std::string& where) {
  if (is_open(connection)) {
    const std::string verdict = connection.execAndGet("PRAGMA quick_check(1)").getString();
    if (verdict != "ok")
      return fail(where, "the database is damaged: " + verdict,
                  "restore a backup, or rescue what is readable with sqlite3's .recover");
  }
  connection.exec(
      "INSERT INTO meta VALUES ('is_open', '1') "
      "ON CONFLICT (key) DO UPDATE SET value = '1'");
  // Into the file itself, so that it tells that there was a log.
  connection.exec("PRAGMA wal_checkpoint(PASSIVE)");
  return {};
}

// Before the database says that it is open: then no open one is without a mark, unless somebody
// removed it.
void note_where_it_stands(SQLite::Database& connection, const fs::path& file) {
  if (const auto mark = read_acknowledged(file); mark && !*mark)
    AcknowledgedFile(file).write(written_so_far(connection));
}

// Who wrote the lock file; empty: nobody knows.
std::string pid_in(const fs::path& lock_file) {
  const auto text = io::read_file(lock_file, 32);
  if (!text) return {};
  return text->substr(0, text->find('\n'));
}

Failure in_use(const fs::path& database, const std::string& pid) {
  Failure failure;
  failure.add(
      database.string(),
      "another coordinator" + (pid.empty() ? "" : " (process " + pid + ")") + " uses this database",
      "one coordinator a database");
  return failure;
}

// Databases that this process holds. To open such a file once more and close it again would end
// SQLite's locks on it.
using Inode = std::pair<dev_t, ino_t>;

struct HeldDatabases {
  std::mutex mutex;
  std::set<Inode> inodes;
};

HeldDatabases& held_databases() {
  static HeldDatabases held;
  return held;
}

bool holds(const fs::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return false;
  HeldDatabases& held = held_databases();
  const std::lock_guard lock(held.mutex);
  return held.inodes.contains({status.st_dev, status.st_ino});
}

Inode inode_of(int descriptor) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0)
    throw std::system_error(errno, std::generic_category(), "fstat");
  return {status.st_dev, status.st_ino};
}

void remember(int descriptor) {
  const Inode inode = inode_of(descriptor);
  HeldDatabases& held = held_databases();
  const std::lock_guard lock(held.mutex);
  held.inodes.insert(inode);
}

void forget(int descriptor) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) return;
  HeldDatabases& held = held_databases();
  const std::lock_guard lock(held.mutex);
  held.inodes.erase({status.st_dev, status.st_ino});
}

}  // namespace

Result<DatabaseLock> DatabaseLock::take(const fs::path& database) {
  const fs::path file = fs::weakly_canonical(database);
  const fs::path beside = file.string() + ".lock";
  if (holds(file)) return fail(in_use(database, std::to_string(::getpid())));
  DatabaseLock lock;
  lock.database_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock.database_ < 0)
    return fail(file.string(), fmt::format("cannot be opened: {}", std::strerror(errno)),
                "a writable file");
  if (::flock(lock.database_, LOCK_EX | LOCK_NB) != 0)
    return fail(in_use(database, pid_in(beside)));
  lock.beside_ = ::open(beside.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock.beside_ < 0)
    return fail(beside.string(), fmt::format("cannot be opened: {}", std::strerror(errno)),
                "a writable folder");
  if (::flock(lock.beside_, LOCK_EX | LOCK_NB) != 0) return fail(in_use(database, pid_in(beside)));
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.beside_, 0) != 0 ||
      ::pwrite(lock.beside_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return fail(beside.string(), fmt::format("cannot be written: {}", std::strerror(errno)),
                "a disk with room");
  remember(lock.database_);
  return lock;
}

DatabaseLock::DatabaseLock(DatabaseLock&& other) noexcept
    : database_(std::exchange(other.database_, -1)), beside_(std::exchange(other.beside_, -1)) {}

DatabaseLock::~DatabaseLock() {
  if (database_ >= 0) forget(database_);
  for (const int descriptor : {database_, beside_})
    if (descriptor >= 0) ::close(descriptor);
}

Acknowledged written_so_far(SQLite::Database& connection) {
  Acknowledged there;
  if (!connection.tableExists("meta")) return there;
  SQLite::Statement rows(connection, "SELECT key, value FROM meta");
  const auto number = [&] {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, rows.getColumn(1).getInt64()));
  };
  while (rows.executeStep()) {
    const std::string key = rows.getColumn(0).getString();
    if (key == "database_id") there.database = rows.getColumn(1).getString();
    if (key == "epoch") there.epoch = number();
    if (key == "commits") there.commits = number();
  }
  there.results =
      static_cast<std::uint64_t>(connection.execAndGet("SELECT count(*) FROM results").getInt64());
  return there;
}

std::optional<std::string> missing_without_mark(SQLite::Database& connection) {
  if (!connection.tableExists("meta")) return std::nullopt;
  // A copy by VACUUM INTO has no log, and nothing that it lacks was ever in one.
  if (connection.execAndGet("PRAGMA journal_mode").getString() != "wal") return std::nullopt;
  if (!is_open(connection)) return std::nullopt;
  return "it was not closed, and the note of what was acknowledged (.acknowledged beside it) is "
         "gone; if its log (-wal) went too, the last results are missing";
}

Result<std::unique_ptr<WritableDatabase>> WritableDatabase::open(const fs::path& file,
                                                                 const WritableOptions& options) {
  auto warnings = check_folder(file);
  if (!warnings) return fail(std::move(warnings.error()));
  auto lock = DatabaseLock::take(file);
  if (!lock) return fail(std::move(lock.error()));
  std::unique_ptr<WritableDatabase> database(new WritableDatabase(std::move(*lock)));
  database->warnings_ = std::move(*warnings);
  try {
    if (auto prepared = database->prepare(file, options); !prepared)
      return fail(std::move(prepared.error()));
    return database;
  } catch (const SQLite::Exception& fault) {
    return fail("", explain(fault, file));
  } catch (const std::system_error& fault) {
    return fail(file.string(), fault.what(), "a disk with room");
  }
}

// Nothing is written before the database is known to be whole.
Result<void> WritableDatabase::prepare(const fs::path& file, const WritableOptions& options) {
  if (const auto log = io::has_file(file.string() + "-wal"); !log) return fail(log.error());
  auto connection = std::make_unique<SQLite::Database>(
      file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyTimeoutMs);
  if (auto identity = check_identity(*connection, file.string()); !identity) return identity;
  if (auto whole = compare(*connection, file, options); !whole) return whole;
  configure(*connection);
  migrate(*connection);
  note_where_it_stands(*connection, file);
  if (auto sound = check_integrity(*connection, file.string()); !sound) return sound;
  connection_ = std::move(connection);
  return {};
}

Result<void> WritableDatabase::compare(SQLite::Database& connection, const fs::path& file,
                                       const WritableOptions& options) {
  auto mark = read_acknowledged(file);
  if (!mark && !options.accepts_loss)
    return fail(file.string(),
                "how far it was acknowledged cannot be read (" + mark.error().message() + ")",
                "that file as it was, or --accept-loss to go on without it");
  if (!mark) {
    warnings_.push_back(mark.error().message());
    return {};
  }
  if (*mark) acknowledged_ = **mark;
  const auto what =
      *mark ? missing(acknowledged_, written_so_far(connection)) : missing_without_mark(connection);
  if (!what) return {};
  if (!options.accepts_loss)
    return fail(file.string(), *what,
                "what lay beside it, or --accept-loss to compute again what is missing");
  warnings_.push_back(file.string() + ": " + *what + "; what is missing is computed again");
  return {};
}

WritableDatabase::~WritableDatabase() {
  statements_.clear();
  if (connection_ == nullptr) return;  // it was not opened
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
    slot = std::make_unique<SQLite::Statement>(*connection_, units::with_numbers(sql));
  } else {
    slot->tryReset();
    slot->clearBindings();
  }
  return *slot;
}

void WritableDatabase::reset_statements() {
  for (const auto& [unused, statement] : statements_) statement->tryReset();
}

}  // namespace isocost::storage
