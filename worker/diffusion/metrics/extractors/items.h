// What belongs to each picture beside the picture: what it was made from and what it should have
// become. Every member is aligned with the pictures, or is left out where the data has none.
//
//   RowInput input{.pictures = pictures, .prompts = prompts};
//   input.items.targets = targets;                       // uint8 [B, 3, h, w]
//   input.items.masks = mask_pixels >= 128;              // bool [B, 1, h, w]
//
// Which of them a metric needs says its row (schema/metrics: Metric::needs). An extractor refuses
// input that lacks one, or has another number of them than of pictures. Pure values, any thread.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

namespace isocost::diffusion {

struct Items {
  at::Tensor sources{};  // uint8 [B, 3, h, w]: what is edited, or the small picture
  at::Tensor targets{};  // uint8 [B, 3, h, w]: what it should become
  at::Tensor masks{};    // bool [B, 1, h, w]: true where the picture may change
  std::vector<std::string> source_texts{};  // captions of the sources
  std::vector<std::string> target_texts{};  // captions of what is wanted
};

}  // namespace isocost::diffusion
