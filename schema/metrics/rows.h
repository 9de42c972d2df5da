// What an extractor makes of a picture and of what belongs to it: a row of numbers. A kind of rows
// joins metrics, which reduce such rows, and extractors, which make them; it says what of an item
// they are made with.
//
//   for (const auto slot : metric.needs()) ...        // rows_kind(metric.rows).needs
//
// Pure values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/tasks/task.h"

namespace isocost::metrics {

enum class Rows : int {
  kFeatures = 1,       // of a picture alone, for distances between sets
  kCosine = 2,         // of the picture with its prompt
  kAnswers = 3,        // of a network that reads what the prompt tells
  kLogits = 4,         // of classes
  kClipFeatures = 5,   // of CLIP, for similarities between pictures
  kWholeFeatures = 6,  // of CLIP, of pictures from edge to edge
  kClipToSource = 7,
  kClipToTarget = 8,
  kClipToText = 9,      // with the caption of what is wanted
  kClipDirection = 10,  // from source to picture, with that from text to text
  kVitFeatures = 11,    // of a vision transformer's class token
  kVitToSource = 12,
  kVitToTarget = 13,
  kPerceptual = 14,  // LPIPS's distance
  kSquaredError = 15,
  kStructure = 16,  // structural similarity
  kOutsideMask = 17,
};

struct RowsKind {
  Rows rows = Rows::kFeatures;
  std::string word;          // in names of the grid's JSON Schema
  std::string text;          // for people: "features [n, D]"
  std::int64_t columns = 0;  // 0: as many as the network gives
  std::vector<tasks::Slot> needs;
  bool is_pixelwise = false;  // what is compared has the picture's own size
  bool may_hold_nan = false;  // NaN in such a row means: not asked
};

[[nodiscard]] const std::vector<RowsKind>& rows_kinds();
[[nodiscard]] const RowsKind& rows_kind(Rows rows);

}  // namespace isocost::metrics
