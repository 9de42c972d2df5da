// A score unit: rows in the order of the images, reduced to a value with its interval.
#include <algorithm>
#include <cmath>

#include "worker/diffusion/metrics/rows_file.h"
#include "worker/diffusion/metrics/score.h"
#include "worker/diffusion/tasks/engine_executor.h"
#include "worker/diffusion/tasks/failures.h"

namespace isocost::diffusion {
namespace {

struct Piece {
  ImageRange range;
  Digest rows;
};

// The pieces that hold rows of this extractor, by range.
std::vector<Piece> pieces_of(const agent::LeasedUnit& leased, const std::string& extractor) {
  std::vector<Piece> pieces;
  for (const NeededUnit& needed : leased.needs) {
    for (const ArtifactRef& artifact : needed.artifacts) {
      if (needed.kind == UnitKind::kGenerate && artifact.name == rows_artifact(extractor))
        pieces.push_back({needed.range, artifact.digest});
    }
  }
  std::sort(pieces.begin(), pieces.end(),
            [](const Piece& a, const Piece& b) { return a.range < b.range; });
  return pieces;
}

// Rows of [range.begin, range.end), each from the first piece that has it.
Result<at::Tensor> gather(const std::vector<Piece>& pieces, const ImageRange& range,
                          const io::ArtifactStore& store) {
  std::vector<at::Tensor> parts;
  std::uint64_t next = range.begin;
  for (const Piece& piece : pieces) {
    if (piece.range.end <= next || next >= range.end) continue;
    if (piece.range.begin > next) break;
    const auto bytes = store.get(piece.rows);
    if (!bytes) return fail(bytes.error());
    const auto rows = rows_from_bytes(*bytes, piece.rows.name());
    if (!rows) return fail(rows.error());
    if (static_cast<std::uint64_t>(rows->size(0)) != piece.range.size()) {
      return fail(piece.rows.name(), "it holds " + std::to_string(rows->size(0)) + " rows",
                  std::to_string(piece.range.size()));
    }
    const std::uint64_t end = std::min(piece.range.end, range.end);
    parts.push_back(rows->slice(0, static_cast<std::int64_t>(next - piece.range.begin),
                                static_cast<std::int64_t>(end - piece.range.begin)));
    next = end;
  }
  if (next < range.end) {
    return fail(
        "needs", "no rows of image " + std::to_string(next) + " are at hand",
        "rows of images " + std::to_string(range.begin) + " to " + std::to_string(range.end - 1));
  }
  return at::cat(parts);
}

// A score compares with one reference.
std::optional<Digest> reference_artifact(const agent::LeasedUnit& leased) {
  for (const NeededUnit& needed : leased.needs) {
    for (const ArtifactRef& artifact : needed.artifacts) {
      if (needed.kind == UnitKind::kReference && artifact.name == kReferenceArtifact)
        return artifact.digest;
    }
  }
  return std::nullopt;
}

bool is_finite(const Json& json) {
  if (json.is_number_float()) return std::isfinite(json.get<double>());
  return !json.is_structured() ||
         std::ranges::all_of(json, [](const Json& member) { return is_finite(member); });
}

}  // namespace

tl::expected<UnitResult, UnitFailure> EngineExecutor::score(const agent::LeasedUnit& leased) {
  const auto unit = score_unit_from_json(leased.body, leased.name);
  if (!unit) return bad_input(unit.error());
  const ScoreSpec& spec = unit->score;
  const auto rows = gather(pieces_of(leased, extractor_id(spec.extractor)), spec.range, store_);
  if (!rows) return unit_failure(FailureClass::kInputOutput, rows.error().message());

  std::shared_ptr<const Reference> reference;
  if (!spec.reference.empty()) {
    const auto digest = reference_artifact(leased);
    if (!digest)
      return unit_failure(FailureClass::kInputOutput,
                          "the reference " + spec.reference + " is not at hand");
    const auto loaded = cache_.reference(*digest, store_);
    if (!loaded) return unit_failure(FailureClass::kInputOutput, loaded.error().message());
    reference = *loaded;
  }
  auto values = diffusion::score(
      spec.metric, {.rows = *rows, .reference = reference.get(), .protocol = spec.protocol});
  if (!values) return bad_input(values.error());
  if (!is_finite(*values))
    return unit_failure(FailureClass::kNotFinite, spec.metric + ": a value is not finite");
  UnitResult result;
  result.values = std::move(*values);
  result.digest = canonical_digest(result.values);
  return result;
}

}  // namespace isocost::diffusion
