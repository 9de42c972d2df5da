#include "experiments/grid/look.h"

#include <optional>
#include <system_error>

#include "base/check.h"
#include "base/io/atomic_file.h"
#include "base/io/genuine_file.h"
#include "base/io/hash_file.h"
#include "base/io/safetensors.h"
#include "base/io/torch_archive.h"
#include "base/json_reader.h"
#include "model_folder/model_folder.h"
#include "schema/arch/perceptual.h"
#include "schema/metrics/extractor.h"
#include "schema/spec.h"
#include "worker/diffusion/image/clip_preprocess.h"
#include "worker/diffusion/tokenizer/tokenizer.h"

namespace isocost::experiments {
namespace {

namespace fs = std::filesystem;

Result<Json> read_config(const fs::path& folder) {
  const auto file = folder / "config.json";
  const auto text = io::read_genuine_file(file, std::size_t{1} << 20);
  return text ? parse_json(*text, file.string()) : Result<Json>(fail(text.error()));
}

// `width`: of a network's features, which its rows are unless they are a number of a pair.
ExtractorLook of_any_size(const metrics::Extractor& row, std::int64_t width) {
  const std::int64_t columns = row.form_of_rows().columns;
  return {0, columns == 0 ? width : columns};
}

Result<ExtractorLook> look_at_mini(const fs::path& folder) {
  const auto file = folder / "config.json";
  const auto json = read_config(folder);
  if (!json) return fail(json.error());
  const std::string kind = json->is_object() && json->value("_class_name", Json()).is_string()
                               ? json->at("_class_name").get<std::string>()
                               : "";
  if (kind != "IsocostFeatureNetwork")
    return fail(file.string(), "this is no feature network of the mini family",
                "mini, a TorchScript file (.pt), or a CLIP folder");
  const auto weights = io::find_weight_files(folder, io::kTransformersBase);
  const auto infos =
      weights ? io::read_tensor_infos(*weights) : Result<io::TensorInfos>(fail(weights.error()));
  if (!infos) return fail(infos.error());
  ExtractorLook look;
  look.side = json->value("image_size", 0);
  look.columns = json->value("features", std::int64_t{0});
  return look;
}

// A CLIP folder; where texts are read the tokenizer too.
Result<ExtractorLook> look_at_clip(const fs::path& folder, const metrics::Extractor& row) {
  const auto model = arch::ModelFolder::open(folder);
  if (!model) return fail(model.error());
  if (!model->clip)
    return fail(folder.string(), "this is no CLIP folder",
                "config.json with text_config and vision_config, and its weights");
  Failure failure;
  if (const auto checked = model->check_weights(); !checked) failure.add(checked.error());
  const auto preprocess = diffusion::ClipPreprocess::load(folder);
  if (!preprocess) failure.add(preprocess.error());
  const auto& config = model->clip->config;
  if (preprocess) {
    if (const auto fits = preprocess->check_fit(config.vision.image_size, folder.string()); !fits)
      failure.add(fits.error());
  }
  if (row.reads_texts()) {
    const auto tokenizer = diffusion::Tokenizer::load_for(
        {config.text.max_position_embeddings, config.text.vocab_size}, folder);
    if (!tokenizer) failure.add(tokenizer.error());
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return of_any_size(row, config.projection_dim);
}

// A folder of a configuration and weights, checked against each other.
template <class Config>
Result<Config> look_at_network(const fs::path& folder,
                               Result<Config> (*parse)(const Json&, const std::string&),
                               std::vector<arch::TensorSpec> (*tensors)(const Config&),
                               std::string (*rename)(std::string_view)) {
  const auto json = read_config(folder);
  if (!json) return fail(json.error());
  auto config = parse(*json, (folder / "config.json").string());
  if (!config) return config;
  const auto weights = io::find_weight_files(folder, io::kTransformersBase);
  const auto infos =
      weights ? io::read_tensor_infos(*weights) : Result<io::TensorInfos>(fail(weights.error()));
  if (!infos) return fail(infos.error());
  arch::FoundTensors found;
  for (const auto& [name, info] : *infos)
    if (std::string ours = rename(name); !ours.empty()) found[std::move(ours)] = info.shape;
  const auto fits = arch::check_tensors(tensors(*config), found, folder.string());
  if (!fits) return fail(fits.error());
  return config;
}

Result<ExtractorLook> look_at_vit(const fs::path& folder, const metrics::Extractor& row) {
  const auto config = look_at_network<arch::VitConfig>(
      folder, arch::vit_config_from_json,
      [](const arch::VitConfig& some) { return arch::summarize_vit(some).tensors; },
      arch::vit_tensor_name);
  if (!config) return fail(config.error());
  return of_any_size(row, config->tower.hidden_size);
}

Result<ExtractorLook> look_at_perceptual(const fs::path& folder) {
  const auto config = look_at_network<arch::PerceptualConfig>(
      folder, arch::perceptual_config_from_json, arch::perceptual_tensors,
      [](std::string_view name) { return std::string(name); });
  if (!config) return fail(config.error());
  return ExtractorLook{0, 1};
}

std::optional<bool> remembered_look(const fs::path& entry) {
  if (entry.empty()) return std::nullopt;
  const auto text = io::read_file(entry, 1024);
  const auto json = text ? parse_json(*text, entry.string()) : Result<Json>(Json());
  if (!json || !json->is_boolean()) return std::nullopt;
  return json->get<bool>();
}

// A cache that cannot be written is no fault: the pictures are looked at again next time.
void remember_look(const fs::path& entry, bool is_any_changed) {
  if (entry.empty()) return;
  std::error_code error;
  fs::create_directories(entry.parent_path(), error);
  try {
    if (!error) io::write_file_atomically(entry, Json(is_any_changed).dump());
  } catch (const std::system_error&) {
    return;
  }
}

}  // namespace

Result<bool> look_at_items(const ItemsSpec& spec, const std::map<std::string, std::string>& more,
                           diffusion::PictureSize size, std::optional<std::int64_t> kept_margin,
                           const std::map<std::string, io::ItemColumn>& columns) {
  const auto find = [&](const std::string& digest) -> Result<io::ItemColumn> {
    const auto column = columns.find(digest);
    ISOCOST_CHECK(column != columns.end(), "whoever looks at items has asked for their folders");
    return column->second;
  };
  Json key = {{"items", to_json(spec)},
              {"more", more},
              {"height", size.height},
              {"width", size.width},
              {"numerics", kNumericsRevision}};
  if (kept_margin) key["kept_margin"] = *kept_margin;
  const auto cache = io::digest_cache_folder();
  const fs::path entry =
      cache ? cache->parent_path() / "items" / (canonical_digest(key).hex() + ".json") : fs::path();
  if (const auto known = remembered_look(entry)) return *known;
  const auto items = diffusion::ItemSet::open(spec, find, more);
  if (!items) return fail(items.error());
  auto is_any_changed = diffusion::check_items(*items, size, kept_margin);
  if (is_any_changed) remember_look(entry, *is_any_changed);
  return is_any_changed;
}

Result<ExtractorLook> look_at_extractor(const std::string& kind, const fs::path& path) {
  const auto* row = metrics::find_extractor(kind);
  ISOCOST_CHECK(row != nullptr, "a parsed extractor is one of the table");
  switch (row->form) {
    case metrics::Form::kTorchScript:
      if (const auto fits = io::check_torchscript(path); !fits) return fail(fits.error());
      return ExtractorLook{};
    case metrics::Form::kClipFolder:
      return look_at_clip(path, *row);
    case metrics::Form::kFeatureNetwork:
      return look_at_mini(path);
    case metrics::Form::kPerceptualFolder:
      return look_at_perceptual(path);
    case metrics::Form::kVitFolder:
      return look_at_vit(path, *row);
    case metrics::Form::kNothing:
      break;
  }
  return ExtractorLook{};
}

}  // namespace isocost::experiments
