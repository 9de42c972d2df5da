#include "schema/arch/config.h"
#include "schema/arch/config_reader.h"

namespace isocost::arch {
namespace {

struct TowerDefaults {
  std::int64_t hidden_size;
  std::int64_t intermediate_size;
  std::int64_t heads;
  std::string hidden_act = "quick_gelu";
  double layer_norm_eps = 1e-5;
};

ClipTowerConfig read_tower(JsonReader& reader, const TowerDefaults& defaults) {
  ClipTowerConfig tower;
  tower.hidden_size = bounded(reader, "hidden_size", defaults.hidden_size, 1, kWidthMax);
  tower.intermediate_size =
      bounded(reader, "intermediate_size", defaults.intermediate_size, 1, kWidthMax);
  tower.num_hidden_layers = bounded(reader, "num_hidden_layers", 12, 1, kLayersMax);
  tower.num_attention_heads = bounded(reader, "num_attention_heads", defaults.heads, 1, kWidthMax);
  tower.layer_norm_eps = positive(reader, "layer_norm_eps", defaults.layer_norm_eps);
  tower.projection_dim = bounded(reader, "projection_dim", 512, 1, kWidthMax);
  supported(reader, "hidden_act", {"quick_gelu", "gelu"});
  tower.hidden_act = reader.get_or<std::string>("hidden_act", defaults.hidden_act);
  if (tower.hidden_size % tower.num_attention_heads != 0)
    reader.fault("num_attention_heads", "these are " + std::to_string(tower.num_attention_heads),
                 "a divisor of hidden_size, " + std::to_string(tower.hidden_size));
  return tower;
}

ClipTextConfig read_text(JsonReader& reader) {
  ClipTextConfig config;
  config.tower = read_tower(reader, {512, 2048, 8});
  config.vocab_size = bounded(reader, "vocab_size", 49408, 1, kVocabularyMax);
  config.max_position_embeddings = bounded(reader, "max_position_embeddings", 77, 1, kWidthMax);
  config.eos_token_id = bounded(reader, "eos_token_id", 49407, 0, kVocabularyMax);
  supported(reader, "use_attention_mask", {Json(false)});
  if (reader.raw("model_type").is_string())
    config.model_type = reader.get<std::string>("model_type");
  return config;
}

ClipVisionConfig read_vision(JsonReader& reader) {
  ClipVisionConfig config;
  config.tower = read_tower(reader, {768, 3072, 12});
  config.image_size = bounded(reader, "image_size", 224, 1, 4096);
  config.patch_size = bounded(reader, "patch_size", 32, 1, 4096);
  config.num_channels = bounded(reader, "num_channels", 3, 1, 64);
  if (config.image_size < config.patch_size)
    reader.fault("patch_size", "this is larger than the picture", "at most image_size");
  return config;
}

struct Half {
  std::string member;
  const Json* json;
};

// Older files say a tower in text_config_dict, too or instead; transformers lays it, with its own
// defaults, over text_config. None at all is the class's defaults.
Half half_of(JsonReader& reader, const std::string& member) {
  static const Json kDefaults = Json::object();
  const std::string older = member + "_dict";
  const Json &said = reader.raw(member), &said_before = reader.raw(older);
  if (!said_before.is_null()) return {older, &said_before};
  return {member, said.is_null() ? &kDefaults : &said};
}

}  // namespace

Result<ClipTextConfig> clip_text_config_from_json(const Json& json, const std::string& where) {
  // A CLIPModel's file holds the text half under text_config.
  if (json.is_object() && json.contains("text_config"))
    return clip_text_config_from_json(json.at("text_config"), where + ".text_config");
  JsonReader reader(json, where);
  ClipTextConfig config = read_text(reader);
  const auto names = reader.get_or<std::vector<std::string>>("architectures", {});
  config.has_projection = !names.empty() && names.front() == "CLIPTextModelWithProjection";
  config.unknown_keys = unknown_keys(reader, ConfigFile::kClipText);
  if (!reader.ok()) return fail(reader.take());
  return config;
}

Result<ClipConfig> clip_config_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  ClipConfig config;
  config.projection_dim = bounded(reader, "projection_dim", 512, 1, kWidthMax);
  const Half text_half = half_of(reader, "text_config");
  const Half vision_half = half_of(reader, "vision_config");
  JsonReader text(*text_half.json, where + "." + text_half.member);
  JsonReader vision(*vision_half.json, where + "." + vision_half.member);
  config.text = read_text(text);
  config.vision = read_vision(vision);
  config.text.has_projection = true;
  config.text.tower.projection_dim = config.vision.tower.projection_dim = config.projection_dim;
  config.unknown_keys = unknown_keys(reader, ConfigFile::kClip);
  for (const auto& key : unknown_keys(text, ConfigFile::kClipText))
    config.unknown_keys.push_back(text_half.member + "." + key);
  for (const auto& key : unknown_keys(vision, ConfigFile::kClipVision))
    config.unknown_keys.push_back(vision_half.member + "." + key);
  Failure failure = reader.take();
  failure.add(text.take());
  failure.add(vision.take());
  if (!failure.is_empty()) return fail(std::move(failure));
  return config;
}

Result<VitConfig> vit_config_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  VitConfig config;
  if (reader.get_or<std::string>("model_type", "") != "vit")
    reader.fault("model_type", "this is " + canonical(reader.raw("model_type")).substr(0, 60),
                 "\"vit\": a ViT of transformers, as facebook/dino-vits16");
  config.tower = read_tower(reader, {768, 3072, 12, "gelu", 1e-12});
  config.image_size = bounded(reader, "image_size", 224, 1, 4096);
  config.patch_size = bounded(reader, "patch_size", 16, 1, 4096);
  config.num_channels = bounded(reader, "num_channels", 3, 3, 3);
  supported(reader, "qkv_bias", {Json(true)});
  if (config.image_size < config.patch_size)
    reader.fault("patch_size", "this is larger than the picture", "at most image_size");
  if (!reader.ok()) return fail(reader.take());
  return config;
}

}  // namespace isocost::arch
