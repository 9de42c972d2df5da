#include "worker/diffusion/metrics/reference.h"

#include <cstring>

#include "base/check.h"
#include "base/io/safetensors.h"
#include "base/io/statistics.h"
#include "worker/diffusion/metrics/metric.h"
#include "worker/diffusion/metrics/rows_file.h"

namespace isocost::diffusion {
namespace {

void keep(Reference& reference, at::Tensor rows) {
  ISOCOST_CHECK(rows.dim() == 2 && rows.size(1) == reference.dimensions(),
                "rows are of the features that the statistics are of");
  reference.rows = std::move(rows);
}

bool is_finite(const at::Tensor& tensor) { return at::isfinite(tensor).all().item<bool>(); }

}  // namespace

at::Tensor symmetric_root(const at::Tensor& matrix) {
  ISOCOST_CHECK(matrix.dim() == 2 && matrix.size(0) == matrix.size(1), "a root is of a square");
  const auto [values, vectors] = at::linalg_eigh(matrix, "L");
  return at::mm(vectors * values.clamp_min(0).sqrt(), vectors.t());
}

Result<Reference> Reference::from_statistics(Statistics statistics, const std::string& where) {
  const std::int64_t d = statistics.mean.size(0);
  if (d == 0) return fail(where, "the statistics are of no features");
  if (!is_finite(statistics.mean) || !is_finite(statistics.covariance)) {
    return fail(where, "the statistics hold values that are not finite");
  }
  const double asymmetry =
      (statistics.covariance - statistics.covariance.t()).abs().max().item<double>();
  const double scale = statistics.covariance.abs().max().item<double>();
  const bool is_covariance =
      asymmetry <= 1e-6 * scale && statistics.covariance.diagonal().min().item<double>() >= 0;
  if (!is_covariance)
    return fail(where, "sigma is no covariance", "a symmetric matrix without negative variances");
  Reference reference;
  reference.statistics = std::move(statistics);
  return reference;
}

Result<Reference> Reference::from_rows(const at::Tensor& rows, bool keep_rows,
                                       const std::string& where) {
  if (rows.dim() != 2 || rows.size(0) < 2)
    return fail(where, "it has too few pictures", "2 or more");
  if (!is_finite(rows)) return fail(where, "its features are not finite");
  auto reference = from_statistics(statistics_of(rows), where);
  if (reference && keep_rows) keep(*reference, rows.to(at::kFloat).contiguous());
  return reference;
}

Result<Reference> Reference::parse(std::string_view bytes, const std::string& where) {
  const auto file = io::SafetensorsFile::parse(bytes, where);
  if (!file) return fail(file.error());
  return of_file(*file);
}

Result<Reference> Reference::of_file(const io::SafetensorsFile& file) {
  const auto mean = file.get("mu", io::Dtype::kF64, {-1});
  if (!mean) return fail(mean.error());
  const std::int64_t d = mean->shape[0];
  const auto covariance = file.get("sigma", io::Dtype::kF64, {d, d});
  const auto n = file.get("n", io::Dtype::kI64, {});
  Failure failure;
  if (!covariance) failure.add(covariance.error());
  if (!n) failure.add(n.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  Statistics statistics;
  std::memcpy(&statistics.n, n->bytes.data(), sizeof statistics.n);
  statistics.mean = tensor_of(*mean);
  statistics.covariance = tensor_of(*covariance);
  auto reference = from_statistics(std::move(statistics), file.where());
  if (!reference || file.find(kRowsTensor) == nullptr) return reference;
  const auto rows = file.get(kRowsTensor, io::Dtype::kF32, {-1, d});
  if (!rows) return fail(rows.error());
  keep(*reference, tensor_of(*rows));
  return reference;
}

Result<Reference> Reference::read_npz(const std::filesystem::path& file) {
  const auto read = io::read_statistics(file);
  if (!read) return fail(read.error());
  const std::int64_t d = read->dimensions();
  return from_statistics({0, at::tensor(read->mean, at::kDouble),
                          at::tensor(read->covariance, at::kDouble).view({d, d})},
                         file.string());
}

at::Tensor Reference::kept(const std::string& what,
                           const std::function<at::Tensor()>& compute) const {
  const std::scoped_lock lock(kept_->mutex);
  const auto found = kept_->tensors.find(what);
  if (found != kept_->tensors.end()) return found->second;
  return kept_->tensors[what] = compute();
}

at::Tensor Reference::root() const {
  return kept("root", [&] { return symmetric_root(statistics.covariance); });
}

double Reference::kernel_mean() const {
  return kept("kernel mean", [&] { return at::scalar_tensor(mean_kernel(rows), at::kDouble); })
      .item<double>();
}

std::string Reference::bytes() const {
  const at::Tensor mean = statistics.mean.contiguous(),
                   covariance = statistics.covariance.contiguous();
  const at::Tensor n = at::scalar_tensor(statistics.n, at::kLong);
  io::TensorViews tensors = {
      {"mu", view_of(mean)}, {"sigma", view_of(covariance)}, {"n", view_of(n)}};
  if (rows.defined()) tensors[kRowsTensor] = view_of(rows);
  return io::safetensors_bytes(tensors);
}

}  // namespace isocost::diffusion
