#include "worker/diffusion/verify/verify.h"

#include "base/io/atomic_file.h"
#include "worker/diffusion/verify/items.h"

namespace isocost::diffusion {
namespace {

io::Dtype dtype_of(const Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kByte:
      return io::Dtype::kU8;
    case at::kLong:
      return io::Dtype::kI64;
    case at::kInt:
      return io::Dtype::kI32;
    case at::kDouble:
      return io::Dtype::kF64;
    default:
      return io::Dtype::kF32;
  }
}

// The greatest absolute difference, NaN counted as infinitely far.
double greatest_difference(const Tensor& a, const Tensor& b) {
  if (a.numel() == 0) return 0;
  const auto difference = (a.to(at::kDouble) - b.to(at::kDouble)).abs();
  const auto greatest = difference.max().item<double>();
  return std::isnan(greatest) ? std::numeric_limits<double>::infinity() : greatest;
}

class Verifier {
 public:
  Verifier(const VerifyContext& context, VerifyReport& report)
      : context_(context), report_(report) {}

  void unit(const Json& entry) {
    item(entry, "unit", [&](Taken& take) { return compute_unit(context_, entry, take); });
  }
  void run(const Json& entry) {
    item(entry, "run", [&](Taken& take) { return compute_run(context_, entry, take); });
  }
  void clip() {
    item(context_.reference.json(), "clip",
         [&](Taken& take) { return compute_clip(context_, take); });
  }

 private:
  template <class Compute>
  void item(const Json& entry, const std::string& kind, Compute compute) {
    const auto id = entry.contains("id") ? entry.at("id").get<std::string>() : kind;
    Taken take(context_.reference, entry, kind + " " + id);
    try {
      const auto result = compute(take);
      if (!result) {
        add_faults(result.error());
      } else if (result->not_built) {
        report_.not_built.push_back(
            {take.where(), result->not_built->what, result->not_built->expected});
      } else {
        compare(id, result->outputs, take);
      }
    } catch (const c10::Error& error) {
      // The reference's tensors do not fit the model (a shape, an index): LibTorch says which.
      report_.faults.push_back(
          {take.where(), error.what_without_backtrace(), "tensors that fit the model"});
    }
  }

  void add_faults(const Failure& failure) {
    report_.faults.insert(report_.faults.end(), failure.errors.begin(), failure.errors.end());
  }

  void compare(const std::string& id, const Outputs& outputs, Taken& take) {
    for (const auto& expected : take.outputs()) {
      const auto at = outputs.find(expected.name);
      if (at == outputs.end()) {
        report_.not_built.push_back(
            {take.where(), "the output " + expected.name + " is not built yet", {}});
        continue;
      }
      const auto stored = context_.reference.tensor(expected.tensor);
      if (!stored) {
        add_faults(stored.error());
        continue;
      }
      compare_tensor(id, expected, at->second.to(at::kCPU), *stored);
    }
    add_faults(take.failure());
  }

  void compare_tensor(const std::string& id, const ExpectedOutput& expected, const Tensor& ours,
                      const Tensor& stored) {
    report_.computed[expected.tensor] = ours;
    if (ours.sizes() != stored.sizes()) {
      report_.faults.push_back({id + " " + expected.name, c10::str("the shape is ", ours.sizes()),
                                c10::str(stored.sizes(), " as the reference has it")});
      return;
    }
    const auto difference = greatest_difference(ours, stored);
    report_.comparisons.push_back(
        {id, expected.name, difference, expected.tolerance, difference <= expected.tolerance});
  }

  const VerifyContext& context_;
  VerifyReport& report_;
};

bool is_wanted(const VerifyOptions& options, const Json& entry) {
  return options.run.empty() || entry.at("id") == Json(options.run);
}

}  // namespace

int VerifyReport::exit_code() const {
  bool is_outside = !faults.empty();
  for (const auto& comparison : comparisons) is_outside = is_outside || !comparison.is_within;
  if (is_outside) return 1;
  return not_built.empty() ? 0 : 2;
}

Result<VerifyReport> verify(const VerifyOptions& options) {
  const c10::InferenceMode guard;
  const auto folder = options.reference.empty() ? options.model / "golden" : options.reference;
  const auto reference = StoredReference::read(folder);
  if (!reference) return fail(reference.error());
  const auto& variant =
      reference->json().contains("variant") ? reference->json().at("variant") : Json();
  const auto model =
      arch::ModelFolder::open(options.model, variant.is_string() ? variant.get<std::string>() : "");
  if (!model) return fail(model.error());
  VerifyReport report;
  const VerifyContext context{options, *model, *reference};
  Verifier verifier(context, report);
  bool has_any = false;
  for (const Json& unit : reference->units()) {
    if (!is_wanted(options, unit)) continue;
    verifier.unit(unit);
    has_any = true;
  }
  for (const Json& run : reference->runs()) {
    if (!is_wanted(options, run)) continue;
    verifier.run(run);
    has_any = true;
  }
  if (reference->kind() == "clip" && (options.run.empty() || options.run == "clip")) {
    verifier.clip();
    has_any = true;
  }
  if (!has_any)
    return fail(
        folder.string(),
        options.run.empty() ? "nothing is listed here" : "there is no item '" + options.run + "'",
        "units and runs, as expected.json lists them");
  return report;
}

void write_tensors(const std::filesystem::path& file, const TensorMap& tensors) {
  io::TensorViews views;
  TensorMap contiguous;
  for (const auto& [name, tensor] : tensors) {
    const auto& kept = contiguous[name] = tensor.contiguous();
    const auto* bytes = static_cast<const std::byte*>(kept.const_data_ptr());
    views[name] = {dtype_of(kept), kept.sizes().vec(), {bytes, kept.nbytes()}};
  }
  io::write_safetensors(file, views);
}

}  // namespace isocost::diffusion
