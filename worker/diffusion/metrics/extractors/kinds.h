// The kinds of extractors, one file each, and what they share. For extractor.cpp and the kinds
// alone.
#pragma once

#include "worker/diffusion/metrics/extractors/extractor.h"

namespace isocost::diffusion {

struct ExtractorSource {
  std::filesystem::path input;
  std::string content;  // digest of what lies there
  ExtractorSettings settings;
  Json options = Json::object();  // every one of its row's
};
using ExtractorLoader = Result<std::unique_ptr<Extractor>> (*)(const ExtractorSource& source);

[[nodiscard]] Result<std::unique_ptr<Extractor>> load_torchscript(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_clip_score(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_clip_features(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_clip_whole(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_clip_to_source(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_clip_to_target(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_clip_to_text(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_clip_direction(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_vit_features(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_vit_to_source(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_vit_to_target(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_perceptual(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_squared_error(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_structure(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_outside_mask(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_mini_features(const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_mini_attributes(
    const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_mini_perceptual(
    const ExtractorSource& source);
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_mini_edits(const ExtractorSource& source);

}  // namespace isocost::diffusion
