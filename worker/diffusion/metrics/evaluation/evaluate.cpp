#include "worker/diffusion/metrics/evaluation/evaluate.h"

#include <optional>

#include "base/check.h"
#include "base/io/atomic_file.h"
#include "base/io/item_files.h"
#include "worker/diffusion/image/tensors/picture_tensor.h"
#include "worker/diffusion/metrics/evaluation/plan.h"
#include "worker/diffusion/metrics/extractors/extractor.h"
#include "worker/diffusion/metrics/extractors/rows_maker.h"
#include "worker/diffusion/metrics/rows_file.h"
#include "worker/diffusion/metrics/score.h"

namespace isocost::diffusion {
namespace {

at::Tensor flags_of(const Mask& mask) {  // bool [1, 1, H, W]
  return at::tensor(mask.values, at::kByte).view({1, 1, mask.height, mask.width}) >= kMaskSetFrom;
}

at::Tensor alone(const io::Picture& picture) { return picture_tensor(picture).unsqueeze(0); }

// Picture `index` with what belongs to it.
RowInput input_of(const Pairs& pairs, std::size_t index, const Pair& pair) {
  RowInput input{.pictures = alone(pair.picture), .prompts = {}};
  if (pair.source) input.items.sources = alone(*pair.source);
  if (pair.target) input.items.targets = alone(*pair.target);
  if (pair.mask) input.items.masks = flags_of(*pair.mask);
  const auto take = [&](const std::vector<std::string>& all, std::vector<std::string>& into) {
    if (!all.empty()) into = {all[index]};
  };
  take(pairs.prompts, input.prompts);
  take(pairs.source_texts, input.items.source_texts);
  take(pairs.target_texts, input.items.target_texts);
  return input;
}

class Evaluation {
 public:
  explicit Evaluation(const EvaluationRequest& request) : request_(request) {}

  Result<Json> run() {
    auto plan = plan_evaluation(request_);
    if (!plan) return fail(plan.error());
    plan_ = std::move(*plan);
    if (auto loaded = load(); !loaded) return fail(loaded.error());
    auto rows = plan_.given ? Result<at::Tensor>(*plan_.given) : rows_of(plan_.pairs, "pictures");
    if (!rows) return fail(rows.error());
    if (!request_.write_rows.empty())
      io::write_file_atomically(request_.write_rows,
                                rows_bytes(*rows, rows_metadata(plan_.choice.extractor)));
    if (auto made = make_reference(); !made) return fail(made.error());
    auto values = score(plan_.choice.metric->name,
                        {.rows = *rows,
                         .reference = plan_.reference ? &*plan_.reference : nullptr,
                         .protocol = plan_.choice.protocol});
    if (!values) return values;
    describe(*values);
    return values;
  }

 private:
  Result<void> load() {
    const ExtractorSpec& spec = plan_.choice.extractor;
    if (spec.kind.empty()) return {};
    auto extractor = load_extractor(spec, plan_.choice.input, {.device = request_.device});
    if (!extractor) return fail(extractor.error());
    extractor_ = std::move(*extractor);
    const auto* kind = metrics::find_extractor(spec.kind);
    ISOCOST_CHECK(kind != nullptr, "a chosen extractor has its row");
    checks_ = {.is_pixelwise = kind->is_pixelwise(),
               .least_side = kind->least_side(spec.options),
               .kept_margin = kind->kept_margin(spec.options).value_or(0)};
    return {};
  }

  // Once something is at fault nothing more is computed, and all the rest is read.
  Result<at::Tensor> rows_of(const Pairs& pairs, const std::string& what) {
    RowsMaker maker(*extractor_, static_cast<std::size_t>(request_.batch));
    io::ManyFaults faults;
    bool is_good = true;
    const std::size_t count = pairs.pictures.size();
    for (std::size_t i = 0; i < count; ++i) {
      const auto pair = read_pair(pairs, i, checks_);
      if (!pair) {
        faults.add(pair.error());
        is_good = false;
        continue;
      }
      if (is_good) {
        if (auto added = maker.add(input_of(pairs, i, *pair)); !added) return fail(added.error());
        if (auto fits = check_columns(maker); !fits) return fail(fits.error());
      }
      if (request_.progress) request_.progress(what, i + 1, count);
    }
    if (!is_good)
      return fail(
          faults.take(pairs.pictures.front().parent_path().string(), "more pictures are at fault"));
    return maker.finish();
  }

  // After the first batch, and not after all of them.
  [[nodiscard]] Result<void> check_columns(const RowsMaker& maker) const {
    const auto columns = maker.columns();
    if (!columns || !plan_.reference || *columns == plan_.reference->dimensions()) return {};
    return fail(request_.reference.string(),
                "it has " + std::to_string(plan_.reference->dimensions()) + " features",
                std::to_string(*columns) + ", as many as the extractor gives");
  }

  // Of pictures, where no file has it.
  Result<void> make_reference() {
    if (plan_.choice.metric->reference == metrics::ReferenceNeed::kNone || plan_.reference)
      return {};
    Pairs pairs;
    pairs.pictures = plan_.reference_files;
    const auto rows = rows_of(pairs, "the reference");
    if (!rows) return fail(rows.error());
    const bool keeps_rows = plan_.choice.metric->reference == metrics::ReferenceNeed::kRows;
    auto reference = Reference::from_rows(*rows, keeps_rows, request_.reference.string());
    if (!reference) return fail(reference.error());
    plan_.reference = std::move(*reference);
    return {};
  }

  void describe(Json& values) const {
    const auto& metric = *plan_.choice.metric;
    values["metric"] = metric.name;
    values["label"] = metric.label;
    values["unit"] = metric.unit;
    values["best"] = metric.is_lower_better() ? "lower" : "higher";
    values["protocol"] = plan_.choice.protocol;
    values["extractor"] = nullptr;
    if (!plan_.choice.extractor.kind.empty())
      values["extractor"] = {{"kind", plan_.choice.extractor.kind},
                             {"input", plan_.choice.input.string()},
                             {"options", plan_.choice.extractor.options}};
    if (!plan_.pairs.aligned_by.empty()) values["aligned_by"] = plan_.pairs.aligned_by;
    for (const auto& note : plan_.pairs.notes) values["notes"].push_back(note);
  }

  const EvaluationRequest& request_;
  EvaluationPlan plan_;
  std::unique_ptr<Extractor> extractor_;
  PairChecks checks_;
};

}  // namespace

Result<Json> evaluate(const EvaluationRequest& request) { return Evaluation(request).run(); }

}  // namespace isocost::diffusion
