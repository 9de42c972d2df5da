#include "worker/diffusion/metrics/extractors/extractor.h"

#include <algorithm>
#include <map>

#include "base/check.h"
#include "schema/metrics/extractor.h"
#include "worker/diffusion/metrics/extractors/kinds.h"

namespace isocost::diffusion {
namespace {

const std::map<std::string, ExtractorLoader>& loaders() {
  static const std::map<std::string, ExtractorLoader> kLoaders = {
      {"clip", load_clip_score},
      {"clip-direction", load_clip_direction},
      {"clip-features", load_clip_features},
      {"clip-to-source", load_clip_to_source},
      {"clip-to-target", load_clip_to_target},
      {"clip-to-text", load_clip_to_text},
      {"clip-whole", load_clip_whole},
      {"mini-attributes", load_mini_attributes},
      {"mini-edits", load_mini_edits},
      {"mini-features", load_mini_features},
      {"mini-perceptual", load_mini_perceptual},
      {"outside-mask", load_outside_mask},
      {"perceptual", load_perceptual},
      {"squared-error", load_squared_error},
      {"structure", load_structure},
      {"torchscript", load_torchscript},
      {"vit-features", load_vit_features},
      {"vit-to-source", load_vit_to_source},
      {"vit-to-target", load_vit_to_target},
  };
  return kLoaders;
}

// What a kind is fed, held against its row before it sees it.
class Checked : public Extractor {
 public:
  Checked(const metrics::Extractor& row, std::int64_t least_side, std::unique_ptr<Extractor> inner)
      : row_(row), least_side_(least_side), inner_(std::move(inner)) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    Failure failure;
    check_alignment(input, failure);
    check_sides(input.pictures, failure);
    for (const tasks::Slot slot : row_.needs()) check_slot(slot, input, failure);
    if (!failure.is_empty()) return fail(std::move(failure));
    return inner_->extract(input);
  }

 private:
  static void check_alignment(const RowInput& input, Failure& failure) {
    ISOCOST_CHECK(input.pictures.dim() == 4 && input.pictures.size(1) == 3 &&
                      input.pictures.scalar_type() == at::kByte && input.pictures.numel() > 0,
                  "pictures are bytes, [B, 3, H, W]");
    const std::int64_t batch = input.pictures.size(0);
    const auto check = [&](tasks::Slot slot, std::int64_t count) {
      if (count != 0 && count != batch)
        failure.add("items", c10::str("there are ", count, " of the ", tasks::slot_name(slot)),
                    c10::str(batch, ", one a picture"));
    };
    const Items& items = input.items;
    const auto count_of = [](const at::Tensor& some) { return some.defined() ? some.size(0) : 0; };
    const auto length_of = [](const auto& some) { return static_cast<std::int64_t>(some.size()); };
    check(tasks::Slot::kPrompt, length_of(input.prompts));
    check(tasks::Slot::kSource, count_of(items.sources));
    check(tasks::Slot::kTarget, count_of(items.targets));
    check(tasks::Slot::kMask, count_of(items.masks));
    check(tasks::Slot::kSourceText, length_of(items.source_texts));
    check(tasks::Slot::kTargetText, length_of(items.target_texts));
  }

  void check_sides(const at::Tensor& pictures, Failure& failure) const {
    if (std::min(pictures.size(2), pictures.size(3)) < least_side_)
      failure.add("pictures",
                  c10::str("they have ", pictures.size(3), " x ", pictures.size(2), " pixels"),
                  c10::str(least_side_, " or more a side, which the extractor ", row_.kind,
                           " takes with its options"));
  }

  void check_slot(tasks::Slot slot, const RowInput& input, Failure& failure) const {
    const Items& items = input.items;
    switch (slot) {
      case tasks::Slot::kPrompt:
        return need(slot, !input.prompts.empty(), failure);
      case tasks::Slot::kSource:
        return check_pictures(slot, items.sources, input.pictures, failure);
      case tasks::Slot::kTarget:
        return check_pictures(slot, items.targets, input.pictures, failure);
      case tasks::Slot::kMask:
        return check_pictures(slot, items.masks, input.pictures, failure);
      case tasks::Slot::kSourceText:
        return need(slot, !items.source_texts.empty(), failure);
      case tasks::Slot::kTargetText:
        return need(slot, !items.target_texts.empty(), failure);
    }
  }

  void need(tasks::Slot slot, bool is_there, Failure& failure) const {
    if (!is_there)
      failure.add("items", "they have no " + std::string(tasks::slot_name(slot)),
                  "one a picture, which the extractor " + row_.kind + " needs");
  }

  void check_pictures(tasks::Slot slot, const at::Tensor& some, const at::Tensor& pictures,
                      Failure& failure) const {
    if (!some.defined()) return need(slot, false, failure);
    const bool is_mask = slot == tasks::Slot::kMask;
    ISOCOST_CHECK(some.dim() == 4 && some.size(1) == (is_mask ? 1 : 3) &&
                      some.scalar_type() == (is_mask ? at::kBool : at::kByte),
                  "items' pictures are bytes, their masks flags");
    if (!row_.is_pixelwise()) return;
    if (some.size(2) == pictures.size(2) && some.size(3) == pictures.size(3)) return;
    failure.add("items",
                c10::str("the ", tasks::slot_name(slot), " has ", some.size(3), " x ", some.size(2),
                         " pixels"),
                c10::str(pictures.size(3), " x ", pictures.size(2), ", as the picture"));
  }

  const metrics::Extractor& row_;
  std::int64_t least_side_;
  std::unique_ptr<Extractor> inner_;
};

}  // namespace

Result<std::unique_ptr<Extractor>> load_extractor(const ExtractorSpec& spec,
                                                  const std::filesystem::path& input,
                                                  const ExtractorSettings& settings) {
  const auto loader = loaders().find(spec.kind);
  if (loader == loaders().end()) {
    std::string known;
    for (const auto& [kind, unused] : loaders()) known += (known.empty() ? "" : ", ") + kind;
    return fail("extractor", "the kind '" + spec.kind + "' is unknown", known);
  }
  const auto* row = metrics::find_extractor(spec.kind);
  ISOCOST_CHECK(row != nullptr, "a kind that is built has its row");
  const auto options = metrics::whole_options(*row, spec.options, "extractor " + spec.kind);
  if (!options) return fail(options.error());
  auto loaded = loader->second({input, spec.input, settings, *options});
  if (!loaded) return loaded;
  return std::make_unique<Checked>(*row, row->least_side(*options), std::move(*loaded));
}

std::vector<std::string> extractor_kinds() {
  std::vector<std::string> kinds;
  for (const auto& [kind, unused] : loaders()) kinds.push_back(kind);
  return kinds;
}

}  // namespace isocost::diffusion
