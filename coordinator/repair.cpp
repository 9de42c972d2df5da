#include "coordinator/repair.h"

#include "coordinator/core/core.h"
#include "coordinator/storage/sqlite_store.h"

namespace isocost::coordinator {

Result<std::uint64_t> make_again(const std::filesystem::path& database,
                                 const std::vector<Digest>& lost) {
  auto store = storage::SqliteStore::open(database);
  if (!store) return fail(std::move(store.error()));
  const core::OpenState state = (*store)->open();
  core::Core core({.epoch = state.epoch, .database = state.database, .secret = state.secret},
                  state.units);
  std::vector<core::LostUnit> makers = (*store)->makers(lost);
  const std::uint64_t units = makers.size();
  const core::Effects effects = core.handle(core::ArtifactsLost{std::move(makers)}, Instant{});
  (*store)->apply(effects.writes);
  (*store)->commit();
  return units;
}

}  // namespace isocost::coordinator
