// Networks that several extractors look through: a CLIP folder's serves clip_score, clip_i and
// clip_directional of one study, and is loaded once for as long as one of them lives.
//
//   ExtractorNetworks networks;
//   auto score = load_extractor(clip, "models/clip", {.device = gpu, .networks = &networks});
//   auto direction = load_extractor(clip_direction, "models/clip", {.device = gpu, .networks =
//   &networks});
//
// Keyed by what a folder holds and not by where it lies, so that a folder whose content was changed
// is another. Thread: one at a time, that of the extractors.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "worker/diffusion/models/clip.h"
#include "worker/diffusion/models/vit.h"

namespace isocost::diffusion {

class ExtractorNetworks {
 public:
  // `content`: the digest of the folder, as in ExtractorSpec::input. Fails with: what load_clip and
  // load_vit fail with.
  [[nodiscard]] Result<Clip> clip(const std::string& content, const std::filesystem::path& folder);
  [[nodiscard]] Result<Vit> vit(const std::string& content, const std::filesystem::path& folder);

 private:
  std::map<std::string, std::weak_ptr<ClipImpl>> clips_;
  std::map<std::string, std::weak_ptr<VitImpl>> vits_;
};

}  // namespace isocost::diffusion
