#include "experiments/world/world.h"
#include "base/json_reader.h"
#include "worker/diffusion/items/sources.h"

namespace isocost::diffusion {
namespace {

constexpr std::uint64_t kWorldItemsMax = world::kScenesMax;

class WorldItems : public ItemSource {
 public:
  explicit WorldItems(const WorldScenes& scenes) : scenes_(scenes) {}

  [[nodiscard]] std::uint64_t count() const override { return scenes_.count; }
  [[nodiscard]] bool has(tasks::Slot slot) const override { return slot == tasks::Slot::kTarget; }
  [[nodiscard]] std::optional<std::string> text(std::uint64_t index,
                                                tasks::Slot slot) const override {
    if (slot != tasks::Slot::kTargetText) return std::nullopt;
    return world::caption(world::scene(scenes_.split, index, scenes_.seed));
  }
  [[nodiscard]] Result<Item> item(std::uint64_t index,
                                  const std::vector<tasks::Slot>&) const override {
    io::Picture picture{world::kSide, world::kSide,
                        std::vector<std::uint8_t>(world::kPictureBytes)};
    world::render(world::scene(scenes_.split, index, scenes_.seed), picture.rgb.data());
    Item item;
    item.target = std::move(picture);
    item.name = name_of_world_item("scene", index, scenes_.split);
    return item;
  }

 private:
  WorldScenes scenes_;
};

}  // namespace

std::string name_of_world_item(const std::string& what, std::uint64_t index, world::Split split) {
  return what + " " + std::to_string(index) + " of the mini world (" +
         std::string(world::split_name(split)) + ")";
}

Result<WorldScenes> world_scenes_of(const ItemsSpec& spec) {
  JsonReader reader(spec.options, "items.options");
  const auto split = world::parse_split(reader.get<std::string>("split"));
  const auto count = reader.get<std::uint64_t>("count");
  const auto seed = reader.get<std::uint64_t>("seed");
  if (reader.ok() && !split) reader.fault("split", "this is no split", "train, validation or test");
  if (reader.ok() && (count < 1 || count > kWorldItemsMax))
    reader.fault("count", std::to_string(count), "1 to " + std::to_string(kWorldItemsMax));
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  return WorldScenes{*split, count, seed};
}

Result<std::unique_ptr<ItemSource>> open_world(const ItemsSpec& spec,
                                               const std::map<std::string, std::string>&,
                                               const FindColumn&) {
  const auto scenes = world_scenes_of(spec);
  if (!scenes) return fail(scenes.error());
  return std::make_unique<WorldItems>(*scenes);
}

}  // namespace isocost::diffusion
