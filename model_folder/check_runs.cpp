#include "model_folder/check_runs.h"

#include <algorithm>

namespace isocost::arch {
namespace {

// The first whose word stands in the class's name.
struct Purpose {
  std::string_view word;
  std::string_view purpose;
};
constexpr Purpose kPurposes[] = {
    {"InstructPix2Pix", "editing by instructions"},
    {"Inpaint", "inpainting"},
    {"Upscale", "super-resolution"},
    {"SuperResolution", "super-resolution"},
    {"Depth2Img", "pictures from pictures and their depth"},
    {"ControlNet", "pictures that a control network guides"},
    {"Adapter", "pictures that an adapter guides"},
    {"Video", "videos"},
    {"AnimateDiff", "videos"},
    {"Audio", "sound"},
    {"ImageVariation", "variations of a picture"},
    {"UnCLIP", "pictures from CLIP's picture embeddings"},
    {"Unclip", "pictures from CLIP's picture embeddings"},
    {"StableDiffusionXL", "text-to-image with two text encoders and sizes beside the prompt"},
    {"StableDiffusion3", "text-to-image with a transformer and three text encoders"},
    {"Flux", "text-to-image with a transformer"},
    {"PixArt", "text-to-image with a transformer"},
    {"LatentConsistency", "text-to-image with guidance as an input of the network"},
    {"PAG", "text-to-image with perturbed attention"},
    {"Img2Img", "pictures from pictures"},
};

// What a U-Net that takes more channels than the latents have is for, and what they hold.
std::string purpose_of_channels(std::int64_t channels, std::int64_t latent) {
  if (channels == 2 * latent + 1) return "inpainting (latents, a mask and a masked picture)";
  if (channels == 2 * latent)
    return "editing by instructions or super-resolution (latents and those of a picture)";
  if (channels == latent + 3) return "super-resolution (latents and a small picture)";
  if (channels == latent + 1) return "pictures from depth (latents and a depth map)";
  return {};
}

const std::vector<std::string>& tokenizer_classes() {
  static const std::vector<std::string> kClasses = {"CLIPTokenizer", "CLIPTokenizerFast"};
  return kClasses;
}

// What a component must be as model_index.json names it: [library, class].
struct ComponentClass {
  std::string_view component;
  std::vector<std::string> classes;  // empty: any
};
const std::vector<ComponentClass>& component_classes() {
  static const std::vector<ComponentClass> kClasses = {{"unet", {"UNet2DConditionModel"}},
                                                       {"vae", {"AutoencoderKL"}},
                                                       {"text_encoder", {"CLIPTextModel"}},
                                                       {"tokenizer", tokenizer_classes()},
                                                       {"scheduler", {}},
                                                       {"low_res_scheduler", {}}};
  return kClasses;
}

std::string either(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  return text;
}

class FolderCheck {
 public:
  FolderCheck(const ModelFolder& model, const tasks::TaskKind& task) : model_(model), task_(task) {}

  Failure run() {
    if (model_.index.is_object())
      check_class();
    else
      check_without_index();
    for (const auto& component : component_classes()) check_component(component);
    if (model_.unet && model_.vae && model_.text_encoder) {
      const auto fits = check_networks({model_.unet->config, model_.vae->config,
                                        model_.text_encoder->config, model_.root.string()},
                                       task_);
      if (!fits) failure_.add(fits.error());
    }
    return std::move(failure_);
  }

 private:
  [[nodiscard]] std::string index_file() const {
    return (model_.root / "model_index.json").string();
  }

  void check_class() {
    const auto at = model_.index.find("_class_name");
    const std::string expected = "for " + task_.name + " " + either(task_.pipelines);
    if (at == model_.index.end() || !at->is_string()) {
      failure_.add(index_file(),
                   at == model_.index.end() ? "it names no pipeline class (_class_name)"
                   : at->is_array()         ? "its pipeline is a program of its own"
                                            : "its _class_name is " + canonical(*at).substr(0, 60),
                   expected);
      return;
    }
    const auto name = at->get<std::string>();
    const auto& known = task_.pipelines;
    if (std::find(known.begin(), known.end(), name) != known.end()) return;
    const auto purpose = purpose_of(name);
    failure_.add(
        index_file(),
        "the pipeline " + name.substr(0, 80) +
            (purpose.empty() ? " does not do " + task_.name : " is for " + std::string(purpose)),
        expected);
  }

  // Nobody says which of the folder's parts are meant, so nothing may be left over.
  void check_without_index() {
    for (const auto& [folder, what] : model_.second_parts)
      if (!is_read(folder))
        failure_.add((model_.root / folder).string(),
                     "there is " + what + ", which " + task_.name + " does not read",
                     "a model_index.json that says " + either(task_.pipelines) + ", or none");
    const auto& kinds = tokenizer_classes();
    const std::string& tokenizer = model_.tokenizer_class;
    if (!tokenizer.empty() && std::find(kinds.begin(), kinds.end(), tokenizer) == kinds.end())
      failure_.add((*model_.tokenizer / "tokenizer_config.json").string(),
                   "the tokenizer_class is " + tokenizer.substr(0, 80), either(kinds));
    const auto& text = model_.text_encoder;
    if (!text) return;
    const std::string& type = text->config.model_type;
    if (!type.empty() && type != "clip_text_model" && type != "clip")
      failure_.add((text->folder / "config.json").string(), "the model_type is " + type,
                   "clip_text_model");
  }

  [[nodiscard]] bool is_read(const std::string& component) const {
    const auto& needed = task_.components;
    return component == "scheduler" ||
           std::find(needed.begin(), needed.end(), component) != needed.end();
  }

  void check_component(const ComponentClass& one) {
    const std::string name(one.component);
    if (!is_read(name)) return;
    const Json listed = model_.index.is_object() ? model_.index.value(name, Json()) : Json();
    const bool is_pair = listed.is_array() && listed.size() == 2;
    const bool is_absent = is_pair && listed[1].is_null();
    if (is_absent) {
      failure_.add(index_file(), "it says that there is no " + name, missing_part(name));
      return;
    }
    // A network that the index lists and nobody finds is told by who opens the folder.
    const bool is_network = name == "unet" || name == "vae" || name == "text_encoder";
    const bool is_told = is_pair && is_network;
    if (!model_.found.contains(name) && !is_told)
      failure_.add(model_.root.string(), "there is no " + name, missing_part(name));
    if (listed.is_null()) return;
    if (!is_pair || !listed[1].is_string()) {
      failure_.add(index_file() + "." + name, "this is " + canonical(listed).substr(0, 60),
                   "a library and a class");
      return;
    }
    const auto found = listed[1].get<std::string>();
    const bool fits = one.classes.empty() ||
                      std::find(one.classes.begin(), one.classes.end(), found) != one.classes.end();
    if (!fits)
      failure_.add(index_file() + "." + name, "this is a " + found.substr(0, 80),
                   "a " + either(one.classes));
  }

  static std::string missing_part(const std::string& name) {
    if (name == "tokenizer") return "tokenizer/vocab.json or tokenizer/tokenizer.json";
    if (name == "scheduler" || name == "low_res_scheduler") return name + "/scheduler_config.json";
    return name + "/config.json and its weights";
  }

  const ModelFolder& model_;
  const tasks::TaskKind& task_;
  Failure failure_;
};

void check_channels(const Networks& networks, const tasks::TaskKind& task, Failure& failure) {
  const auto latent = networks.vae.latent_channels;
  const auto expected = task.input_channels(latent);
  const auto found = networks.unet.in_channels;
  if (std::find(expected.begin(), expected.end(), found) == expected.end()) {
    std::vector<std::string> numbers;
    numbers.reserve(expected.size());
    for (const auto channels : expected) numbers.push_back(std::to_string(channels));
    const auto purpose = purpose_of_channels(found, latent);
    failure.add(networks.where + "/unet/config.json.in_channels",
                "the U-Net takes " + std::to_string(found) + " channels" +
                    (purpose.empty() ? "" : ", as models for " + purpose + " do"),
                either(numbers) + " for " + task.name +
                    ", the autoencoder's latent_channels being " + std::to_string(latent));
  }
  constexpr std::int64_t kColours = 3;
  if (networks.vae.out_channels != kColours)
    failure.add(networks.where + "/vae/config.json.out_channels",
                "the autoencoder gives pictures of " + std::to_string(networks.vae.out_channels) +
                    " channels",
                "3: red, green, blue");
}

void check_extras(const Networks& networks, const tasks::TaskKind& task, Failure& failure) {
  const auto& unet = networks.unet;
  const std::string where = networks.where + "/unet/config.json.";
  if (unet.num_class_embeds > 0 && !task.gives_class_labels)
    failure.add(
        where + "num_class_embeds",
        "the U-Net asks for a class beside the prompt, as upscalers do for the level of noise",
        "null for " + task.name);
  if (unet.has_text_time)
    failure.add(where + "addition_embed_type",
                "the U-Net asks for sizes and a second text encoder's state beside the prompt, as "
                "SDXL does",
                "null for " + task.name);
}

}  // namespace

Result<void> check_networks(const Networks& networks, const tasks::TaskKind& task) {
  Failure failure;
  check_channels(networks, task, failure);
  check_extras(networks, task, failure);
  const auto fits = check_fit(networks.unet, networks.vae, networks.text, networks.where);
  if (!fits) failure.add(fits.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  return {};
}

Result<void> check_runs(const ModelFolder& model, const tasks::TaskKind& task) {
  auto failure = FolderCheck(model, task).run();
  if (!failure.is_empty()) return fail(std::move(failure));
  return {};
}

std::string_view purpose_of(std::string_view pipeline_class) {
  for (const auto& [word, purpose] : kPurposes)
    if (pipeline_class.find(word) != std::string_view::npos) return purpose;
  return {};
}

}  // namespace isocost::arch
