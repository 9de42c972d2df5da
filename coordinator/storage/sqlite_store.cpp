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
  std::unique_ptr<EventRows> events;
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

  // What the unit's body is made of; of a sample also whether its prompts lie in the artifact
  // store.
  BodyParts parts_of(UnitKind kind, std::int64_t unit, std::vector<Digest>& blobs) {
    switch (kind) {
      case UnitKind::kReference:
        return reference_parts(unit);
      case UnitKind::kGenerate:
        return generate_parts(unit, blobs);
      case UnitKind::kScore:
        return score_parts(unit);
    }
    ISOCOST_CHECK(false, "a unit's kind has a number of ours");
  }

  BodyParts reference_parts(std::int64_t unit) {
    auto& row = found(unit, "SELECT spec FROM reference_sets WHERE unit = ?");
    return {.kind = UnitKind::kReference, .spec = row.getColumn(0).getString()};
  }

  BodyParts score_parts(std::int64_t unit) {
    auto& row = found(unit,
                      "SELECT c.spec, s.key FROM scores c JOIN samples s ON s.id = c.sample"
                      " WHERE c.unit = ?");
    return {.kind = UnitKind::kScore,
            .spec = row.getColumn(0).getString(),
            .sample = digest_from(row.getColumn(1))};
  }

  BodyParts generate_parts(std::int64_t unit, std::vector<Digest>& blobs) {
    auto& row = found(unit,
                      "SELECT s.spec, u.range_begin, u.range_end, u.keep_pictures, i.input"
                      " FROM units u JOIN samples s ON s.id = u.sample LEFT JOIN inputs i"
                      " ON i.blob = 1 AND i.input = json_extract(s.spec, '$.prompts')"
                      " WHERE u.id = ?");
    BodyParts parts{.kind = UnitKind::kGenerate,
                    .spec = row.getColumn(0).getString(),
                    .range = {count_from(row.getColumn(1)), count_from(row.getColumn(2))},
                    .keep_pictures = count_from(row.getColumn(3))};
    if (const auto prompts = Digest::parse(row.getColumn(4).getString())) blobs.push_back(*prompts);
    auto& extractors = statement(
        "SELECT e.spec FROM unit_extractors l JOIN extractors e ON e.key = l.extractor"
        " WHERE l.unit = ? ORDER BY e.key");
    extractors.bind(1, unit);
    while (extractors.executeStep())
      parts.extractors.push_back(extractors.getColumn(0).getString());
    return parts;
  }

  // Requires: the unit is of a kind that the query finds.
  SQLite::Statement& found(std::int64_t unit, const char* sql) {
    auto& row = statement(sql);
    row.bind(1, unit);
    ISOCOST_CHECK(row.executeStep(), "what a unit's body is made of is kept as long as the unit");
    return row;
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
  impl->events = std::make_unique<EventRows>(*impl->database);
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
    impl_->events->forget();
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
    state.units = find_units(impl_->database->connection(), "u.state = #open");
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
    for (const core::Write& each : writes) write(*impl_->database, *impl_->events, each, now_ms);
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

std::vector<log::Event> SqliteStore::take_events() { return impl_->events->take(); }

std::optional<core::KnownUnit> SqliteStore::find_unit(const std::string& name) {
  return guarded([&]() -> std::optional<core::KnownUnit> {
    auto& row = impl_->statement(
        "SELECT u.id, u.state, r.digest FROM units u LEFT JOIN results r ON r.unit = u.id"
        " WHERE u.name = ?");
    row.bind(1, name);
    if (!row.executeStep()) return std::nullopt;
    core::KnownUnit unit{.id = core::UnitId{row.getColumn(0).getInt64()},
                         .state = unit_state(row.getColumn(1)),
                         .digest = {}};
    if (!row.getColumn(2).isNull()) unit.digest = digest_from(row.getColumn(2));
    return unit;
  });
}

wire::Lease SqliteStore::lease_of(core::UnitId unit) {
  return guarded([&] {
    wire::Lease lease;
    const auto id = static_cast<std::int64_t>(unit);
    auto& row = impl_->found(id, "SELECT name, kind FROM units WHERE id = ?");
    lease.unit = row.getColumn(0).getString();
    lease.kind = static_cast<UnitKind>(row.getColumn(1).getInt());
    lease.body = body_text(impl_->parts_of(lease.kind, id, lease.blobs));
    // In an order that does not depend on who was planned first.
    auto& needs = impl_->statement(
        "SELECT u.id, u.name, u.kind, u.range_begin, u.range_end FROM unit_needs n"
        " JOIN units u ON u.id = n.needs WHERE n.unit = ?"
        " ORDER BY u.kind, u.range_begin, u.range_end, u.name");
    needs.bind(1, id);
    std::vector<std::int64_t> needed;
    while (needs.executeStep()) {
      needed.push_back(needs.getColumn(0).getInt64());
      lease.needs.push_back({needs.getColumn(1).getString(),
                             static_cast<UnitKind>(needs.getColumn(2).getInt()),
                             {count_from(needs.getColumn(3)), count_from(needs.getColumn(4))},
                             {}});
    }
    for (std::size_t i = 0; i < needed.size(); ++i)
      lease.needs[i].artifacts = impl_->artifacts_of(needed[i]);
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
