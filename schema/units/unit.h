// What is dispatched: the three kinds of units as values, with the one form that each has as the
// body of a lease, and the names of units and of what they leave behind.
//
//   const std::string body = body_text({.kind = UnitKind::kScore, .spec = score, .sample = key});
//   const Result<UnitBody> unit = unit_body_from_text(UnitKind::kScore, body, "lease");
//
// A body is composed when the unit is leased, from columns and specs, and stored nowhere. Names are
// for the wire and the spool; what a unit is stands in its kind, range and body, and no name is
// taken apart to find it out. schema/units/kind.h is the table of kinds. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "schema/spec.h"

namespace isocost {

enum class UnitKind : int {
  kReference = 1,
  kGenerate = 2,
  kScore = 3
};  // persisted and sent: do not change

// Persisted: do not change the numbers.
enum class UnitState : int {
  kOpen = 1,  // to be computed: leased, ready, or waiting for units that it needs
  kDone = 2,
  kFailed = 3,     // after its attempts, or because a unit that it needs failed
  kCancelled = 4,  // no experiment wants it any more
};

struct ReferenceUnit {
  ReferenceSpec reference;
  bool operator==(const ReferenceUnit&) const = default;
};
struct GenerateUnit {
  SampleSpec sample;
  ImageRange range;                       // begins at a multiple of the group size
  std::vector<ExtractorSpec> extractors;  // by extractor_id
  std::uint64_t keep_pictures = 0;        // PNG of every image whose number is below this
  bool operator==(const GenerateUnit&) const = default;
};
struct ScoreUnit {
  Digest sample;  // key of the cell that is judged
  ScoreSpec score;
  bool operator==(const ScoreUnit&) const = default;
};
// In the order of the kinds' numbers.
using UnitBody = std::variant<ReferenceUnit, GenerateUnit, ScoreUnit>;
[[nodiscard]] UnitKind kind_of(const UnitBody& unit);

// What a body is put together from, as a database holds it: texts are canonical.
struct BodyParts {
  UnitKind kind = UnitKind::kGenerate;
  std::string spec{};                     // of the reference, the sample or the score
  Digest sample{};                        // score: the key of the cell that is judged
  ImageRange range{};                     // generate
  std::uint64_t keep_pictures = 0;        // generate
  std::vector<std::string> extractors{};  // generate: specs, by their ids
};
[[nodiscard]] std::string body_text(const BodyParts& parts);
[[nodiscard]] std::string body_text(const UnitBody& unit);
[[nodiscard]] Result<UnitBody> unit_body_from_json(UnitKind kind, const Json& json,
                                                   const std::string& where);
[[nodiscard]] Result<UnitBody> unit_body_from_text(UnitKind kind, const std::string& text,
                                                   const std::string& where);
// Each kind by itself. Fails with every member that is wrong.
[[nodiscard]] Result<ReferenceUnit> reference_unit_from_json(const Json& json,
                                                             const std::string& where);
[[nodiscard]] Result<GenerateUnit> generate_unit_from_json(const Json& json,
                                                           const std::string& where);
[[nodiscard]] Result<ScoreUnit> score_unit_from_json(const Json& json, const std::string& where);

// reference/<reference key>   generate/<sample key>/<begin>-<end>/<8 hex of the outputs wanted>
// score/<score key>
[[nodiscard]] std::string unit_name(const UnitBody& unit);
// The same of keys that are known already: a large submission has a million names.
[[nodiscard]] std::string generate_unit_name(const Digest& sample, ImageRange range,
                                             std::uint64_t keep_pictures,
                                             const std::vector<std::string>& extractor_ids);
[[nodiscard]] std::string reference_unit_name(const Digest& reference);
[[nodiscard]] std::string score_unit_name(const Digest& score);

// The artifacts that units leave. A generate unit: rows of each extractor, and the PNG files of the
// first images. A reference unit: its statistics.
inline constexpr const char* kReferenceArtifact = "reference";
[[nodiscard]] std::string rows_artifact(const std::string& extractor);  // an extractor_id
[[nodiscard]] std::string picture_artifact(std::uint64_t image);
// Pictures are for people: nothing computes with them. Absent: it is none.
[[nodiscard]] std::optional<std::uint64_t> image_of_picture(std::string_view artifact);

// A unit that another one needs, and what it left behind.
struct NeededUnit {
  std::string name{};
  UnitKind kind = UnitKind::kGenerate;
  ImageRange range{};  // generate
  std::vector<ArtifactRef> artifacts{};
  bool operator==(const NeededUnit&) const = default;
};

}  // namespace isocost
