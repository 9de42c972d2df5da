#include "coordinator/core/result_check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "schema/metrics/metric.h"
#include "schema/units/kind.h"

namespace isocost::core {
namespace {

constexpr double kSecondsMax = 1e9;

std::optional<UnitFailure> wrong(const std::string& reason) {
  return UnitFailure{
      FailureClass::kBug, "the worker's result is not one of this unit: " + reason, {}};
}

struct Bounds {
  double low = 0;
  double high = 0;
};

// What a value of a metric can be, as its row says; no number of ours is as large as the bounds.
Bounds range_of(const metrics::Metric& metric) {
  constexpr double kAny = 1e15;
  return {std::max(metric.least, -kAny), std::min(metric.most, kAny)};
}

// A number of `object` that lies within the range; what is wrong otherwise. Absent: fine unless it
// is needed.
std::optional<std::string> wrong_number(const Json& object, const char* member, Bounds range,
                                        bool is_needed) {
  const auto found = object.find(member);
  if (found == object.end())
    return is_needed ? std::optional("'" + std::string(member) + "' is missing") : std::nullopt;
  const std::string expected =
      "a number from " + number_shown(range.low) + " to " + number_shown(range.high);
  if (!found->is_number())
    return "'" + std::string(member) + "' is " + found->type_name() + "; expected " + expected;
  const double value = found->get<double>();
  if (value >= range.low && value <= range.high) return std::nullopt;
  return "'" + std::string(member) + "' is " + number_shown(value) + "; expected " + expected;
}

std::optional<std::string> wrong_measured(const Json& measured) {
  for (const auto& [member, most] : std::map<const char*, double>{
           {"seconds", kSecondsMax}, {"peak_bytes", 1e18}, {"energy_joules", 1e15}})
    if (auto why = wrong_number(measured, member, {0, most}, false)) return "measured: " + *why;
  return std::nullopt;
}

// Of equal pictures some metrics have no end: a value that is null, beside their number.
bool is_infinite(const metrics::Metric& metric, const Json& values) {
  const auto value = values.find("value");
  return metric.may_be_infinite && value != values.end() && value->is_null() &&
         !wrong_number(values, "infinite", {1, 1e15}, true);
}

std::optional<std::string> wrong_score(const ScoreUnit& unit, const Json& values) {
  const metrics::Metric* metric = metrics::find_metric(unit.score.metric);
  if (metric == nullptr) return "no metric is called '" + unit.score.metric + "'";
  auto why = wrong_number(values, "value", range_of(*metric), true);
  if (why && !is_infinite(*metric, values)) return why;
  // An interval may reach beyond what a value can be.
  constexpr Bounds kAnywhere{-1e15, 1e15};
  for (const char* member : {"low", "high"})
    if (auto wrong_end = wrong_number(values, member, kAnywhere, false)) return wrong_end;
  if (values.contains("low") && values.contains("high") &&
      values["low"].get<double>() > values["high"].get<double>())
    return "'low' is above 'high'";
  const double images = static_cast<double>(unit.score.range.size());
  return wrong_number(values, "n", {1, images}, false);
}

std::optional<std::string> wrong_artifacts(const UnitResult& result,
                                           const std::map<std::string, ArtifactForm>& forms,
                                           const LookAtArtifact& look) {
  std::set<std::string> seen;
  for (const ArtifactRef& artifact : result.artifacts) {
    const auto form = forms.find(artifact.name);
    if (form == forms.end()) return "the artifact " + artifact.name + " is none of its";
    if (!seen.insert(artifact.name).second)
      return "the artifact " + artifact.name + " stands twice";
    if (!look) continue;
    if (auto why = look(artifact, form->second))
      return "the artifact " + artifact.name + ": " + *why;
  }
  for (const auto& [name, form] : forms)
    if (form.is_needed && !seen.contains(name)) return "the artifact " + name + " is missing";
  return std::nullopt;
}

// The body is the coordinator's own; a fault of it is told like one of the result.
std::optional<std::string> wrong_of_unit(UnitKind kind, const std::string& body,
                                         const UnitResult& result, const LookAtArtifact& look) {
  const auto unit = unit_body_from_text(kind, body, "body");
  if (!unit) return unit.error().message();
  if (auto why = wrong_artifacts(result, units::row_of(kind).outputs(*unit), look)) return why;
  const auto* score = std::get_if<ScoreUnit>(&*unit);
  return score == nullptr ? std::nullopt : wrong_score(*score, result.values);
}

}  // namespace

std::optional<UnitFailure> check_result(UnitKind kind, const std::string& body,
                                        const UnitResult& result, const LookAtArtifact& look) {
  auto why = wrong_measured(result.measured);
  if (!why) why = wrong_of_unit(kind, body, result, look);
  return why ? wrong(*why) : std::nullopt;
}

}  // namespace isocost::core
