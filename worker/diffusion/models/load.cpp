#include "worker/diffusion/models/load.h"

#include "base/io/genuine_file.h"
#include "schema/arch/network.h"
#include "worker/diffusion/models/vit.h"

namespace isocost::diffusion {
namespace {

constexpr std::size_t kConfigBytesMax = 1 << 20;

std::optional<at::ScalarType> scalar_type(io::Dtype dtype) {
  switch (dtype) {
    case io::Dtype::kBool:
      return at::kBool;
    case io::Dtype::kU8:
      return at::kByte;
    case io::Dtype::kI8:
      return at::kChar;
    case io::Dtype::kI16:
      return at::kShort;
    case io::Dtype::kI32:
      return at::kInt;
    case io::Dtype::kI64:
      return at::kLong;
    case io::Dtype::kF16:
      return at::kHalf;
    case io::Dtype::kBf16:
      return at::kBFloat16;
    case io::Dtype::kF32:
      return at::kFloat;
    case io::Dtype::kF64:
      return at::kDouble;
    case io::Dtype::kF8E5M2:
      return at::kFloat8_e5m2;
    case io::Dtype::kF8E4M3:
      return at::kFloat8_e4m3fn;
    default:
      return std::nullopt;
  }
}

struct Entry {
  std::string file_name;
  const io::TensorView* view;
};

// The file's tensors under the module's names. Faults names that two tensors end up with.
Result<std::map<std::string, Entry, std::less<>>> renamed(const io::TensorViews& tensors,
                                                          const std::string& where,
                                                          const Rename& rename) {
  std::map<std::string, Entry, std::less<>> entries;
  Failure failure;
  for (const auto& [file_name, view] : tensors) {
    const auto name = rename ? rename(file_name) : file_name;
    if (name.empty()) continue;
    const auto [at, is_new] = entries.emplace(name, Entry{file_name, &view});
    if (!is_new)
      failure.add(where,
                  "the tensors '" + at->second.file_name + "' and '" + file_name +
                      "' are the same weight twice",
                  "one of them");
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return entries;
}

arch::FoundTensors shapes_of(const std::map<std::string, Entry, std::less<>>& entries) {
  arch::FoundTensors found;
  for (const auto& [name, entry] : entries) found[name] = entry.view->shape;
  return found;
}

// Everything that must be checked is checked against the configuration, before a module as large as
// it says is built.
Result<void> check_file(const io::TensorViews& tensors,
                        const std::vector<arch::TensorSpec>& expected, const std::string& where,
                        const Rename& rename) {
  const auto entries = renamed(tensors, where, rename);
  if (!entries) return fail(entries.error());
  return arch::check_tensors(expected, shapes_of(*entries), where);
}

template <class Module>
Result<Module> finish(Module module, const io::TensorViews& tensors, const std::string& where,
                      const Rename& rename) {
  const auto loaded = load_weights(*module, tensors, where, rename);
  if (!loaded) return fail(loaded.error());
  module->eval();
  for (auto& parameter : module->parameters()) parameter.requires_grad_(false);
  return module;
}

struct Recipe {
  std::filesystem::path folder;
  std::string base;
  std::string variant;
  Rename rename;
};

// `parse` reads the configuration, `summarize` says which tensors it means, Module is built from
// it.
template <class Module, class Parse, class Summarize>
Result<Module> load(const Recipe& recipe, Parse parse, Summarize summarize) {
  const auto file = recipe.folder / "config.json";
  const auto json = read_json_file(file);
  if (!json) return fail(json.error());
  const auto config = parse(*json, file.string());
  if (!config) return fail(config.error());
  const auto weights = io::SafetensorsFolder::read(recipe.folder, recipe.base, recipe.variant);
  if (!weights) return fail(weights.error());
  const auto where = recipe.folder.string();
  const auto checked =
      check_file(weights->tensors(), summarize(*config).tensors, where, recipe.rename);
  if (!checked) return fail(checked.error());
  return finish(Module(*config), weights->tensors(), where, recipe.rename);
}

}  // namespace

Result<Tensor> to_tensor(const io::TensorView& view, const std::string& where) {
  const auto type = scalar_type(view.dtype);
  if (!type)
    return fail(where,
                "the type " + std::string(io::dtype_name(view.dtype)) +
                    " is not one this engine computes with",
                "F32, F16, BF16 or F64");
  auto tensor = at::empty(view.shape, at::TensorOptions().dtype(type));
  if (!view.bytes.empty()) std::memcpy(tensor.data_ptr(), view.bytes.data(), view.bytes.size());
  return tensor;
}

Result<void> load_weights(torch::nn::Module& module, const io::TensorViews& tensors,
                          const std::string& where, const Rename& rename) {
  const auto entries = renamed(tensors, where, rename);
  if (!entries) return fail(entries.error());
  std::vector<arch::TensorSpec> expected;
  TensorMap targets;
  for (const auto& list : {module.named_parameters(), module.named_buffers()}) {
    for (const auto& item : list) {
      expected.push_back({item.key(), item.value().sizes().vec()});
      targets[item.key()] = item.value();
    }
  }
  const auto checked = arch::check_tensors(expected, shapes_of(*entries), where);
  if (!checked) return fail(checked.error());
  TensorMap sources;
  Failure failure;
  for (const auto& [name, entry] : *entries) {
    auto tensor = to_tensor(*entry.view, where + ": " + entry.file_name);
    if (!tensor) failure.add(tensor.error());
    if (tensor && !tensor->is_floating_point())
      failure.add(where + ": " + entry.file_name,
                  "the type is " + std::string(io::dtype_name(entry.view->dtype)),
                  "a floating-point type");
    else if (tensor && !at::isfinite(tensor->to(at::kFloat)).all().item<bool>())
      failure.add(where + ": " + entry.file_name, "values of this tensor are not finite",
                  "weights without NaN and infinity");
    if (tensor) sources[name] = *tensor;
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  const at::NoGradGuard no_grad;
  for (auto& [name, target] : targets) target.copy_(sources.at(name).view(target.sizes()));
  return {};
}

Result<Json> read_json_file(const std::filesystem::path& file) {
  const auto text = io::read_genuine_file(file, kConfigBytesMax);
  if (!text) return fail(text.error());
  return parse_python_json(*text, file.string());
}

Result<UNet> load_unet(const std::filesystem::path& folder, const std::string& variant) {
  return load<UNet>({folder, "diffusion_pytorch_model", variant, {}}, arch::unet_config_from_json,
                    [](const auto& config) { return arch::summarize_unet(config, {}); });
}

Result<Autoencoder> load_autoencoder(const std::filesystem::path& folder,
                                     const std::string& variant) {
  return load<Autoencoder>({folder, "diffusion_pytorch_model", variant, arch::vae_tensor_name},
                           arch::vae_config_from_json, [](const auto& config) {
                             return arch::summarize_vae(config, {}, arch::VaeHalf::kDecode);
                           });
}

Result<ClipText> load_clip_text(const std::filesystem::path& folder, const std::string& variant) {
  return load<ClipText>({folder, "model", variant, arch::text_tensor_name},
                        arch::clip_text_config_from_json, arch::summarize_clip_text);
}

Result<Clip> load_clip(const std::filesystem::path& folder, const std::string& variant) {
  return load<Clip>({folder, "model", variant, arch::clip_tensor_name}, arch::clip_config_from_json,
                    arch::summarize_clip);
}

Result<Vit> load_vit(const std::filesystem::path& folder) {
  return load<Vit>({folder, "model", {}, arch::vit_tensor_name}, arch::vit_config_from_json,
                   arch::summarize_vit);
}

}  // namespace isocost::diffusion
