#include "schema/spec_reader.h"
#include "schema/units/kind.h"

namespace isocost {
namespace {

// For an order of magnitude: what runs is an extractor and no diffusion network.
constexpr double kGflopsAPicture = 0.1;

const ReferenceSpec& spec_of(const UnitBody& unit) {
  return std::get<ReferenceUnit>(unit).reference;
}

// Ready statistics are taken as they are: no extractor runs.
std::set<std::string> reference_inputs(const UnitBody& unit) {
  const ReferenceSpec& spec = spec_of(unit);
  std::set<std::string> inputs;
  if (!spec.input.empty()) inputs.insert(spec.input);
  if (!spec.extractor.input.empty() && spec.kind != "npz") inputs.insert(spec.extractor.input);
  return inputs;
}

std::string reference_body(const BodyParts& parts) {
  return canonical_object({{"reference", parts.spec}});
}

}  // namespace

Result<ReferenceUnit> reference_unit_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  ReferenceUnit unit;
  unit.reference =
      reader.take(reference_spec_from_json(reader.raw("reference"), where + ".reference"));
  return finished(reader, std::move(unit));
}

std::string reference_unit_name(const Digest& reference) {
  return units::row_of(UnitKind::kReference).name + "/" + reference.hex();
}

namespace units {

Kind reference_row() {
  Kind row;
  row.kind = UnitKind::kReference;
  row.name = "reference";
  row.body = reference_body;
  row.parse = [](const Json& json, const std::string& where) {
    return as_body(reference_unit_from_json(json, where));
  };
  row.parts = [](const UnitBody& unit) {
    return BodyParts{.kind = UnitKind::kReference, .spec = canonical(to_json(spec_of(unit)))};
  };
  row.name_of = [](const UnitBody& unit) {
    return reference_unit_name(reference_key(spec_of(unit)));
  };
  row.inputs = reference_inputs;
  row.outputs = [](const UnitBody&) {
    return std::map<std::string, ArtifactForm>{
        {kReferenceArtifact, {.kind = ArtifactForm::Kind::kReference}}};
  };
  row.price = [](std::uint64_t pictures, const CellCost&) {
    return static_cast<double>(pictures) * kGflopsAPicture;
  };
  return row;
}

}  // namespace units
}  // namespace isocost
