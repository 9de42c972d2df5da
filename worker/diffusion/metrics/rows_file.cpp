#include "worker/diffusion/metrics/rows_file.h"

#include <cstring>

#include "base/check.h"

namespace isocost::diffusion {
namespace {

struct SameType {
  at::ScalarType tensor;
  io::Dtype file;
};
constexpr SameType kTypes[] = {
    {at::kDouble, io::Dtype::kF64}, {at::kFloat, io::Dtype::kF32}, {at::kLong, io::Dtype::kI64}};

}  // namespace

io::TensorView view_of(const at::Tensor& tensor) {
  for (const auto& type : kTypes)
    if (tensor.scalar_type() == type.tensor)
      return {type.file,
              tensor.sizes().vec(),
              {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()}};
  ISOCOST_CHECK(false, "a tensor of a type that files of rows have");
}

at::Tensor tensor_of(const io::TensorView& view) {
  for (const auto& type : kTypes) {
    if (view.dtype != type.file) continue;
    at::Tensor tensor = at::empty(view.shape, type.tensor);
    if (!view.bytes.empty())
      std::memcpy(tensor.mutable_data_ptr(), view.bytes.data(), view.bytes.size());
    return tensor;
  }
  ISOCOST_CHECK(false, "a view of a type that files of rows have");
}

std::string rows_bytes(const at::Tensor& rows, const io::Metadata& metadata) {
  const auto type = rows.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor plain = rows.to(type).contiguous();
  return io::safetensors_bytes({{kRowsTensor, view_of(plain)}}, metadata);
}

Result<at::Tensor> rows_of_file(const io::SafetensorsFile& file) {
  if (const auto wide = file.get(kRowsTensor, io::Dtype::kF64, {-1, -1})) return tensor_of(*wide);
  if (const auto plain = file.get(kRowsTensor, io::Dtype::kF32, {-1, -1})) return tensor_of(*plain);
  return fail(file.where(), "it has no tensor 'rows' of two dimensions", "F32 or F64 [n, D]");
}

Result<at::Tensor> rows_from_bytes(const std::string& bytes, const std::string& where) {
  const auto file = io::SafetensorsFile::parse(bytes, where);
  if (!file) return fail(file.error());
  return rows_of_file(*file);
}

}  // namespace isocost::diffusion
