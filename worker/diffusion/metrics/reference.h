// What metrics of sets compare with: a data set's statistics, and its rows where a metric wants
// them.
//
//   auto reference = Reference::from_rows(rows, /*keep_rows=*/true);
//   artifact = store.put(reference->bytes());           // safetensors: mu, sigma, n, and the rows
//
//   auto again = Reference::parse(bytes, "artifact sha256:...");
//   auto published = Reference::read_npz("coco-val.npz");
//
// What costs an eigenvalue decomposition or its rows' number squared (the root of the covariance,
// kernels, neighbours) is computed when it is first asked for and kept, in all copies: keep a
// Reference warm. Fails with: tensors missing or misshaped, values that are not finite, a
// covariance that is none. Thread: any.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/io/safetensors.h"
#include "base/result.h"
#include "worker/diffusion/metrics/statistics.h"

namespace isocost::diffusion {

struct Reference {
  Statistics statistics;
  at::Tensor rows;  // [n, D] float32, or undefined; not to be changed once something was asked for

  // `where` stands for their name in messages.
  [[nodiscard]] static Result<Reference> from_rows(const at::Tensor& rows, bool keep_rows,
                                                   const std::string& where = "reference");
  [[nodiscard]] static Result<Reference> from_statistics(Statistics statistics,
                                                         const std::string& where);
  [[nodiscard]] static Result<Reference> parse(std::string_view bytes, const std::string& where);
  [[nodiscard]] static Result<Reference> of_file(const io::SafetensorsFile& file);
  [[nodiscard]] static Result<Reference> read_npz(const std::filesystem::path& file);

  // The same reference, the same bytes.
  [[nodiscard]] std::string bytes() const;
  [[nodiscard]] std::int64_t dimensions() const { return statistics.mean.size(0); }

  // [D, D] float64: the symmetric square root of the covariance.
  [[nodiscard]] at::Tensor root() const;
  // KID's kernel over pairs of these rows. Requires: two rows or more.
  [[nodiscard]] double kernel_mean() const;
  // What `compute` gives of this reference, under a name of the caller's.
  [[nodiscard]] at::Tensor kept(const std::string& what,
                                const std::function<at::Tensor()>& compute) const;

 private:
  struct Kept {
    std::mutex mutex;
    std::map<std::string, at::Tensor> tensors;
  };
  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

// The symmetric square root of a symmetric matrix; eigenvalues that rounding made negative count as
// 0.
[[nodiscard]] at::Tensor symmetric_root(const at::Tensor& matrix);

}  // namespace isocost::diffusion
