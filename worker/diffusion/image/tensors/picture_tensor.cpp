#include "worker/diffusion/image/tensors/picture_tensor.h"

#include <cstring>

#include "base/check.h"

namespace isocost::diffusion {

at::Tensor picture_tensor(const io::Picture& picture) {
  at::Tensor rgb = at::empty({picture.height, picture.width, 3}, at::kByte);
  std::memcpy(rgb.mutable_data_ptr(), picture.rgb.data(), picture.rgb.size());
  return rgb.permute({2, 0, 1}).contiguous();
}

at::Tensor picture_batch(const std::vector<io::Picture>& pictures) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(pictures.size());
  for (const io::Picture& picture : pictures) tensors.push_back(picture_tensor(picture));
  return at::stack(tensors);
}

io::Picture picture_of(const at::Tensor& bytes) {
  ISOCOST_CHECK(bytes.dim() == 3 && bytes.size(0) == 3 && bytes.scalar_type() == at::kByte,
                "a picture's bytes have three colours");
  const at::Tensor rows = bytes.permute({1, 2, 0}).contiguous();  // [H, W, 3]
  io::Picture picture{static_cast<int>(rows.size(1)), static_cast<int>(rows.size(0)), {}};
  const auto* begin = rows.const_data_ptr<std::uint8_t>();
  picture.rgb.assign(begin, begin + rows.numel());
  return picture;
}

}  // namespace isocost::diffusion
