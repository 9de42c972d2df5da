#include "cli/archive.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "coordinator/storage/reader.h"
#include "coordinator/web/handler.h"
#include "reports/export_tables.h"
#include "schema/options.h"

namespace isocost::cli {
namespace {

constexpr std::chrono::minutes kKeptFor{1};

}  // namespace

struct DatabaseArchive::Kept {
  std::string experiment;
  std::uint64_t commits = 0;
  std::unique_ptr<const report::ExportedTables> tables;
};

DatabaseArchive::DatabaseArchive(std::filesystem::path database)
    : database_(std::move(database)),
      keeper_([this](const std::stop_token& stop) { forget_unused(stop); }) {}
DatabaseArchive::~DatabaseArchive() = default;

Result<std::vector<log::Event>> DatabaseArchive::events(const log::EventQuery& query) {
  auto reader = storage::Reader::open(database_);
  if (!reader) return fail(std::move(reader.error()));
  return (*reader)->events(query);
}

void DatabaseArchive::forget_unused(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (is_kept_.wait(lock, stop, [&] { return kept_ != nullptr; }) && !stop.stop_requested()) {
    is_kept_.wait_until(lock, stop, used_ + kKeptFor, [] { return false; });
    if (std::chrono::steady_clock::now() < used_ + kKeptFor) continue;
    auto unused = std::exchange(kept_, nullptr);
    lock.unlock();  // what is large takes its time to go
    unused.reset();
    lock.lock();
  }
}

// What others ask for meanwhile is read apart, so that nobody waits for another.
Result<std::shared_ptr<const DatabaseArchive::Kept>> DatabaseArchive::tables_of(
    const std::string& experiment, const std::string& table) {
  auto reader = storage::Reader::open(database_);
  if (!reader) return fail(std::move(reader.error()));
  const std::uint64_t commits = (*reader)->commits();
  {
    const std::lock_guard lock(mutex_);
    used_ = std::chrono::steady_clock::now();
    if (kept_ && kept_->experiment == experiment && kept_->commits == commits &&
        kept_->tables->were_read_for(table))
      return kept_;
    kept_.reset();  // two large tables need not be there at once
  }
  auto tables = report::ExportedTables::read(database_, experiment, table);
  if (!tables) return fail(std::move(tables.error()));
  auto kept = std::make_shared<const Kept>(Kept{experiment, commits, std::move(*tables)});
  const std::lock_guard lock(mutex_);
  kept_ = kept;
  used_ = std::chrono::steady_clock::now();
  is_kept_.notify_one();
  return kept;
}

Result<web::TablePage> DatabaseArchive::table(const web::TableQuery& query) {
  const auto kept = tables_of(query.experiment, query.table);
  if (!kept) return fail(kept.error());
  const auto table = (*kept)->tables->find(query.table);
  if (!table)
    return fail(query.experiment, "it has no table '" + query.table + "'",
                joined(web::table_names()));
  const std::size_t count = query.limit.value_or(std::numeric_limits<std::size_t>::max());
  return web::TablePage{query.format == web::TableFormat::kCsv ? table->csv(query.offset, count)
                                                               : table->json(query.offset, count),
                        table->size()};
}

}  // namespace isocost::cli
