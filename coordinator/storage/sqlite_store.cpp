#include "coordinator/storage/sqlite_store.h"

#include <sqlite3.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>

#include "base/check.h"
#include "coordinator/storage/acknowledged.h"
#include "coordinator/storage/database.h"
#include "coordinator/storage/queries.h"
#include "coordinator/storage/writes.h"

namespace isocost::storage {
namespace {

std::int64_t wall_clock_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// From the system's generator: SQLite's own is for ids.
std::string random_secret() {
  std::array<unsigned char, 32> bytes{};
  // So few bytes come whole or not at all.
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw std::runtime_error("the system gives no random bytes");
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4U];
    text += "0123456789abcdef"[byte & 15U];
  }
  return text;
}

}  // namespace

struct SqliteStore::Impl {
  std::filesystem::path file;
  std::unique_ptr<WritableDatabase> database;
  bool is_in_transaction = false;
  Acknowledged written{};  // what the database holds, once it is committed
  std::unique_ptr<AcknowledgedFile> mark{};

  SQLite::Statement& statement(const char* sql) { return database->statement(sql); }

  void begin() {
    if (is_in_transaction) return;
    database->connection().exec("BEGIN IMMEDIATE");
    is_in_transaction = true;
  }

  std::string meta(const char* key) {
    auto& row = statement("SELECT value FROM meta WHERE key = ?");
    row.bind(1, key);
    return row.executeStep() ? row.getColumn(0).getString() : "";
  }

  void set_meta(const char* key, const std::string& value) {
    auto& row = statement(
        "INSERT INTO meta (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value");
    row.bind(1, key);
    row.bind(2, value);
    row.exec();
  }

  // One that is made again has one already.
  bool has_result(const core::FinishUnit& write) {
    auto& row = statement("SELECT 1 FROM results WHERE unit = ?");
    row.bind(1, static_cast<std::int64_t>(write.unit));
    return row.executeStep();
  }

  // Requires: before they are written.
  void count_results(const std::vector<core::Write>& writes) {
    for (const core::Write& each : writes)
      if (const auto* finish = std::get_if<core::FinishUnit>(&each); finish && !has_result(*finish))
        ++written.results;
  }

  std::vector<ArtifactRef> artifacts_of(std::int64_t unit) {
    std::vector<ArtifactRef> found;
    auto& rows = statement(
        "SELECT l.name, l.digest, a.bytes FROM unit_artifacts l"
        " JOIN artifacts a ON a.digest = l.digest WHERE l.unit = ? ORDER BY l.name");
    rows.bind(1, unit);
    while (rows.executeStep())
      found.push_back({.name = rows.getColumn(0).getString(),
                       .digest = digest_from(rows.getColumn(1)),
                       .bytes = static_cast<std::uint64_t>(rows.getColumn(2).getInt64())});
    return found;
  }

  // Of a generate unit's body, the inputs whose bytes lie in the artifact store.
  std::vector<Digest> blobs_of(const std::string& body) {
    std::vector<Digest> found;
    auto& row = statement(
        "SELECT input FROM inputs WHERE blob = 1"
        " AND input = json_extract(?, '$.sample.prompts')");
    row.bind(1, body);
    while (row.executeStep())
      if (const auto digest = Digest::parse(row.getColumn(0).getString())) found.push_back(*digest);
    return found;
  }
};

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqliteStore::~SqliteStore() = default;

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& file,
                                                       const SqliteOptions& options) {
  auto database = WritableDatabase::open(file, {.accepts_loss = options.accepts_loss});
  if (!database) return fail(std::move(database.error()));
  auto impl = std::make_unique<Impl>();
  impl->file = file;
  impl->database = std::move(*database);
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(impl)));
}

const std::vector<std::string>& SqliteStore::warnings() const {
  return impl_->database->warnings();
}

// SQLite's exceptions end here, as sentences for people.
template <class Body>
auto SqliteStore::guarded(Body body) {
  try {
    return body();
  } catch (const SQLite::Exception& fault) {
    impl_->is_in_transaction = false;
    throw std::runtime_error(explain(fault, impl_->file));
  }
}

core::OpenState SqliteStore::open() {
  return guarded([&] {
    core::OpenState state;
    impl_->begin();
    state.database = impl_->meta("database_id");
    if (state.database.empty()) {
      // SQLite's generator is seeded by the system: an id for a file, not a secret.
      state.database =
          impl_->database->connection().execAndGet("SELECT lower(hex(randomblob(16)))").getString();
      impl_->set_meta("database_id", state.database);
    }
    state.secret = impl_->meta("attempt_secret");
    if (state.secret.empty()) {
      state.secret = random_secret();
      impl_->set_meta("attempt_secret", state.secret);
    }
    // Where commits were lost, epochs may have been: none is given twice.
    impl_->written = written_so_far(impl_->database->connection());
    const std::uint64_t before =
        std::max(impl_->written.epoch, impl_->database->acknowledged().epoch);
    state.epoch = impl_->written.epoch = before + 1;
    impl_->set_meta("epoch", std::to_string(state.epoch));
    impl_->mark = std::make_unique<AcknowledgedFile>(impl_->file);
    commit();
    state.units = find_units(impl_->database->connection(), "u.state IN (1, 2)");
    auto& workers = impl_->statement("SELECT name FROM workers ORDER BY last_seen_ms DESC LIMIT ?");
    workers.bind(1, static_cast<std::int64_t>(core::kKnownWorkersMax));
    while (workers.executeStep()) state.workers.push_back(workers.getColumn(0).getString());
    return state;
  });
}

void SqliteStore::apply(const std::vector<core::Write>& writes) {
  if (writes.empty()) return;
  guarded([&] {
    impl_->begin();
    const std::int64_t now_ms = wall_clock_ms();
    impl_->count_results(writes);
    for (const core::Write& each : writes) write(*impl_->database, each, now_ms);
  });
}

void SqliteStore::commit() {
  if (!impl_->is_in_transaction) return;
  guarded([&] {
    ++impl_->written.commits;
    impl_->set_meta("commits", std::to_string(impl_->written.commits));
    impl_->database->reset_statements();
    impl_->database->connection().exec("COMMIT");
    impl_->is_in_transaction = false;
  });
  if (impl_->mark) impl_->mark->write(impl_->written);
}

std::optional<core::KnownUnit> SqliteStore::find_unit(const std::string& name) {
  return guarded([&]() -> std::optional<core::KnownUnit> {
    auto& row = impl_->statement(
        "SELECT u.id, u.state, r.digest FROM units u LEFT JOIN results r ON r.unit = u.id"
        " WHERE u.name = ?");
    row.bind(1, name);
    if (!row.executeStep()) return std::nullopt;
    core::KnownUnit unit{.id = core::UnitId{row.getColumn(0).getInt64()},
                         .state = static_cast<core::UnitState>(row.getColumn(1).getInt()),
                         .digest = {}};
    if (!row.getColumn(2).isNull()) unit.digest = digest_from(row.getColumn(2));
    return unit;
  });
}

wire::Lease SqliteStore::lease_of(core::UnitId unit) {
  return guarded([&] {
    wire::Lease lease;
    auto& row = impl_->statement("SELECT name, kind, body FROM units WHERE id = ?");
    row.bind(1, static_cast<std::int64_t>(unit));
    ISOCOST_CHECK(row.executeStep(), "a leased unit has a row");
    lease.unit = row.getColumn(0).getString();
    lease.kind = static_cast<UnitKind>(row.getColumn(1).getInt());
    lease.body = row.getColumn(2).getString();
    if (lease.kind == UnitKind::kGenerate) lease.blobs = impl_->blobs_of(lease.body);
    std::vector<std::pair<std::int64_t, std::string>> needed;
    auto& needs = impl_->statement(
        "SELECT u.id, u.name FROM unit_needs n JOIN units u ON u.id = n.needs"
        " WHERE n.unit = ? ORDER BY u.id");
    needs.bind(1, static_cast<std::int64_t>(unit));
    while (needs.executeStep())
      needed.emplace_back(needs.getColumn(0).getInt64(), needs.getColumn(1).getString());
    for (const auto& [id, name] : needed) lease.needs[name] = impl_->artifacts_of(id);
    return lease;
  });
}

core::Existing SqliteStore::existing(const Submission& submission) {
  return guarded([&] { return find_existing(impl_->database->connection(), submission); });
}

std::optional<core::ExperimentId> SqliteStore::find_experiment(const std::string& name) {
  return guarded([&]() -> std::optional<core::ExperimentId> {
    auto& row = impl_->statement("SELECT id FROM experiments WHERE name = ?");
    row.bind(1, name);
    if (!row.executeStep()) return std::nullopt;
    return core::ExperimentId{row.getColumn(0).getInt64()};
  });
}

std::map<core::UnitId, int> SqliteStore::priorities() {
  return guarded([&] { return find_priorities(impl_->database->connection()); });
}

std::vector<core::UnitId> SqliteStore::unwanted() {
  return guarded([&] { return find_unwanted(impl_->database->connection()); });
}

std::vector<core::OpenUnit> SqliteStore::units(const std::vector<core::UnitId>& ids) {
  return guarded([&] { return find_units(impl_->database->connection(), ids); });
}

std::vector<core::UnitId> SqliteStore::failed(std::optional<core::ExperimentId> experiment) {
  return guarded([&] { return find_failed(impl_->database->connection(), experiment); });
}

std::vector<core::LostUnit> SqliteStore::makers(const std::vector<Digest>& artifacts) {
  return guarded([&] { return find_makers(impl_->database->connection(), artifacts); });
}

bool SqliteStore::was_remade(core::UnitId unit, core::Attempt attempt) {
  return guarded([&] {
    auto& row = impl_->statement(
        "SELECT 1 FROM unit_needs n JOIN units u ON u.id = n.needs WHERE n.unit = ?"
        " AND (u.lost_epoch, u.lost_counter) >= (?, ?) LIMIT 1");
    row.bind(1, static_cast<std::int64_t>(unit));
    row.bind(2, static_cast<std::int64_t>(attempt.epoch));
    row.bind(3, static_cast<std::int64_t>(attempt.counter));
    return row.executeStep();
  });
}

std::vector<core::UnitId> SqliteStore::failed_by(const std::string& worker) {
  return guarded([&] { return find_failed_by(impl_->database->connection(), worker); });
}

void SqliteStore::describe(core::Snapshot& snapshot) {
  guarded([&] { storage::describe(impl_->database->connection(), snapshot); });
}

}  // namespace isocost::storage
