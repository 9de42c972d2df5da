#include "worker/diffusion/tasks/rows.h"

#include <cstring>

#include "base/io/safetensors.h"

namespace isocost::diffusion {
namespace {

io::TensorView view_of(const at::Tensor& tensor, io::Dtype dtype) {
  const std::span bytes(static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes());
  return {dtype, {tensor.sizes().begin(), tensor.sizes().end()}, bytes};
}

at::Tensor copy_of(const io::TensorView& view, at::ScalarType type) {
  at::Tensor tensor = at::empty(view.shape, type);
  if (!view.bytes.empty())
    std::memcpy(tensor.mutable_data_ptr(), view.bytes.data(), view.bytes.size());
  return tensor;
}

}  // namespace

std::string rows_bytes(const at::Tensor& rows) {
  const bool is_double = rows.scalar_type() == at::kDouble;
  const at::Tensor plain = rows.to(is_double ? at::kDouble : at::kFloat).contiguous();
  return io::safetensors_bytes(
      {{"rows", view_of(plain, is_double ? io::Dtype::kF64 : io::Dtype::kF32)}});
}

Result<at::Tensor> rows_from_bytes(const std::string& bytes, const std::string& where) {
  const auto file = io::SafetensorsFile::parse(bytes, where);
  if (!file) return fail(file.error());
  if (const auto wide = file->get("rows", io::Dtype::kF64, {-1, -1}))
    return copy_of(*wide, at::kDouble);
  const auto view = file->get("rows", io::Dtype::kF32, {-1, -1});
  if (!view) return fail(view.error());
  return copy_of(*view, at::kFloat);
}

}  // namespace isocost::diffusion
