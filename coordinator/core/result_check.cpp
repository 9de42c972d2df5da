#include "coordinator/core/result_check.h"

#include <algorithm>

namespace isocost::core {
namespace {

std::optional<UnitFailure> wrong(const std::string& reason) {
  return UnitFailure{
      FailureClass::kBug, "the worker's result is not one of this unit: " + reason, {}};
}

bool has_artifact(const UnitResult& result, const std::string& name) {
  return std::any_of(result.artifacts.begin(), result.artifacts.end(),
                     [&](const ArtifactRef& artifact) { return artifact.name == name; });
}

std::optional<UnitFailure> check_generate(const std::string& body, const UnitResult& result) {
  const auto json = parse_json(body, "units.body");
  if (!json) return wrong(json.error().message());
  const auto unit = generate_unit_from_json(*json, "units.body");
  if (!unit) return wrong(unit.error().message());
  for (const ExtractorSpec& extractor : unit->extractors) {
    const std::string name = "rows/" + extractor_id(extractor);
    if (!has_artifact(result, name)) return wrong("the artifact " + name + " is missing");
  }
  return std::nullopt;
}

bool has_repeated_names(const UnitResult& result) {
  for (std::size_t i = 0; i < result.artifacts.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (result.artifacts[i].name == result.artifacts[j].name) return true;
  return false;
}

}  // namespace

std::optional<UnitFailure> check_result(UnitKind kind, const std::string& body,
                                        const UnitResult& result) {
  if (has_repeated_names(result)) return wrong("an artifact's name stands twice");
  switch (kind) {
    case UnitKind::kGenerate:
      return check_generate(body, result);
    case UnitKind::kReference:
      return has_artifact(result, "reference") ? std::nullopt
                                               : wrong("the artifact 'reference' is missing");
    case UnitKind::kScore:
      return result.values.contains("value") ? std::nullopt : wrong("'value' is missing");
  }
  return wrong("unknown kind");
}

}  // namespace isocost::core
