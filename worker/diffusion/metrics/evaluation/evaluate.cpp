#include "worker/diffusion/metrics/evaluation/evaluate.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/check.h"
#include "base/io/item_files.h"
#include "base/io/safetensors.h"
#include "worker/diffusion/image/tensors/picture_tensor.h"
#include "worker/diffusion/metrics/evaluation/plan.h"
#include "worker/diffusion/metrics/extractors/extractor.h"
#include "worker/diffusion/metrics/score.h"

namespace isocost::diffusion {
namespace {

namespace fs = std::filesystem;

at::Tensor flags_of(const io::Picture& mask) {  // bool [1, H, W]
  at::Tensor flags = at::empty({1, mask.height, mask.width}, at::kBool);
  bool* flag = flags.data_ptr<bool>();
  for (std::size_t p = 0; p < mask.rgb.size() / 3; ++p) flag[p] = is_set(mask, p);
  return flags;
}

// Pictures with what belongs to them, gathered until they are a batch.
class Batch {
 public:
  void add(const Pairs& pairs, std::size_t index, const Pair& pair) {
    pictures_.push_back(picture_tensor(pair.picture));
    if (pair.source) sources_.push_back(picture_tensor(*pair.source));
    if (pair.target) targets_.push_back(picture_tensor(*pair.target));
    if (pair.mask) masks_.push_back(flags_of(*pair.mask));
    const auto take = [&](const std::vector<std::string>& all, std::vector<std::string>& into) {
      if (!all.empty()) into.push_back(all[index]);
    };
    take(pairs.prompts, texts_.prompts);
    take(pairs.source_texts, texts_.items.source_texts);
    take(pairs.target_texts, texts_.items.target_texts);
    sizes_ = sizes_of(pair);
  }

  [[nodiscard]] std::size_t size() const { return pictures_.size(); }
  [[nodiscard]] bool fits(const Pair& pair) const {
    return pictures_.empty() || sizes_ == sizes_of(pair);
  }

  [[nodiscard]] RowInput take() {
    RowInput input = std::move(texts_);
    input.pictures = stacked(pictures_);
    input.items.sources = stacked(sources_);
    input.items.targets = stacked(targets_);
    input.items.masks = stacked(masks_);
    *this = Batch();
    return input;
  }

 private:
  using Sizes = std::array<int, 8>;
  static Sizes sizes_of(const Pair& pair) {
    Sizes sizes = {pair.picture.width, pair.picture.height};
    std::size_t at = 2;
    for (const auto* other : {&pair.source, &pair.target, &pair.mask}) {
      sizes[at++] = *other ? (*other)->width : 0;
      sizes[at++] = *other ? (*other)->height : 0;
    }
    return sizes;
  }
  static at::Tensor stacked(const std::vector<at::Tensor>& all) {
    return all.empty() ? at::Tensor() : at::stack(all).contiguous();
  }

  std::vector<at::Tensor> pictures_, sources_, targets_, masks_;
  RowInput texts_;
  Sizes sizes_{};
};

class Evaluation {
 public:
  explicit Evaluation(const EvaluationRequest& request) : request_(request) {}

  Result<Json> run() {
    auto plan = plan_evaluation(request_);
    if (!plan) return fail(plan.error());
    plan_ = std::move(*plan);
    if (auto loaded = load(); !loaded) return fail(loaded.error());
    auto rows = rows_of_pictures();
    if (!rows) return fail(rows.error());
    const auto reference = read_reference();
    if (!reference) return fail(reference.error());
    if (!request_.write_rows.empty()) write(*rows);
    auto values =
        score(plan_.choice.metric->name, {.rows = *rows,
                                          .reference = *reference ? &**reference : nullptr,
                                          .protocol = plan_.choice.protocol});
    if (!values) return values;
    describe(*values);
    return values;
  }

 private:
  Result<void> load() {
    if (plan_.choice.extractor.kind.empty()) return {};
    auto extractor =
        load_extractor(plan_.choice.extractor, plan_.choice.input, {.device = request_.device});
    if (!extractor) return fail(extractor.error());
    extractor_ = std::move(*extractor);
    return {};
  }

  Result<at::Tensor> rows_of_pictures() {
    if (plan_.given) return *plan_.given;
    const auto* kind = metrics::find_extractor(plan_.choice.extractor.kind);
    ISOCOST_CHECK(kind != nullptr, "a chosen extractor has its row");
    return rows_of(plan_.pairs, kind->is_pixelwise(), "pictures");
  }

  // Once something is at fault nothing more is computed, and all the rest is read.
  Result<at::Tensor> rows_of(const Pairs& pairs, bool is_pixelwise, const std::string& what) {
    std::vector<at::Tensor> rows;
    Batch batch;
    io::ManyFaults faults;
    bool is_good = true;
    const auto flush = [&]() -> Result<void> {
      if (batch.size() == 0 || !is_good) return {};
      auto extracted = extractor_->extract(batch.take());
      if (!extracted) return fail(extracted.error());
      rows.push_back(std::move(*extracted));
      return {};
    };
    const std::size_t count = pairs.pictures.size();
    for (std::size_t i = 0; i < count; ++i) {
      const auto pair = read_pair(pairs, i, is_pixelwise);
      if (!pair) {
        faults.add(pair.error());
        is_good = false;
        continue;
      }
      const bool is_full = batch.size() == static_cast<std::size_t>(request_.batch);
      if (is_full || !batch.fits(*pair))
        if (const auto done = flush(); !done) return fail(done.error());
      if (is_good) batch.add(pairs, i, *pair);
      if (request_.progress) request_.progress(what, i + 1, count);
    }
    if (!is_good)
      return fail(
          faults.take(pairs.pictures.front().parent_path().string(), "more pictures are at fault"));
    if (const auto done = flush(); !done) return fail(done.error());
    return at::cat(rows);
  }

  Result<std::optional<Reference>> read_reference() {
    const auto need = plan_.choice.metric->reference;
    const fs::path& path = request_.reference;
    if (need == metrics::ReferenceNeed::kNone) return std::optional<Reference>();
    const bool keeps_rows = need == metrics::ReferenceNeed::kRows;
    const auto wrapped = [](Result<Reference> made) -> Result<std::optional<Reference>> {
      if (!made) return fail(made.error());
      return std::optional(std::move(*made));
    };
    if (path.extension() == ".npz") return wrapped(Reference::read_npz(path));
    if (is_safetensors(path)) {
      const auto file = io::SafetensorsFile::read(path);
      if (!file) return fail(file.error());
      if (file->find("mu") != nullptr) return wrapped(Reference::of_file(*file));
      const auto rows = read_rows(*file);
      if (!rows) return fail(rows.error());
      return wrapped(Reference::from_rows(*rows, keeps_rows));
    }
    Pairs pairs;
    pairs.pictures = plan_.reference_files;
    const auto rows = rows_of(pairs, false, "the reference");
    if (!rows) return fail(rows.error());
    return wrapped(Reference::from_rows(*rows, keeps_rows));
  }

  void write(const at::Tensor& rows) const {
    const bool is_double = rows.scalar_type() == at::kDouble;
    const at::Tensor plain = rows.to(is_double ? at::kDouble : at::kFloat).contiguous();
    const std::span bytes(static_cast<const std::byte*>(plain.const_data_ptr()), plain.nbytes());
    io::write_safetensors(
        request_.write_rows,
        {{kRowsTensor,
          {is_double ? io::Dtype::kF64 : io::Dtype::kF32, plain.sizes().vec(), bytes}}});
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
};

}  // namespace

Result<Json> evaluate(const EvaluationRequest& request) { return Evaluation(request).run(); }

}  // namespace isocost::diffusion
