#include "worker/diffusion/tasks/group_items.h"

#include <cstring>

#include "worker/diffusion/image/tensors/picture_tensor.h"

namespace isocost::diffusion {
namespace {

at::Tensor mask_tensor(const Mask& mask) {  // uint8 [1, h, w]
  at::Tensor bytes = at::empty({1, mask.height, mask.width}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr(), mask.values.data(), mask.values.size());
  return bytes;
}

// What was gathered of every image.
struct Gathered {
  std::vector<at::Tensor> sources, masks, targets;
  std::vector<std::string> source_texts, target_texts;

  void add(const ItemSet& items, const Item& item, std::uint64_t index) {
    if (item.source) sources.push_back(picture_tensor(*item.source));
    if (item.mask) masks.push_back(mask_tensor(*item.mask));
    if (item.target) targets.push_back(picture_tensor(*item.target));
    if (auto text = items.text(index, tasks::Slot::kSourceText))
      source_texts.push_back(std::move(*text));
    if (auto text = items.text(index, tasks::Slot::kTargetText))
      target_texts.push_back(std::move(*text));
  }
};

}  // namespace

at::Tensor unit_range(const at::Tensor& bytes) {
  constexpr float kByteMax = 255;
  return bytes.to(at::kFloat) / kByteMax;
}

Result<void> fill_items(const ItemSet& items, PictureSize size, Group& group) {
  Gathered gathered;
  Failure failure;
  for (const std::uint64_t image : group.images) {
    const std::uint64_t index = image % items.count();
    const auto item = items.load(index, size);
    if (item)
      gathered.add(items, *item, index);
    else
      failure.add(item.error());
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  if (!gathered.sources.empty()) {
    group.items.sources = at::stack(gathered.sources);
    group.sources = unit_range(group.items.sources);
  }
  if (!gathered.masks.empty()) {
    const at::Tensor bytes = at::stack(gathered.masks);
    group.items.masks = bytes >= kMaskSetFrom;
    group.masks = unit_range(bytes);
  }
  if (!gathered.targets.empty()) group.items.targets = at::stack(gathered.targets);
  group.items.source_texts = std::move(gathered.source_texts);
  group.items.target_texts = std::move(gathered.target_texts);
  return {};
}

void say_what_is_wanted(const tasks::TaskKind& kind, Group& group) {
  if (!kind.is_instruction && group.items.target_texts.empty())
    group.items.target_texts = group.prompts;
}

}  // namespace isocost::diffusion
