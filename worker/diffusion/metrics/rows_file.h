// Rows of numbers in files: what extractors leave and scores read, as artifacts and as files that a
// person keeps.
//
// A safetensors file with one tensor `rows`, float32 or float64 [n, D], in the order of the images.
// Reference sets are metrics/reference.h. Pure, any thread.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "base/io/safetensors.h"
#include "base/result.h"

namespace isocost::diffusion {

inline constexpr const char* kRowsTensor = "rows";

// Artifacts have no metadata: equal rows are equal bytes.
[[nodiscard]] std::string rows_bytes(const at::Tensor& rows, const io::Metadata& metadata = {});
// Fails with: no safetensors, or no floating-point tensor `rows` of two dimensions.
[[nodiscard]] Result<at::Tensor> rows_from_bytes(const std::string& bytes,
                                                 const std::string& where);
[[nodiscard]] Result<at::Tensor> rows_of_file(const io::SafetensorsFile& file);

// A tensor's own memory as safetensors has it. Requires: contiguous, on the CPU, of float32,
// float64 or int64; it outlives the view.
[[nodiscard]] io::TensorView view_of(const at::Tensor& tensor);
// A copy. Requires: of one of these types.
[[nodiscard]] at::Tensor tensor_of(const io::TensorView& view);

}  // namespace isocost::diffusion
