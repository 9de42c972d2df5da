#include "experiments/world/world.h"
#include "worker/diffusion/items/sources.h"

namespace isocost::diffusion {
namespace {

class WorldItems : public ItemSource {
 public:
  explicit WorldItems(const world::SceneRange& scenes) : scenes_(scenes) {}

  [[nodiscard]] std::uint64_t count() const override { return scenes_.count; }
  [[nodiscard]] bool are_alike() const override { return true; }
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
  world::SceneRange scenes_;
};

}  // namespace

std::string name_of_world_item(const std::string& what, std::uint64_t index, world::Split split) {
  return what + " " + std::to_string(index) + " of the mini world (" +
         std::string(world::split_name(split)) + ")";
}

Result<std::unique_ptr<ItemSource>> open_world(const ItemsSpec& spec,
                                               const std::map<std::string, std::string>&,
                                               const FindColumn&) {
  const auto scenes = world::scene_range(spec.options, "items.options");
  if (!scenes) return fail(scenes.error());
  return std::make_unique<WorldItems>(*scenes);
}

}  // namespace isocost::diffusion
