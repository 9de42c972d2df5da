// What state a cell is in, from the units that it wants: for pages, reports and exit codes alike.
//
//   CellProgress progress({.images = 512, .keep_pictures = 8});
//   for (unit : generate units of its sample, by their ranges) progress.add_images(...);
//   for (score : its scores) progress.add_score(state);
//   if (progress.state() == CellState::kDone) ...
//
// A cell is done when its images, its pictures and its scores are there, whatever else became of
// units of its sample that other cells wanted. Pure, one thread.
#pragma once

#include "schema/units/unit.h"

namespace isocost {

enum class CellState { kDone, kFailed, kOpen, kCancelled };
[[nodiscard]] std::string_view cell_state_name(CellState state);

// A value of a label as a person reads it: "w64", "7.5".
[[nodiscard]] std::string label_text(const Json& value);
// A cell's labels as a person reads them, "model w64, sampler ddim, steps 50": the axes that every
// study has first, the others by name.
[[nodiscard]] std::string labels_text(const Json& labels);

class CellProgress {
 public:
  struct Wish {
    std::uint64_t images = 0;         // [0, images) must exist
    std::uint64_t keep_pictures = 0;  // of the first ones
    bool is_cancelled = false;        // its experiment is
  };
  explicit CellProgress(const Wish& wish) : wish_(wish) {}

  // A generate unit of its sample. Requires: in the order of the ranges' beginnings.
  void add_images(ImageRange range, std::uint64_t keep_pictures, UnitState state);
  void add_score(UnitState state);
  [[nodiscard]] CellState state() const;

 private:
  Wish wish_;
  std::uint64_t images_ = 0;    // [0, images_) are there
  std::uint64_t pictures_ = 0;  // likewise
  bool has_scores_ = true;
  bool has_failed_ = false;
};

}  // namespace isocost
