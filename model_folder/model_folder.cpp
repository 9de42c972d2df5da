#include "model_folder/model_folder.h"

#include <algorithm>
#include <set>

#include "base/io/clip_files.h"
#include "base/io/genuine_file.h"
#include "base/io/presence.h"
#include "model_folder/single_file.h"
#include "schema/arch/config_keys.h"

namespace isocost::arch {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kJsonBytesMax = std::size_t{16} << 20;

Result<Json> read_json(const fs::path& file) {
  const auto text = io::read_genuine_file(file, kJsonBytesMax);
  if (!text) return fail(text.error());
  return parse_python_json(*text, file.string());
}

bool is_variant_name(const std::string& variant) {
  return std::all_of(variant.begin(), variant.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

class Opener {
 public:
  Opener(const fs::path& root, const std::string& variant) {
    model_.root = root;
    model_.variant = variant;
  }

  ModelLook run() {
    if (may_begin()) read();
    return {std::move(model_), std::move(failure_)};
  }

 private:
  bool may_begin() {
    if (const auto single = single_file_fault(model_.root)) {
      failure_.errors.push_back(*single);
      return false;
    }
    const auto is_there = io::has_folder(model_.root);
    if (!is_there) {
      failure_.add(is_there.error());
    } else if (!*is_there) {
      failure_.add(model_.root.string(), "this folder is missing",
                   "a model in the diffusers layout");
    } else if (!is_variant_name(model_.variant)) {
      failure_.add("variant", "'" + model_.variant + "' is no name of a variant",
                   "a name such as fp16");
    }
    return failure_.is_empty();
  }

  void read() {
    if (has(model_.root / "config.json")) {
      open_clip();
    } else {
      open_components();
    }
    const bool is_model = model_.unet || model_.vae || model_.text_encoder || model_.clip;
    if (is_model || !failure_.is_empty()) return;
    if (const auto single = single_file_in(model_.root))
      failure_.errors.push_back(*single);
    else
      failure_.add(model_.root.string(), "there is no model in this folder",
                   "unet/config.json, vae/config.json, text_encoder/config.json, or a CLIP "
                   "folder's config.json");
  }

  void open_clip() {
    model_.clip = component<ClipConfig>(model_.root, io::kTransformersBase, model_.variant,
                                        clip_config_from_json);
    find_tokenizer(model_.root);
  }

  // Whether a file is there; one that is and cannot be read is a fault.
  bool has(const fs::path& file) {
    const auto is_there = io::has_file(file);
    if (!is_there) failure_.add(is_there.error());
    return is_there && *is_there;
  }

  void find_tokenizer(const fs::path& folder) {
    const auto files = io::find_tokenizer_files(folder);
    if (!files) failure_.add(files.error());
    if (!files || !*files) return;
    model_.tokenizer = folder;
    model_.found.insert("tokenizer");
    const auto settings = folder / "tokenizer_config.json";
    const auto is_there = io::has_file(settings);
    if (!is_there || !*is_there) return;  // what is wrong with it is told by who loads it
    const auto json = read_json(settings);
    if (json && json->is_object() && json->value("tokenizer_class", Json()).is_string())
      model_.tokenizer_class = json->at("tokenizer_class").get<std::string>();
  }

  void open_components() {
    read_index();
    check_variant();
    find_second_parts();
    model_.unet = optional_component<UNetConfig>("unet", io::kDiffusersBase, unet_config_from_json);
    model_.vae = optional_component<VaeConfig>("vae", io::kDiffusersBase, vae_config_from_json);
    model_.text_encoder = optional_component<ClipTextConfig>("text_encoder", io::kTransformersBase,
                                                             clip_text_config_from_json);
    if (!is_absent("tokenizer")) find_tokenizer(model_.root / "tokenizer");
    read_scheduler("scheduler", model_.scheduler_config);
    read_scheduler("low_res_scheduler", model_.low_res_scheduler_config);
  }

  void read_scheduler(const std::string& component, Json& into) {
    const auto file = model_.root / component / "scheduler_config.json";
    if (is_absent(component) || !has(file)) return;
    model_.found.insert(component);
    auto json = read_json(file);
    if (!json) {
      failure_.add(json.error());
    } else if (!json->is_object()) {
      failure_.add(file.string(), "this is " + std::string(json->type_name()), "an object");
    } else {
      into = std::move(*json);
    }
  }

  // Components that model_index.json lists must be there; [null, null] says that one is absent.
  void read_index() {
    const auto file = model_.root / "model_index.json";
    if (!has(file)) return;
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
    model_.index = *json;
    for (const char* name : {"unet", "vae", "text_encoder"}) {
      const bool is_listed = json->contains(name) && json->at(name).is_array() &&
                             !json->at(name).empty() && !json->at(name).front().is_null();
      if (is_listed && !has(model_.root / name / "config.json") && failure_.is_empty())
        failure_.add((model_.root / name / "config.json").string(), "the file is missing",
                     "the configuration that model_index.json promises");
    }
  }

  // [null, null], whatever lies in its folder.
  [[nodiscard]] bool is_absent(const std::string& component) const {
    return model_.index.is_object() &&
           model_.index.value(component, Json()) == Json::array({nullptr, nullptr});
  }

  void find_second_parts() {
    static const std::pair<const char*, const char*> kParts[] = {
        {"text_encoder_2", "a second text encoder"},
        {"text_encoder_3", "a third text encoder"},
        {"tokenizer_2", "a second tokenizer"},
        {"tokenizer_3", "a third tokenizer"},
        {"low_res_scheduler", "a scheduler of small pictures"},
        {"transformer", "a transformer"},
        {"prior", "a prior"},
        {"controlnet", "a control network"}};
    for (const auto& [folder, what] : kParts) {
      const auto is_there = io::has_folder(model_.root / folder);
      if (!is_there) failure_.add(is_there.error());
      if (is_there && *is_there) model_.second_parts.emplace_back(folder, what);
    }
  }

  // As diffusers does, a variant that no component has is refused, and not loaded without.
  void check_variant() {
    if (model_.variant.empty()) return;
    std::set<std::string> others;
    for (const char* name : {"unet", "vae", "text_encoder"}) {
      const auto folder = model_.root / name;
      if (io::asks_for_variant(folder, model_.variant)) return;
      for (const char* base : {io::kDiffusersBase, io::kTransformersBase})
        for (auto& other : io::weight_variants(folder, base)) others.insert(std::move(other));
    }
    std::string expected;
    for (const std::string& other : others) expected += (expected.empty() ? "" : ", ") + other;
    failure_.add(model_.root.string(), "no component has the variant '" + model_.variant + "'",
                 expected.empty() ? "no variant: there is none here" : "one of: " + expected);
  }

  template <class Config, class Parse>
  std::optional<Component<Config>> optional_component(const std::string& name,
                                                      const std::string& base, Parse parse) {
    const auto folder = model_.root / name;
    if (is_absent(name) || !has(folder / "config.json")) return std::nullopt;
    model_.found.insert(name);
    const bool is_asked = !model_.variant.empty() && io::asks_for_variant(folder, model_.variant);
    return component<Config>(folder, base, is_asked ? model_.variant : "", parse);
  }

  template <class Config, class Parse>
  std::optional<Component<Config>> component(const fs::path& folder, const std::string& base,
                                             const std::string& variant, Parse parse) {
    const auto file = folder / "config.json";
    const auto json = read_json(file);
    if (!json) {
      failure_.add(json.error());
      return std::nullopt;
    }
    auto config = parse(*json, file.string());
    auto weights = io::find_weight_files(folder, base, variant);
    if (!config) failure_.add(config.error());
    if (!weights) failure_.add(weights.error());
    if (!config || !weights) return std::nullopt;
    return Component<Config>{folder, std::move(*config), std::move(*weights)};
  }

  ModelFolder model_;
  Failure failure_;
};

}  // namespace

Result<ModelFolder> ModelFolder::open(const fs::path& root, const std::string& variant) {
  auto look = look_at_model(root, variant);
  if (!look.failure.is_empty()) return fail(std::move(look.failure));
  return std::move(look.model);
}

ModelLook look_at_model(const fs::path& root, const std::string& variant) {
  return Opener(root, variant).run();
}

std::vector<std::pair<std::string, std::vector<std::string>>> ModelFolder::unknown_keys() const {
  std::vector<std::pair<std::string, std::vector<std::string>>> named;
  const auto add = [&](const std::string& file, std::vector<std::string> keys) {
    if (!keys.empty()) named.emplace_back(file, std::move(keys));
  };
  if (index.is_object()) add("model_index.json", unknown_pipeline_members(index));
  if (unet) add("unet/config.json", unet->config.unknown_keys);
  if (vae) add("vae/config.json", vae->config.unknown_keys);
  if (text_encoder) add("text_encoder/config.json", text_encoder->config.unknown_keys);
  if (scheduler_config.is_object())
    add("scheduler/scheduler_config.json", unknown_scheduler_keys(scheduler_config));
  if (clip) add("config.json", clip->config.unknown_keys);
  return named;
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
