#include "coordinator/storage/reader.h"

#include <stdexcept>

#include "coordinator/storage/database.h"
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
    SQLite::Statement row(*impl_->connection, "SELECT value FROM meta WHERE key = 'database_id'");
    if (row.executeStep()) snapshot.database = row.getColumn(0).getString();
    describe(*impl_->connection, snapshot);
    return snapshot;
  });
}

}  // namespace isocost::storage
