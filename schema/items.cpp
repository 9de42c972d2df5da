#include "schema/items.h"

#include <algorithm>

#include "schema/spec_reader.h"

namespace isocost {
namespace {

// Null, or one of the table with all of its options.
Json degradation_from(JsonReader& reader) {
  Json value = reader.has("degradation") ? reader.raw("degradation") : Json();
  if (value.is_null()) return value;
  const Json name = value.is_object() ? value.value("name", Json()) : Json();
  const auto* row = name.is_string() ? find_degradation(name.get<std::string>()) : nullptr;
  if (row == nullptr) {
    reader.fault("degradation", "it names none that is known",
                 "one of: " + joined(degradation_names()));
    return {};
  }
  Json said = value;
  said.erase("name");
  auto whole = reader.take(completed(row->options, said, reader.where() + ".degradation"));
  if (whole.is_object()) whole["name"] = row->name;
  if (reader.ok() && canonical(whole) != canonical(value))
    reader.fault("degradation", "this is " + canonical(value), canonical(whole));
  return value;
}

}  // namespace

Json to_json(const ItemsSpec& spec) {
  Json json = {{"kind", spec.kind},
               {"inputs", spec.inputs},
               {"options", spec.options},
               {"fit", spec.fit},
               {"factor", spec.factor}};
  if (!spec.degradation.is_null()) json["degradation"] = spec.degradation;
  return json;
}

Result<ItemsSpec> items_spec_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  ItemsSpec spec;
  spec.kind = reader.get<std::string>("kind");
  if (reader.ok() && spec.kind.empty())
    reader.fault("kind", "this is empty", "who gives the items");
  spec.inputs = text_map(reader, "inputs");
  for (const auto& [slot, digest] : spec.inputs)
    check_digest(reader, "inputs." + slot, digest, false);
  spec.options = object_from(reader, "options");
  spec.fit = reader.get<std::string>("fit");
  const auto known = fit_names();
  if (std::find(known.begin(), known.end(), spec.fit) == known.end())
    reader.fault("fit", "'" + spec.fit.substr(0, 40) + "' is unknown", "one of: " + joined(known));
  spec.factor = reader.get<int>("factor");
  if (spec.factor < 1 || spec.factor > kFactorMax)
    reader.fault("factor", std::to_string(spec.factor), "1 to " + std::to_string(kFactorMax));
  spec.degradation = degradation_from(reader);
  return finished(reader, std::move(spec));
}

const std::vector<Fit>& fits() {
  static const std::vector<Fit> kFits = {
      {kFitExact, "pictures have that size already; another one is a fault"},
      {kFitCrop, "cut out of the middle; a smaller picture is a fault"},
      {kFitResize, "resized both ways, whatever becomes of its shape (PIL's bicubic)"},
      {kFitResizeCrop,
       "resized until it just covers that size (PIL's bicubic), then cut out of the middle"}};
  return kFits;
}

std::vector<std::string> fit_names() {
  std::vector<std::string> names;
  for (const Fit& fit : fits()) names.push_back(fit.name);
  return names;
}

const std::vector<Degradation>& degradations() {
  static const std::vector<Degradation> kRows = {
      {"bicubic", "made smaller as PIL's Image.resize does it with BICUBIC", {}},
      {"real-esrgan",
       "twice blur, resize, noise and JPEG, then a sinc filter, as Real-ESRGAN draws them",
       {whole("seed", 0, {0, kSeedMax}, "of what is drawn for each item")}}};
  return kRows;
}

const Degradation* find_degradation(std::string_view name) {
  for (const Degradation& row : degradations())
    if (row.name == name) return &row;
  return nullptr;
}

std::vector<std::string> degradation_names() {
  std::vector<std::string> names;
  for (const Degradation& row : degradations()) names.push_back(row.name);
  return names;
}

}  // namespace isocost
