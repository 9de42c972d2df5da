// What FID and KID compare with: a data set's statistics, and its rows where KID wants them.
//
//   auto reference = Reference::from_rows(rows, /*keep_rows=*/true);
//   artifact = store.put(reference->bytes());                       // safetensors: mu, sigma, n,
//   rows? auto again = Reference::parse(bytes, "artifact sha256:...");    // or
//   Reference::read_npz("coco-val.npz")
//
// Holds the square root of the covariance, which costs an eigenvalue decomposition, and the mean
// kernel of its rows, which costs their number squared: keep a Reference warm. Fails with: tensors
// missing or misshaped, values that are not finite, a covariance that is none. Thread: any.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "worker/diffusion/metrics/statistics.h"

namespace isocost::diffusion {

struct Reference {
  Statistics statistics;
  at::Tensor root;         // [D, D] float64: the symmetric square root of the covariance
  at::Tensor rows;         // [n, D] float32, or undefined
  double kernel_mean = 0;  // KID's kernel over pairs of these rows

  [[nodiscard]] static Result<Reference> from_rows(const at::Tensor& rows, bool keep_rows);
  [[nodiscard]] static Result<Reference> from_statistics(Statistics statistics,
                                                         const std::string& where);
  [[nodiscard]] static Result<Reference> parse(std::string_view bytes, const std::string& where);
  [[nodiscard]] static Result<Reference> read_npz(const std::filesystem::path& file);

  // The same reference, the same bytes.
  [[nodiscard]] std::string bytes() const;
  [[nodiscard]] std::int64_t dimensions() const { return statistics.mean.size(0); }
};

// The symmetric square root of a symmetric matrix; eigenvalues that rounding made negative count as
// 0.
[[nodiscard]] at::Tensor symmetric_root(const at::Tensor& matrix);

}  // namespace isocost::diffusion
