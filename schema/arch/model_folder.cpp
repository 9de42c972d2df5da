#include "schema/arch/model_folder.h"

#include <set>

#include "schema/io/atomic_file.h"

namespace isocost::arch {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kJsonBytesMax = std::size_t{16} << 20;

Result<Json> read_json(const fs::path& file) {
  const auto text = io::read_file(file, kJsonBytesMax);
  if (!text) return fail(text.error());
  return parse_python_json(*text, file.string());
}

bool is_file(const fs::path& file);

// As older libraries save it, or transformers 5.
bool holds_tokenizer(const fs::path& folder) {
  return is_file(folder / "vocab.json") || is_file(folder / "tokenizer.json");
}

bool is_file(const fs::path& file) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored);
}

Result<WeightFiles> measured(std::vector<fs::path> files) {
  WeightFiles found{std::move(files), 0};
  Failure failure;
  for (const auto& file : found.files) {
    std::error_code error;
    const auto bytes = fs::file_size(file, error);
    if (error)
      failure.add(file.string(), "this file cannot be read: " + error.message(),
                  "a safetensors file");
    if (!error) found.bytes += bytes;
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return found;
}

Result<WeightFiles> indexed(const fs::path& index) {
  const auto json = read_json(index);
  if (!json) return fail(json.error());
  if (!json->is_object() || !json->contains("weight_map") || !json->at("weight_map").is_object())
    return fail(index.string(), "the member 'weight_map' is missing",
                "an object of tensor names and files");
  std::set<fs::path> files;
  for (const auto& [tensor, file] : json->at("weight_map").items()) {
    const bool is_plain =
        file.is_string() && fs::path(file.get<std::string>()).filename() == file.get<std::string>();
    if (!is_plain)
      return fail(index.string() + ": weight_map." + tensor,
                  "this names no file of the same folder", "a file name");
    files.insert(index.parent_path() / file.get<std::string>());
  }
  return measured({files.begin(), files.end()});
}

// The lone variant of a folder without plain files: BASE.<variant>.safetensors.
std::vector<fs::path> lone_variants(const fs::path& folder, const std::string& base) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const auto name = entry.path().filename().string();
    const bool is_variant = name.starts_with(base + ".") && name.ends_with(".safetensors");
    if (is_variant) found.push_back(entry.path());
  }
  return found;
}

class Opener {
 public:
  Opener(const fs::path& root, const std::string& variant) {
    model_.root = root;
    model_.variant = variant;
  }

  Result<ModelFolder> run() {
    std::error_code ignored;
    if (!fs::is_directory(model_.root, ignored))
      return fail(model_.root.string(), "this is no folder", "a model in the diffusers layout");
    if (is_file(model_.root / "config.json")) {
      open_clip();
    } else {
      open_components();
    }
    if (!failure_.is_empty()) return fail(std::move(failure_));
    const bool is_model = model_.unet || model_.vae || model_.text_encoder || model_.clip;
    if (!is_model)
      return fail(model_.root.string(), "there is no model in this folder",
                  "unet/config.json, vae/config.json, text_encoder/config.json, or a CLIP folder's "
                  "config.json");
    return std::move(model_);
  }

 private:
  void open_clip() {
    model_.clip = component<ClipConfig>(model_.root, "model", clip_config_from_json);
    if (holds_tokenizer(model_.root)) model_.tokenizer = model_.root;
  }

  void open_components() {
    read_index();
    model_.unet =
        optional_component<UNetConfig>("unet", "diffusion_pytorch_model", unet_config_from_json);
    model_.vae =
        optional_component<VaeConfig>("vae", "diffusion_pytorch_model", vae_config_from_json);
    model_.text_encoder =
        optional_component<ClipTextConfig>("text_encoder", "model", clip_text_config_from_json);
    if (holds_tokenizer(model_.root / "tokenizer")) model_.tokenizer = model_.root / "tokenizer";
    const auto scheduler = model_.root / "scheduler" / "scheduler_config.json";
    if (!is_file(scheduler)) return;
    auto json = read_json(scheduler);
    if (!json) {
      failure_.add(json.error());
    } else if (!json->is_object()) {
      failure_.add(scheduler.string(), "this is " + std::string(json->type_name()), "an object");
    } else {
      model_.scheduler_config = std::move(*json);
    }
  }

  // Components that model_index.json lists must be there; [null, null] says that one is absent.
  void read_index() {
    const auto file = model_.root / "model_index.json";
    if (!is_file(file)) return;
    const auto json = read_json(file);
    if (!json) {
      failure_.add(json.error());
      return;
    }
    if (!json->is_object()) {
      failure_.add(file.string(), "this is " + std::string(json->type_name()), "an object");
      return;
    }
    if (json->contains("_class_name") && json->at("_class_name").is_string())
      model_.pipeline_class = json->at("_class_name").get<std::string>();
    for (const char* name : {"unet", "vae", "text_encoder"}) {
      const bool is_listed = json->contains(name) && json->at(name).is_array() &&
                             !json->at(name).empty() && !json->at(name).front().is_null();
      if (is_listed && !is_file(model_.root / name / "config.json"))
        failure_.add((model_.root / name / "config.json").string(), "the file is missing",
                     "the configuration that model_index.json promises");
    }
  }

  template <class Config, class Parse>
  std::optional<Component<Config>> optional_component(const std::string& name,
                                                      const std::string& base, Parse parse) {
    if (!is_file(model_.root / name / "config.json")) return std::nullopt;
    return component<Config>(model_.root / name, base, parse);
  }

  template <class Config, class Parse>
  std::optional<Component<Config>> component(const fs::path& folder, const std::string& base,
                                             Parse parse) {
    const auto file = folder / "config.json";
    const auto json = read_json(file);
    if (!json) {
      failure_.add(json.error());
      return std::nullopt;
    }
    auto config = parse(*json, file.string());
    auto weights = find_weight_files(folder, base, model_.variant);
    if (!config) failure_.add(config.error());
    if (!weights) failure_.add(weights.error());
    if (!config || !weights) return std::nullopt;
    return Component<Config>{folder, std::move(*config), std::move(*weights)};
  }

  ModelFolder model_;
  Failure failure_;
};

}  // namespace

Result<WeightFiles> find_weight_files(const fs::path& folder, const std::string& base,
                                      const std::string& variant) {
  const auto dotted = variant.empty() ? std::string() : "." + variant;
  const auto single = folder / (base + dotted + ".safetensors");
  if (is_file(single)) return measured({single});
  const auto index = folder / (base + ".safetensors.index" + dotted + ".json");
  if (is_file(index)) return indexed(index);
  const auto variants = variant.empty() ? lone_variants(folder, base) : std::vector<fs::path>();
  if (variants.size() == 1) return measured(variants);
  const auto pickle = folder / (base + dotted + ".bin");
  if (is_file(pickle))
    return fail(
        pickle.string(), "weights come as a pickle alone, which could run code",
        "safetensors; diffusers' save_pretrained(..., safe_serialization=True) converts them");
  return fail(single.string(), "the weight file is missing",
              variants.empty() ? "this file, or its parts with an index"
                               : "this file, or a variant to be named: there are several");
}

Result<ModelFolder> ModelFolder::open(const fs::path& root, const std::string& variant) {
  return Opener(root, variant).run();
}

CallShape ModelFolder::default_call() const {
  CallShape call;
  if (unet) {
    call.height = unet->config.sample_height;
    call.width = unet->config.sample_width;
  }
  if (text_encoder) call.context_tokens = text_encoder->config.max_position_embeddings;
  return call;
}

std::uint64_t ModelFolder::weight_bytes() const {
  std::uint64_t total = 0;
  if (unet) total += unet->weights.bytes;
  if (vae) total += vae->weights.bytes;
  if (text_encoder) total += text_encoder->weights.bytes;
  if (clip) total += clip->weights.bytes;
  return total;
}

}  // namespace isocost::arch
