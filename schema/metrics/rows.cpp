#include "schema/metrics/rows.h"

#include <algorithm>

#include "base/check.h"

namespace isocost::metrics {

const std::vector<RowsKind>& rows_kinds() {
  using tasks::Slot;
  static const std::vector<RowsKind> kKinds = {
      {Rows::kFeatures, "features", "features [n, D]", 0, {}},
      {Rows::kCosine, "cosines", "cosine [n, 1]", 1, {Slot::kPrompt}},
      {Rows::kAnswers,
       "answers",
       "1 right, 0 wrong, NaN not told [n, A]",
       0,
       {Slot::kPrompt},
       false,
       true},
      {Rows::kLogits, "logits", "logits of classes [n, C]", 0, {}},
      {Rows::kClipFeatures, "clip_features", "CLIP's image features [n, D]", 0, {}},
      {Rows::kWholeFeatures, "whole_features", "CLIP's features of whole pictures [n, D]", 0, {}},
      {Rows::kClipToSource,
       "clip_to_source",
       "CLIP's cosine to the source [n, 1]",
       1,
       {Slot::kSource}},
      {Rows::kClipToTarget,
       "clip_to_target",
       "CLIP's cosine to the target [n, 1]",
       1,
       {Slot::kTarget}},
      {Rows::kClipToText,
       "clip_to_text",
       "cosine to the target's text [n, 1]",
       1,
       {Slot::kTargetText}},
      {Rows::kClipDirection,
       "clip_direction",
       "cosine of two directions [n, 1]",
       1,
       {Slot::kSource, Slot::kSourceText, Slot::kTargetText}},
      {Rows::kVitFeatures, "vit_features", "a vision transformer's class token [n, D]", 0, {}},
      {Rows::kVitToSource, "vit_to_source", "its cosine to the source [n, 1]", 1, {Slot::kSource}},
      {Rows::kVitToTarget, "vit_to_target", "its cosine to the target [n, 1]", 1, {Slot::kTarget}},
      {Rows::kPerceptual,
       "perceptual",
       "distance of deep features [n, 1]",
       1,
       {Slot::kTarget},
       true},
      {Rows::kSquaredError, "squared_error", "mean squared error [n, 1]", 1, {Slot::kTarget}, true},
      {Rows::kStructure, "structure", "structural similarity [n, 1]", 1, {Slot::kTarget}, true},
      {Rows::kOutsideMask,
       "outside",
       "absolute and squared difference [n, 2]",
       2,
       {Slot::kSource, Slot::kMask},
       true},
  };
  return kKinds;
}

const RowsKind& rows_kind(Rows rows) {
  const auto found = std::find_if(rows_kinds().begin(), rows_kinds().end(),
                                  [&](const RowsKind& kind) { return kind.rows == rows; });
  ISOCOST_CHECK(found != rows_kinds().end(), "every kind of rows is in the table");
  return *found;
}

}  // namespace isocost::metrics
