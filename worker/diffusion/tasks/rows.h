// Rows of numbers as artifacts: what extractors leave and scores read.
//
// "rows/<extractor id>" is a safetensors file with one tensor `rows`, float32 or float64 [n, D], in
// the order of the images. Reference sets are metrics/reference.h. Pure, any thread.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "base/io/artifact_store.h"
#include "schema/spec.h"

namespace isocost::diffusion {

[[nodiscard]] std::string rows_bytes(const at::Tensor& rows);
// Fails with: no safetensors, or no floating-point tensor `rows` of two dimensions.
[[nodiscard]] Result<at::Tensor> rows_from_bytes(const std::string& bytes,
                                                 const std::string& where);

}  // namespace isocost::diffusion
