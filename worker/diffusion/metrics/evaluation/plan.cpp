#include "worker/diffusion/metrics/evaluation/plan.h"

#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "base/io/item_files.h"
#include "base/io/presence.h"
#include "worker/diffusion/metrics/rows_file.h"

namespace isocost::diffusion {
namespace {

namespace fs = std::filesystem;
using tasks::Slot;

constexpr const char* kMadeBy = "isocost.extractor";

bool is_safetensors(const fs::path& path) { return path.extension() == ".safetensors"; }

// Of rows that were kept here; empty where nobody says what made them.
std::string made_by(const io::SafetensorsFile& file) {
  const auto found = file.metadata().find(kMadeBy);
  return found == file.metadata().end() ? "" : found->second;
}

std::string made_by_of(const ExtractorSpec& extractor) {
  return extractor.kind.empty() ? "" : rows_metadata(extractor).at(kMadeBy);
}

// Rows that were kept say what made them: it must be what the metric is made of, and what makes the
// others, those of `pictures` (`own`; empty where nobody says).
Failure misfit_of_made(const io::SafetensorsFile& file, const metrics::Metric& metric,
                       const std::string& own, const fs::path& pictures) {
  Failure failure;
  const std::string made = made_by(file);
  if (made.empty()) return failure;
  const auto json = parse_json(made, file.where());
  const auto spec = json ? extractor_spec_from_json(*json, file.where())
                         : Result<ExtractorSpec>(fail(json.error()));
  const auto* kind = spec ? metrics::find_extractor(spec->kind) : nullptr;
  const std::string what = "its rows were made by " + made.substr(0, 200);
  if (kind == nullptr || !kind->makes(metric.rows))
    failure.add(file.where(), what,
                metrics::rows_kind(metric.rows).text + ", which " + metric.name + " is made of");
  else if (!own.empty() && own != made)
    failure.add(file.where(), what, own.substr(0, 200) + ", as those of " + pictures.string());
  return failure;
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
    look_at_output();
    auto choice = choose(request_.words, is_safetensors(request_.pictures));
    if (choice) {
      plan_.choice = std::move(*choice);
      is_chosen_ = true;
    } else {
      failure_.add(choice.error());
      // What else is at fault is told beside it.
      plan_.choice.metric = metrics::find_metric(request_.words.metric);
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
    const std::uint64_t least = least_images();
    if (count > 0 && count < least)
      failure_.add(
          request_.pictures.string(),
          "there are only " + std::to_string(count) + " pictures for " + plan_.choice.metric->name,
          std::to_string(least) + " or more");
    if (failure_.is_empty() && !plan_.given) pair_files();
  }

  // Of what nobody knows the protocol of, the fewest that any asks for.
  [[nodiscard]] std::uint64_t least_images() const {
    const auto& metric = *plan_.choice.metric;
    return is_chosen_ ? metric.images_for(plan_.choice.protocol) : metric.images_min;
  }

  // Rows are made by networks for hours: that they can be kept is known before.
  void look_at_output() {
    const fs::path& file = request_.write_rows;
    if (file.empty()) return;
    std::error_code error;
    const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
    if (!is_safetensors(file))
      failure_.add("--write-rows", "'" + file.string() + "' is no .safetensors",
                   "a name that --pictures takes for rows");
    if (const auto is_there = io::must_exist(folder, "a folder"); !is_there)
      failure_.add(is_there.error());
    else if (!fs::is_directory(folder, error) || ::access(folder.c_str(), W_OK | X_OK) != 0)
      failure_.add(folder.string(), "rows cannot be written here", "a folder that may be written");
    else if (fs::is_directory(file, error))
      failure_.add(file.string(), "this is a folder", "the name of a file");
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
      const auto file = io::SafetensorsFile::read(request_.pictures);
      auto rows = file ? rows_of_file(*file) : Result<at::Tensor>(fail(file.error()));
      if (!rows) {
        failure_.add(rows.error());
        return;
      }
      plan_.given = std::move(*rows);
      made_by_ = made_by(*file);
      if (plan_.choice.metric != nullptr) check_made_by(*file);
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
    if (path.extension() == ".npz") return look_at_statistics(path);
    if (is_safetensors(path)) return look_at_file(path);
    auto files = io::picture_files(path);
    if (!files) {
      failure_.add(files.error());
      return;
    }
    plan_.reference_files = std::move(*files);
    if (plan_.given)
      failure_.add(path.string(), "the pictures are rows, of which nobody knows what made them",
                   "a safetensors file of rows, or an npz");
    check_count(path, plan_.reference_files.size());
  }

  [[nodiscard]] bool needs_rows() const {
    return plan_.choice.metric->reference == metrics::ReferenceNeed::kRows;
  }

  void lacks_rows(const fs::path& path) {
    failure_.add(path.string(), plan_.choice.metric->name + " needs the rows of its reference",
                 "a folder of pictures, or a safetensors file of their rows");
  }

  void look_at_statistics(const fs::path& path) {
    if (needs_rows())
      lacks_rows(path);
    else
      take_reference(path, Reference::read_npz(path));
  }

  // Of rows, or of a reference.
  void look_at_file(const fs::path& path) {
    const auto file = io::SafetensorsFile::read(path);
    if (!file) {
      failure_.add(file.error());
      return;
    }
    if (file->find("mu") != nullptr) return take_reference(path, Reference::of_file(*file));
    const auto rows = rows_of_file(*file);
    if (!rows) {
      failure_.add(rows.error());
      return;
    }
    check_made_by(*file);
    const auto count = static_cast<std::size_t>(rows->size(0));
    check_count(path, count);
    if (count >= kStatisticsMin)
      take_reference(path, Reference::from_rows(*rows, needs_rows(), path.string()));
  }

  void take_reference(const fs::path& path, Result<Reference> reference) {
    if (!reference) {
      failure_.add(reference.error());
      return;
    }
    if (needs_rows() && !reference->rows.defined()) lacks_rows(path);
    if (plan_.given && plan_.given->size(1) != reference->dimensions())
      failure_.add(path.string(), "it has " + std::to_string(reference->dimensions()) + " features",
                   std::to_string(plan_.given->size(1)) + ", as " + request_.pictures.string());
    plan_.reference = std::move(*reference);
  }

  void check_count(const fs::path& path, std::size_t count) {
    const std::uint64_t least = needs_rows() ? least_images() : kStatisticsMin;
    if (count < least)
      failure_.add(path.string(),
                   "there are only " + std::to_string(count) + " pictures for the reference of " +
                       plan_.choice.metric->name,
                   std::to_string(least) + " or more");
  }

  void check_made_by(const io::SafetensorsFile& file) {
    if (!is_chosen_) return;
    const std::string own = plan_.given ? made_by_ : made_by_of(plan_.choice.extractor);
    failure_.add(misfit_of_made(file, *plan_.choice.metric, own, request_.pictures));
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

  static constexpr std::size_t kStatisticsMin = 2;  // one picture has no covariance

  const EvaluationRequest& request_;
  Failure failure_;
  EvaluationPlan plan_;
  bool is_chosen_ = false;
  std::string made_by_;          // of the rows that are given
  std::vector<fs::path> files_;  // the pictures
};

}  // namespace

io::Metadata rows_metadata(const ExtractorSpec& extractor) {
  if (extractor.kind.empty()) return {};
  return {{kMadeBy, canonical(to_json(ExtractorSpec{extractor.kind, {}, extractor.options, {}}))}};
}

Result<EvaluationPlan> plan_evaluation(const EvaluationRequest& request) {
  return Planning(request).run();
}

}  // namespace isocost::diffusion
