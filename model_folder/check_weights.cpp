// A model's weights against its configurations, by the headers of the files alone.
#include <functional>

#include "base/io/safetensors.h"
#include "model_folder/model_folder.h"

namespace isocost::arch {
namespace {

using Rename = std::function<std::string(std::string_view)>;

// What the engine widens to float32.
bool is_number_type(io::Dtype dtype) {
  switch (dtype) {
    case io::Dtype::kF16:
    case io::Dtype::kBf16:
    case io::Dtype::kF32:
    case io::Dtype::kF64:
    case io::Dtype::kF8E5M2:
    case io::Dtype::kF8E4M3:
      return true;
    default:
      return false;
  }
}

void check_component(const std::filesystem::path& folder, const io::WeightFiles& weights,
                     const NetworkSummary& network, const Rename& rename, Failure& failure) {
  const std::string where = folder.string();
  const auto infos = io::read_tensor_infos(weights);
  if (!infos) {
    failure.add(infos.error());
    return;
  }
  FoundTensors found;
  for (const auto& [file_name, info] : *infos) {
    const auto name = rename(file_name);
    if (name.empty()) continue;
    if (!found.emplace(name, info.shape).second)
      failure.add(where, "the tensor '" + file_name + "' is there under an older name too",
                  "one of them");
    if (!is_number_type(info.dtype))
      failure.add(where + ": " + file_name,
                  "the type is " + std::string(io::dtype_name(info.dtype)),
                  "F32, F16, BF16 or F64");
  }
  if (const auto checked = check_tensors(network.tensors, found, where); !checked)
    failure.add(checked.error());
}

// A file of another architecture would fill pages.
Failure shortened(Failure failure) {
  constexpr std::size_t kShownMax = 12;
  if (failure.errors.size() <= kShownMax) return failure;
  const std::size_t more = failure.errors.size() - kShownMax;
  const std::string where = failure.errors.back().where;
  failure.errors.resize(kShownMax);
  failure.add(where, "there are " + std::to_string(more) + " more such faults",
              "weights of this configuration");
  return failure;
}

std::string same_name(std::string_view name) { return std::string(name); }

}  // namespace

Result<void> ModelFolder::check_weights() const {
  Failure all;
  const auto check = [&](const auto& component, const NetworkSummary& network,
                         const Rename& rename) {
    Failure failure;
    check_component(component.folder, component.weights, network, rename, failure);
    all.add(shortened(std::move(failure)));
  };
  if (unet) check(*unet, summarize_unet(unet->config, {}), same_name);
  if (vae) check(*vae, summarize_vae(vae->config, {}, VaeHalf::kDecode), vae_tensor_name);
  if (text_encoder)
    check(*text_encoder, summarize_clip_text(text_encoder->config), text_tensor_name);
  if (clip) check(*clip, summarize_clip(clip->config), clip_tensor_name);
  if (!all.is_empty()) return fail(std::move(all));
  return {};
}

Result<void> check_fit(const UNetConfig& unet, const VaeConfig& vae, const ClipTextConfig& text,
                       const std::string& where) {
  Failure failure;
  const auto context = unet.context_width();
  if (context != 0 && context != text.tower.hidden_size)
    failure.add(where,
                "the text encoder's states are " + std::to_string(text.tower.hidden_size) + " wide",
                "the U-Net's cross_attention_dim, " + std::to_string(context));
  if (unet.out_channels != vae.latent_channels)
    failure.add(where, "the U-Net gives " + std::to_string(unet.out_channels) + " channels",
                "the autoencoder's latent_channels, " + std::to_string(vae.latent_channels));
  if (!failure.is_empty()) return fail(std::move(failure));
  return {};
}

}  // namespace isocost::arch
