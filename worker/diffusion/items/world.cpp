#include "experiments/world/world.h"
#include "base/json_reader.h"
#include "worker/diffusion/items/sources.h"

namespace isocost::diffusion {
namespace {

constexpr std::uint64_t kWorldItemsMax = world::kScenesMax;

class WorldItems : public ItemSource {
 public:
  WorldItems(world::Split split, std::uint64_t count, std::uint64_t seed)
      : split_(split), count_(count), seed_(seed) {}

  [[nodiscard]] std::uint64_t count() const override { return count_; }
  [[nodiscard]] bool has(tasks::Slot slot) const override { return slot == tasks::Slot::kTarget; }
  [[nodiscard]] std::optional<std::string> text(std::uint64_t index,
                                                tasks::Slot slot) const override {
    if (slot != tasks::Slot::kTargetText) return std::nullopt;
    return world::caption(world::scene(split_, index, seed_));
  }
  [[nodiscard]] Result<Item> item(std::uint64_t index,
                                  const std::vector<tasks::Slot>&) const override {
    io::Picture picture{world::kSide, world::kSide,
                        std::vector<std::uint8_t>(world::kPictureBytes)};
    world::render(world::scene(split_, index, seed_), picture.rgb.data());
    Item item;
    item.target = std::move(picture);
    item.name = "scene " + std::to_string(index) + " of the mini world (" +
                std::string(world::split_name(split_)) + ")";
    return item;
  }

 private:
  world::Split split_;
  std::uint64_t count_;
  std::uint64_t seed_;
};

}  // namespace

Result<std::unique_ptr<ItemSource>> open_world(const ItemsSpec& spec,
                                               const std::map<std::string, std::string>&,
                                               const FindColumn&) {
  JsonReader reader(spec.options, "items.options");
  const auto split = world::parse_split(reader.get<std::string>("split"));
  const auto count = reader.get<std::uint64_t>("count");
  const auto seed = reader.get<std::uint64_t>("seed");
  if (reader.ok() && !split) reader.fault("split", "this is no split", "train, validation or test");
  if (reader.ok() && (count < 1 || count > kWorldItemsMax))
    reader.fault("count", std::to_string(count), "1 to " + std::to_string(kWorldItemsMax));
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  return std::make_unique<WorldItems>(*split, count, seed);
}

}  // namespace isocost::diffusion
