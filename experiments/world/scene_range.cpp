#include "experiments/world/scene_range.h"

#include "base/json_reader.h"
#include "schema/options.h"

namespace isocost::world {

Json scene_options(const std::string& split, std::uint64_t count, std::uint64_t seed) {
  return {{"split", split}, {"count", count}, {"seed", seed}, {"world", kWorldRevision}};
}

Result<SceneRange> scene_range(const Json& options, const std::string& where) {
  JsonReader reader(options, where);
  const auto split = parse_split(reader.get<std::string>("split"));
  const auto count = reader.get<std::uint64_t>("count");
  const auto seed = reader.get<std::uint64_t>("seed");
  const auto revision = reader.get<int>("world");
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  if (!split) reader.fault("split", "this is no split", "one of: " + joined(split_names()));
  if (count < 1 || count > kScenesMax)
    reader.fault("count", std::to_string(count), "1 to " + std::to_string(kScenesMax));
  if (revision != kWorldRevision)
    reader.fault("world", "these are scenes of world " + std::to_string(revision),
                 std::to_string(kWorldRevision) + ", which this build draws");
  if (!reader.ok()) return fail(reader.take());
  return SceneRange{*split, count, seed};
}

}  // namespace isocost::world
