// Edits of the mini world: the scene before and after, the mask outside of which they are equal,
// the instruction, and a caption of each.
#include "experiments/world/edits.h"
#include "worker/diffusion/items/sources.h"

namespace isocost::diffusion {
namespace {

class WorldEdits : public ItemSource {
 public:
  explicit WorldEdits(const world::SceneRange& scenes) : scenes_(scenes) {}

  [[nodiscard]] std::uint64_t count() const override { return scenes_.count; }
  [[nodiscard]] bool are_alike() const override { return true; }
  [[nodiscard]] bool has(tasks::Slot slot) const override {
    return slot == tasks::Slot::kSource || slot == tasks::Slot::kMask ||
           slot == tasks::Slot::kTarget;
  }
  [[nodiscard]] std::optional<std::string> text(std::uint64_t index,
                                                tasks::Slot slot) const override {
    const auto edit = world::edit(scenes_.split, index, scenes_.seed);
    if (slot == tasks::Slot::kPrompt) return edit.instruction.text();
    if (slot == tasks::Slot::kSourceText) return world::caption(edit.source);
    if (slot == tasks::Slot::kTargetText) return world::caption(edit.target);
    return std::nullopt;
  }
  [[nodiscard]] Result<Item> item(std::uint64_t index,
                                  const std::vector<tasks::Slot>&) const override {
    const auto edit = world::edit(scenes_.split, index, scenes_.seed);
    const io::Picture blank{world::kSide, world::kSide,
                            std::vector<std::uint8_t>(world::kPictureBytes)};
    Item item;
    item.source = blank;
    world::render_source(edit, item.source->rgb.data());
    item.target = blank;
    world::render_target(edit, item.target->rgb.data());
    item.mask = Mask{world::kSide, world::kSide, std::vector<std::uint8_t>(world::kMaskBytes)};
    world::mask(edit, item.mask->values.data());
    for (auto& value : item.mask->values) value = value != 0 ? 255 : 0;
    item.name = name_of_world_item("edit", index, scenes_.split);
    return item;
  }

 private:
  world::SceneRange scenes_;
};

}  // namespace

Result<std::unique_ptr<ItemSource>> open_world_edits(const ItemsSpec& spec,
                                                     const std::map<std::string, std::string>&,
                                                     const FindColumn&) {
  const auto scenes = world::scene_range(spec.options, "items.options");
  if (!scenes) return fail(scenes.error());
  return std::make_unique<WorldEdits>(*scenes);
}

}  // namespace isocost::diffusion
