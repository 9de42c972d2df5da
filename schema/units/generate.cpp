#include <algorithm>

#include "schema/spec_reader.h"
#include "schema/units/item_pictures.h"
#include "schema/units/kind.h"

namespace isocost {
namespace {

const GenerateUnit& generate_of(const UnitBody& unit) { return std::get<GenerateUnit>(unit); }

std::set<std::string> generate_inputs(const UnitBody& unit) {
  std::set<std::string> inputs;
  const SampleSpec& sample = generate_of(unit).sample;
  for (const auto& [unused, digest] : sample.inputs) inputs.insert(digest);
  for (const auto& [unused, digest] : sample.items.inputs) inputs.insert(digest);
  for (const ExtractorSpec& extractor : generate_of(unit).extractors) {
    if (!extractor.input.empty()) inputs.insert(extractor.input);
    for (const auto& [unused, digest] : extractor.items) inputs.insert(digest);
  }
  return inputs;
}

// What items have is known to who reads them: each picture that one may have, as large as it is
// then. Sources and masks are a factor smaller than what is made of them.
void add_item_forms(const SampleSpec& sample, std::uint64_t image,
                    std::map<std::string, units::ArtifactForm>& forms) {
  if (sample.items.is_empty()) return;
  for (const tasks::Slot slot : kPictureSlots) {
    const int factor = slot == tasks::Slot::kTarget ? 1 : sample.items.factor;
    forms[item_artifact(slot, image)] = {.kind = units::ArtifactForm::Kind::kPicture,
                                         .height = sample.height / factor,
                                         .width = sample.width / factor,
                                         .is_needed = false};
  }
}

std::map<std::string, units::ArtifactForm> generate_outputs(const UnitBody& body) {
  using Form = units::ArtifactForm;
  const GenerateUnit& unit = generate_of(body);
  std::map<std::string, Form> forms;
  for (const ExtractorSpec& extractor : unit.extractors)
    forms[rows_artifact(extractor_id(extractor))] = {.kind = Form::Kind::kRows,
                                                     .rows = unit.range.size()};
  const std::uint64_t end = std::min(unit.keep_pictures, unit.range.end);
  for (std::uint64_t image = unit.range.begin; image < end; ++image) {
    forms[picture_artifact(image)] = {
        .kind = Form::Kind::kPicture, .height = unit.sample.height, .width = unit.sample.width};
    add_item_forms(unit.sample, image, forms);
  }
  return forms;
}

std::string generate_body(const BodyParts& parts) {
  std::string extractors = "[";
  for (const std::string& extractor : parts.extractors) {
    if (extractors.size() > 1) extractors += ',';
    extractors += extractor;
  }
  return canonical_object({{"extractors", extractors + "]"},
                           {"keep_pictures", std::to_string(parts.keep_pictures)},
                           {"range", canonical(Json::array({parts.range.begin, parts.range.end}))},
                           {"sample", parts.spec}});
}

BodyParts generate_parts(const UnitBody& body) {
  const GenerateUnit& unit = generate_of(body);
  BodyParts parts{.kind = UnitKind::kGenerate,
                  .spec = canonical(to_json(unit.sample)),
                  .range = unit.range,
                  .keep_pictures = unit.keep_pictures};
  for (const ExtractorSpec& extractor : unit.extractors)
    parts.extractors.push_back(canonical(to_json(extractor)));
  return parts;
}

std::string name_of_generate(const UnitBody& body) {
  const GenerateUnit& unit = generate_of(body);
  std::vector<std::string> ids;
  ids.reserve(unit.extractors.size());
  for (const ExtractorSpec& extractor : unit.extractors) ids.push_back(extractor_id(extractor));
  return generate_unit_name(sample_key(unit.sample), unit.range, unit.keep_pictures, ids);
}

}  // namespace

Result<GenerateUnit> generate_unit_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  GenerateUnit unit;
  unit.sample = reader.take(sample_spec_from_json(reader.raw("sample"), where + ".sample"));
  unit.range = range_from(reader, "range");
  unit.extractors = list_from<ExtractorSpec>(reader, "extractors", extractor_spec_from_json);
  unit.keep_pictures = reader.get<std::uint64_t>("keep_pictures");
  return finished(reader, std::move(unit));
}

std::string generate_unit_name(const Digest& sample, ImageRange range, std::uint64_t keep_pictures,
                               const std::vector<std::string>& extractor_ids) {
  const Json outputs = {{"keep_pictures", std::min(keep_pictures, range.end)},
                        {"extractors", extractor_ids}};
  return units::row_of(UnitKind::kGenerate).name + "/" + sample.hex() + "/" +
         std::to_string(range.begin) + "-" + std::to_string(range.end) + "/" +
         canonical_digest(outputs).hex().substr(0, 8);
}

namespace units {

Kind generate_row() {
  Kind row;
  row.kind = UnitKind::kGenerate;
  row.name = "generate";
  row.has_network = true;
  row.body = generate_body;
  row.parse = [](const Json& json, const std::string& where) {
    return as_body(generate_unit_from_json(json, where));
  };
  row.parts = generate_parts;
  row.name_of = name_of_generate;
  row.inputs = generate_inputs;
  row.outputs = generate_outputs;
  row.price = [](std::uint64_t images, const CellCost& cost) {
    return static_cast<double>(images) * gflops_an_image(cost);
  };
  return row;
}

}  // namespace units
}  // namespace isocost
