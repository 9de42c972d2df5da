#include "worker/diffusion/verify/reference.h"

#include "base/io/atomic_file.h"

namespace isocost::diffusion {
namespace {

constexpr std::size_t kExpectedBytesMax = std::size_t{64} << 20;

const Json& member(const Json& object, const std::string& key) {
  static const Json kNull;
  return object.is_object() && object.contains(key) ? object.at(key) : kNull;
}

Result<std::vector<Json>> entries(const Json& json, const std::string& key,
                                  const std::string& where) {
  const Json& list = member(json, key);
  if (list.is_null()) return std::vector<Json>{};
  Failure failure;
  if (!list.is_array())
    failure.add(where + ": " + key, "this is no list", "a list of objects with an id");
  std::vector<Json> found;
  for (const Json& entry : list.is_array() ? list : Json::array()) {
    if (!member(entry, "id").is_string())
      failure.add(where + ": " + key, "an entry has no id", "objects with an id");
    found.push_back(entry);
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return found;
}

// Nested groups of outputs flattened; leaves are texts.
void flatten(const Json& group, const std::string& prefix, std::map<std::string, Json>& into) {
  if (!group.is_object()) return;
  for (const auto& [key, value] : group.items()) {
    if (value.is_object()) {
      flatten(value, prefix + key + ".", into);
    } else {
      into[prefix + key] = value;
    }
  }
}

}  // namespace

Result<StoredReference> StoredReference::read(const std::filesystem::path& folder) {
  const auto file = folder / "expected.json";
  const auto text = io::read_file(file, kExpectedBytesMax);
  if (!text) return fail(text.error());
  auto json = parse_json(*text, file.string());
  if (!json) return fail(json.error());
  if (!member(*json, "kind").is_string())
    return fail(file.string(), "the member 'kind' is missing", "diffusers, vae or clip");
  auto units = entries(*json, "units", file.string());
  auto runs = entries(*json, "runs", file.string());
  auto tensors = io::SafetensorsFile::read(folder / "expected.safetensors");
  Failure failure;
  if (!units) failure.add(units.error());
  if (!runs) failure.add(runs.error());
  if (!tensors) failure.add(tensors.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  StoredReference reference;
  reference.folder_ = folder;
  reference.kind_ = json->at("kind").get<std::string>();
  reference.json_ = std::move(*json);
  reference.units_ = std::move(*units);
  reference.runs_ = std::move(*runs);
  reference.file_ = std::make_shared<const io::SafetensorsFile>(std::move(*tensors));
  return reference;
}

Result<Tensor> StoredReference::tensor(const std::string& name) const {
  const auto* view = file_->find(name);
  if (view == nullptr)
    return fail(file_->where(), "the tensor '" + name + "' is missing", "what expected.json names");
  auto tensor = to_tensor(*view, file_->where() + ": " + name);
  if (!tensor) return tensor;
  if (tensor->is_floating_point()) return tensor->to(at::kFloat);
  return tensor->scalar_type() == at::kByte ? *tensor : tensor->to(at::kLong);
}

Tensor Taken::named(const Json& name) {
  if (!name.is_string()) {
    fault("a tensor's name is " + std::string(name.type_name()), "a text");
    return {};
  }
  const auto tensor = reference_.tensor(name.get<std::string>());
  if (tensor) return *tensor;
  failure_.add(tensor.error());
  return {};
}

Tensor Taken::tensor(const std::string& group, const std::string& key) {
  if (has(group, key)) return named(entry_.at(group).at(key));
  fault("the tensor " + group + "." + key + " is missing", "its name");
  return {};
}

bool Taken::has(const std::string& group, const std::string& key) const {
  return !member(member(entry_, group), key).is_null();
}

std::map<std::string, std::vector<Tensor>> Taken::draws() {
  std::map<std::string, std::vector<Tensor>> draws;
  const Json& list = member(entry_, "draws");
  for (const Json& draw : list.is_array() ? list : Json::array()) {
    const Json& role = member(draw, "role");
    if (!role.is_string()) {
      fault("a draw has the role " + canonical(role), "a text");
    } else {
      draws[role.get<std::string>()].push_back(named(member(draw, "tensor")));
    }
  }
  return draws;
}

double Taken::number(const std::string& key, double fallback) {
  const Json& value = member(entry_, key);
  if (value.is_null()) return fallback;
  if (value.is_number()) return value.get<double>();
  fault(key + " is " + std::string(value.type_name()), "a number");
  return fallback;
}

std::int64_t Taken::count(const std::string& key, std::int64_t fallback) {
  const double value = number(key, static_cast<double>(fallback));
  if (value >= 0 && value <= 1e6 && value == std::floor(value))
    return static_cast<std::int64_t>(value);
  fault(key + " is " + number_shown(value), "a whole number from 0");
  return fallback;
}

std::vector<std::string> Taken::texts(const std::string& key) {
  const Json& value = member(entry_, key);
  if (value.is_null()) return {""};
  if (value.is_string()) return {value.get<std::string>()};
  std::vector<std::string> found;
  for (const Json& one : value.is_array() ? value : Json::array())
    if (one.is_string()) found.push_back(one.get<std::string>());
  if (!value.is_array() || found.size() != value.size() || found.empty())
    fault(key + " is neither a text nor a list of texts", "one of them, or null");
  return found;
}

const Json& Taken::option(const std::string& key) const {
  return member(member(entry_, "with"), key);
}

std::vector<ExpectedOutput> Taken::outputs() {
  std::map<std::string, Json> names;
  std::map<std::string, Json> tolerances;
  flatten(member(entry_, "outputs"), "", names);
  flatten(member(entry_, "tolerance"), "", tolerances);
  std::vector<ExpectedOutput> expected;
  for (const auto& [name, tensor] : names) {
    const auto at = tolerances.find(name);
    const bool has_tolerance = at != tolerances.end() && at->second.is_number();
    if (!tensor.is_string()) {
      fault("the output " + name + " has no tensor", "its name");
      continue;
    }
    expected.push_back(
        {name, tensor.get<std::string>(), has_tolerance ? at->second.get<double>() : 0.0});
  }
  return expected;
}

}  // namespace isocost::diffusion
