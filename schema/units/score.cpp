#include "schema/spec_reader.h"
#include "schema/units/kind.h"

namespace isocost {
namespace {

constexpr double kGflopsAScore = 1.0;  // for an order of magnitude

const ScoreUnit& score_of(const UnitBody& unit) { return std::get<ScoreUnit>(unit); }

std::string score_body(const BodyParts& parts) {
  return canonical_object({{"sample_key", canonical(parts.sample.hex())}, {"score", parts.spec}});
}

}  // namespace

Result<ScoreUnit> score_unit_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  ScoreUnit unit;
  const auto key = Digest::parse(reader.get<std::string>("sample_key"));
  if (key)
    unit.sample = *key;
  else
    reader.fault("sample_key", "this is no digest", "64 hexadecimal digits");
  unit.score = reader.take(score_spec_from_json(reader.raw("score"), where + ".score"));
  return finished(reader, std::move(unit));
}

std::string score_unit_name(const Digest& score) {
  return units::row_of(UnitKind::kScore).name + "/" + score.hex();
}

namespace units {

Kind score_row() {
  Kind row;
  row.kind = UnitKind::kScore;
  row.name = "score";
  row.needs = {UnitKind::kReference, UnitKind::kGenerate};
  row.body = score_body;
  row.parse = [](const Json& json, const std::string& where) {
    return as_body(score_unit_from_json(json, where));
  };
  row.parts = [](const UnitBody& unit) {
    return BodyParts{.kind = UnitKind::kScore,
                     .spec = canonical(to_json(score_of(unit).score)),
                     .sample = score_of(unit).sample};
  };
  row.name_of = [](const UnitBody& unit) {
    return score_unit_name(score_key(score_of(unit).sample, score_of(unit).score));
  };
  row.inputs = [](const UnitBody&) { return std::set<std::string>{}; };
  row.outputs = [](const UnitBody&) { return std::map<std::string, ArtifactForm>{}; };
  row.price = [](std::uint64_t, const CellCost&) { return kGflopsAScore; };
  return row;
}

}  // namespace units
}  // namespace isocost
