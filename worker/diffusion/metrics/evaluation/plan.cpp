#include "worker/diffusion/metrics/evaluation/plan.h"

#include <algorithm>
#include <cstring>

#include "base/io/item_files.h"
#include "base/io/presence.h"

namespace isocost::diffusion {
namespace {

namespace fs = std::filesystem;
using tasks::Slot;

Result<at::Tensor> rows_of_file(const fs::path& path) {
  const auto file = io::SafetensorsFile::read(path);
  if (!file) return fail(file.error());
  return read_rows(*file);
}

class Planning {
 public:
  explicit Planning(const EvaluationRequest& request) : request_(request) {}

  Result<EvaluationPlan> run() {
    look();
    if (!failure_.is_empty()) return fail(std::move(failure_));
    return std::move(plan_);
  }

 private:
  void look() {
    auto choice = choose(request_.words, is_safetensors(request_.pictures));
    if (choice) {
      plan_.choice = std::move(*choice);
    } else {
      failure_.add(choice.error());
      // What else is at fault is told beside it.
      plan_.choice.metric = metrics::find_metric(request_.words.metric);
      if (plan_.choice.metric != nullptr)
        plan_.choice.protocol = defaults_of(plan_.choice.metric->protocol);
    }
    look_at_pictures();
    if (plan_.choice.metric == nullptr) return look_at_paths();
    look_at_reference();
    look_at_items();
    if (!plan_.choice.extractor.kind.empty() && !plan_.choice.input.empty())
      if (const auto is_there =
              io::must_exist(plan_.choice.input, "the extractor's file or folder");
          !is_there)
        failure_.add(is_there.error());
    const std::size_t count =
        plan_.given ? static_cast<std::size_t>(plan_.given->size(0)) : files_.size();
    const std::uint64_t least = plan_.choice.metric->images_for(plan_.choice.protocol);
    if (count > 0 && count < least)
      failure_.add(
          request_.pictures.string(),
          "there are only " + std::to_string(count) + " pictures for " + plan_.choice.metric->name,
          std::to_string(least) + " or more");
    if (failure_.is_empty() && !plan_.given) pair_files();
  }

  // Without a metric nobody knows what they are for; that they are there can be told.
  void look_at_paths() {
    for (const fs::path* path : {&request_.reference, &request_.items})
      if (!path->empty())
        if (const auto is_there = io::must_exist(*path, "a file or folder"); !is_there)
          failure_.add(is_there.error());
  }

  void look_at_pictures() {
    if (is_safetensors(request_.pictures)) {
      auto rows = rows_of_file(request_.pictures);
      if (rows)
        plan_.given = std::move(*rows);
      else
        failure_.add(rows.error());
      return;
    }
    auto files = io::picture_files(request_.pictures);
    if (files)
      files_ = std::move(*files);
    else
      failure_.add(files.error());
  }

  [[nodiscard]] bool needs(Slot slot) const {
    const auto& all = plan_.choice.metric->needs();
    return std::find(all.begin(), all.end(), slot) != all.end();
  }

  void look_at_reference() {
    const auto& metric = *plan_.choice.metric;
    const fs::path& path = request_.reference;
    const bool compares = metric.reference != metrics::ReferenceNeed::kNone;
    if (path.empty()) {
      if (compares)
        failure_.add("--reference", metric.name + " compares with a data set",
                     metric.reference == metrics::ReferenceNeed::kRows
                         ? "a folder of pictures, or a safetensors file of their rows"
                         : "a folder of pictures, a safetensors file of their rows, or an npz of "
                           "mu and sigma");
      return;
    }
    if (const auto is_there = io::must_exist(path, "a file or folder"); !is_there) {
      failure_.add(is_there.error());
      return;
    }
    if (plan_.given && !compares) {
      failure_.add("--reference", "the pictures are rows already, made with what belongs to them",
                   "no --reference");
    } else if (!compares && !needs(Slot::kTarget)) {
      failure_.add("--reference", metric.name + " compares with no reference", "no --reference");
    } else if (compares) {
      look_at_set(path);
    }
  }

  void look_at_set(const fs::path& path) {
    const auto& metric = *plan_.choice.metric;
    const bool is_npz = path.extension() == ".npz";
    if (is_npz && metric.reference == metrics::ReferenceNeed::kRows)
      failure_.add(path.string(), metric.name + " needs the rows of its reference",
                   "a folder of pictures, or a safetensors file of their rows");
    if (is_npz || is_safetensors(path)) return;
    auto files = io::picture_files(path);
    if (!files) {
      failure_.add(files.error());
      return;
    }
    plan_.reference_files = std::move(*files);
    if (plan_.given)
      failure_.add(path.string(), "the pictures are rows, of which nobody knows what made them",
                   "a safetensors file of rows, or an npz");
    const std::uint64_t least = metric.reference == metrics::ReferenceNeed::kRows
                                    ? metric.images_for(plan_.choice.protocol)
                                    : 2;
    if (plan_.reference_files.size() < least)
      failure_.add(path.string(),
                   "there are only " + std::to_string(plan_.reference_files.size()) +
                       " pictures for the reference of " + metric.name,
                   std::to_string(least) + " or more");
  }

  void look_at_items() {
    const auto& metric = *plan_.choice.metric;
    std::vector<std::string> lacking;
    for (const Slot slot : metric.needs()) {
      const bool is_reference = slot == Slot::kTarget && !request_.reference.empty();
      if (!is_reference) lacking.emplace_back(tasks::slot_name(slot));
    }
    if (request_.items.empty()) {
      if (!lacking.empty() && !plan_.given)
        failure_.add("--items", metric.name + " needs of each picture its " + joined(lacking),
                     std::string("a folder with ") + io::kMetadataFile +
                         (needs(Slot::kTarget) ? ", or --reference with the targets" : ""));
    } else if (plan_.given) {
      failure_.add("--items", "the pictures are rows already, made with what belongs to them",
                   "no --items");
    } else if (lacking.empty()) {
      failure_.add("--items",
                   metric.name + " needs nothing of them" +
                       (metric.needs().empty() ? "" : " beside --reference"),
                   "no --items");
    }
  }

  void pair_files() {
    const bool is_target = plan_.choice.metric->reference == metrics::ReferenceNeed::kNone;
    auto pairs = pair_up(files_, {.needs = plan_.choice.metric->needs(),
                                  .items = request_.items,
                                  .targets = is_target ? request_.reference : fs::path()});
    if (pairs)
      plan_.pairs = std::move(*pairs);
    else
      failure_.add(pairs.error());
  }

  const EvaluationRequest& request_;
  Failure failure_;
  EvaluationPlan plan_;
  std::vector<fs::path> files_;  // the pictures
};

}  // namespace

bool is_safetensors(const fs::path& path) { return path.extension() == ".safetensors"; }

Result<at::Tensor> read_rows(const io::SafetensorsFile& file) {
  for (const auto& [dtype, type] :
       {std::pair{io::Dtype::kF64, at::kDouble}, std::pair{io::Dtype::kF32, at::kFloat}}) {
    const auto view = file.get(kRowsTensor, dtype, {-1, -1});
    if (!view) continue;
    at::Tensor rows = at::empty(view->shape, type);
    if (!view->bytes.empty()) std::memcpy(rows.data_ptr(), view->bytes.data(), view->bytes.size());
    return rows;
  }
  return fail(file.where(), "it has no tensor 'rows' of two dimensions", "F32 or F64 [n, D]");
}

Result<EvaluationPlan> plan_evaluation(const EvaluationRequest& request) {
  return Planning(request).run();
}

}  // namespace isocost::diffusion
