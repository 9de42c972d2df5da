#include "worker/diffusion/tasks/group_items.h"

#include <cstring>

namespace isocost::diffusion {
namespace {

constexpr float kByteMax = 255;

// float32 [channels, h, w] in [0, 1]
at::Tensor scaled_bytes(const std::vector<std::uint8_t>& values, std::int64_t height,
                        std::int64_t width, std::int64_t channels) {
  at::Tensor bytes = at::empty({height, width, channels}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr(), values.data(), values.size());
  return bytes.permute({2, 0, 1}).to(at::kFloat).contiguous() / kByteMax;
}

at::Tensor picture_tensor(const io::Picture& picture) {
  return scaled_bytes(picture.rgb, picture.height, picture.width, 3);
}

void stack_into(at::Tensor& into, const std::vector<at::Tensor>& pictures, std::size_t count) {
  if (pictures.size() == count) into = at::stack(pictures);
}

}  // namespace

Result<void> fill_items(const ItemSet& items, PictureSize size, Group& group) {
  std::vector<at::Tensor> sources, masks, targets;
  Failure failure;
  for (const std::uint64_t image : group.images) {
    const auto item = items.load(image % items.count(), size);
    if (!item) {
      failure.add(item.error());
      continue;
    }
    if (item->source) sources.push_back(picture_tensor(*item->source));
    if (item->mask)
      masks.push_back(scaled_bytes(item->mask->values, item->mask->height, item->mask->width, 1));
    if (item->target) targets.push_back(picture_tensor(*item->target));
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  stack_into(group.sources, sources, group.images.size());
  stack_into(group.masks, masks, group.images.size());
  stack_into(group.targets, targets, group.images.size());
  return {};
}

}  // namespace isocost::diffusion
