#include "coordinator/storage/reader.h"

#include <stdexcept>

#include "coordinator/storage/acknowledged.h"
#include "coordinator/storage/database.h"
#include "coordinator/storage/events.h"
#include "coordinator/storage/queries.h"

namespace isocost::storage {

struct Reader::Impl {
  std::filesystem::path file;
  std::unique_ptr<SQLite::Database> connection;

  // One transaction, so that all answers are of one moment.
  template <class Body>
  auto at_one_moment(Body body) {
    try {
      SQLite::Transaction transaction(*connection);
      auto answer = body();
      transaction.commit();
      return answer;
    } catch (const SQLite::Exception& fault) {
      throw std::runtime_error(explain(fault, file));
    }
  }
};

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::~Reader() = default;

Result<std::unique_ptr<Reader>> Reader::open(const std::filesystem::path& file) {
  auto connection = open_for_reading(file);
  if (!connection) return fail(std::move(connection.error()));
  auto impl = std::make_unique<Impl>();
  impl->file = file;
  impl->connection = std::move(*connection);
  return std::unique_ptr<Reader>(new Reader(std::move(impl)));
}

core::Existing Reader::existing(const Submission& submission) {
  return impl_->at_one_moment([&] { return find_existing(*impl_->connection, submission); });
}

core::Snapshot Reader::snapshot() {
  return impl_->at_one_moment([&] {
    core::Snapshot snapshot;
    Query row(*impl_->connection, "SELECT value FROM meta WHERE key = 'database_id'");
    if (row.executeStep()) snapshot.database = row.getColumn(0).getString();
    describe(*impl_->connection, snapshot);
    return snapshot;
  });
}

std::uint64_t Reader::commits() {
  return impl_->at_one_moment([&] {
    Query row(*impl_->connection, "SELECT value FROM meta WHERE key = 'commits'");
    return row.executeStep() ? count_from(row.getColumn(0)) : std::uint64_t{0};
  });
}

core::Speeds Reader::speeds() {
  return impl_->at_one_moment([&] {
    core::Speeds speeds;
    Query row(
        *impl_->connection,
        "SELECT u.kind, u.affinity, sum(u.gflops), sum(json_extract(r.measured, '$.seconds')), "
        "count(*) FROM results r JOIN units u ON u.id = r.unit "
        "WHERE json_extract(r.measured, '$.seconds') > 0 GROUP BY u.kind, u.affinity");
    while (row.executeStep()) {
      const units::Kind* kind = units::find_kind(row.getColumn(0).getInt());
      if (kind == nullptr) continue;
      speeds.observe({.kind = kind->kind,
                      .affinity = row.getColumn(1).getString(),
                      .gflops = row.getColumn(2).getDouble(),
                      .units = count_from(row.getColumn(4))},
                     row.getColumn(3).getDouble());
    }
    return speeds;
  });
}

std::vector<log::Event> Reader::events(const log::EventQuery& query) {
  return impl_->at_one_moment([&] { return find_events(*impl_->connection, query); });
}

std::vector<Reader::StoredArtifact> Reader::artifacts() {
  return impl_->at_one_moment([&] {
    std::vector<StoredArtifact> found;
    Query row(*impl_->connection,
              "SELECT a.digest, min(a.name), u.name FROM unit_artifacts a"
              " JOIN units u ON u.id = a.unit WHERE u.state = #done"
              " GROUP BY a.digest ORDER BY 2, 3");
    while (row.executeStep())
      found.push_back({digest_from(row.getColumn(0)), row.getColumn(1).getString(),
                       row.getColumn(2).getString()});
    return found;
  });
}

std::optional<std::string> what_is_missing(const std::filesystem::path& database) {
  // The mark first: while a coordinator writes, the database is never behind what was read here.
  const auto mark = read_acknowledged(database);
  if (!mark) return mark.error().message();
  const auto told = [&](const std::optional<std::string>& what) {
    return what ? std::optional(database.string() + ": " + *what) : std::nullopt;
  };
  const auto connection = open_for_reading(database);
  if (!connection) {
    // What cannot be read is told by whoever opens it.
    const bool is_empty =
        connection.error().errors.front().what == kNothingYet || !std::filesystem::exists(database);
    return is_empty && *mark ? told(missing(**mark, {})) : std::nullopt;
  }
  try {
    if (*mark) return told(missing(**mark, written_so_far(**connection)));
    const auto what = missing_without_mark(**connection);
    // One that opens now has a mark by now.
    const auto again = read_acknowledged(database);
    return again && !*again ? told(what) : std::nullopt;
  } catch (const SQLite::Exception& fault) {
    throw std::runtime_error(explain(fault, database));
  }
}

Result<Reader::Judged> Reader::judged(const std::string& experiment, const std::string& metric) {
  return impl_->at_one_moment([&]() -> Result<Judged> {
    Query found(*impl_->connection, "SELECT id, grid FROM experiments WHERE name = ?");
    found.bind(1, experiment);
    if (!found.executeStep()) {
      std::string names;
      Query row(*impl_->connection, "SELECT name FROM experiments ORDER BY name");
      while (row.executeStep()) names += (names.empty() ? "" : ", ") + row.getColumn(0).getString();
      return fail(impl_->file.string(), "there is no experiment '" + experiment + "'",
                  names.empty() ? "an experiment" : "one of: " + names);
    }
    Judged judged{found.getColumn(1).getString(), {}};
    Query row(
        *impl_->connection,
        "SELECT c.labels, json_extract(r.outcome, '$.value'), json_extract(s.spec, '$.range[0]'), "
        "json_extract(s.spec, '$.range[1]'), json_extract(a.spec, '$.task') FROM cells c "
        "JOIN samples a ON a.id = c.sample "
        "JOIN cell_scores cs ON cs.experiment = c.experiment AND cs.number = c.number "
        "JOIN scores s ON s.id = cs.score JOIN results r ON r.unit = s.unit "
        "WHERE c.experiment = ? AND json_extract(s.spec, '$.metric') = ? ORDER BY c.number, s.id");
    row.bind(1, found.getColumn(0).getInt64());
    row.bind(2, metric);
    while (row.executeStep()) {
      if (row.getColumn(1).isNull()) continue;
      judged.cells.push_back({Json::parse(row.getColumn(0).getString()),
                              row.getColumn(4).getString(),
                              row.getColumn(1).getDouble(),
                              {static_cast<std::uint64_t>(row.getColumn(2).getInt64()),
                               static_cast<std::uint64_t>(row.getColumn(3).getInt64())}});
    }
    return judged;
  });
}

}  // namespace isocost::storage
