#include "worker/diffusion/tasks/pictures.h"
#include "worker/diffusion/tokenizer/tokenizer.h"
#include "worker/diffusion/verify/items.h"

namespace isocost::diffusion {
namespace {

std::filesystem::path component_folder(const VerifyContext& context, const Json& unit,
                                       const std::string& fallback) {
  const auto name = text_of(unit, "component");
  return context.model.root /
         (name.empty() ? fallback : std::filesystem::path(name).filename().string());
}

// As a pipeline of this variant would load the component.
std::string variant_of(const VerifyContext& context, const std::filesystem::path& component) {
  const std::string& variant = context.model.variant;
  return !variant.empty() && io::asks_for_variant(component, variant) ? variant : std::string();
}

Tensor on(const VerifyContext& context, const Tensor& tensor) {
  return tensor.defined() ? tensor.to(context.options.device) : tensor;
}

Result<ItemResult> tokenizer_unit(const VerifyContext& context, const Json& unit, Taken& take) {
  const auto prompts = take.texts("prompts");
  if (!take.ok()) return fail(take.failure());
  const auto tokenizer = Tokenizer::load(component_folder(context, unit, "tokenizer"));
  if (!tokenizer) return fail(tokenizer.error());
  return ItemResult{{{"input_ids", ids_of_texts(*tokenizer, prompts)}}, {}};
}

// The last hidden state, the pooled row or its projection, and the earlier states that the entry
// asks for.
Result<ItemResult> text_unit(const VerifyContext& context, const Json& unit, Taken& take) {
  const auto ids = on(context, take.tensor("inputs", "input_ids"));
  if (!take.ok()) return fail(take.failure());
  const auto folder = component_folder(context, unit, "text_encoder");
  auto encoder = load_clip_text(folder, variant_of(context, folder));
  if (!encoder) return fail(encoder.error());
  (*encoder)->to(context.options.device);
  const auto text = (*encoder)->forward(ids);
  ItemResult result;
  result.outputs = {{"last_hidden_state", text.last_hidden_state}, {"pooled", text.pooled}};
  if ((*encoder)->text_projection)
    result.outputs["text_embeds"] = (*encoder)->text_projection(text.pooled);
  const auto states = static_cast<std::int64_t>(text.hidden_states.size());
  for (std::int64_t skip = 1; skip < states; ++skip) {
    const auto& state = text.hidden_states[static_cast<std::size_t>(states - 1 - skip)];
    result.outputs["clip_skip_" + std::to_string(skip)] =
        (*encoder)->text_model->final_layer_norm(state);
    result.outputs["hidden_states_-" + std::to_string(skip + 1)] = state;
  }
  return result;
}

Result<ItemResult> unet_unit(const VerifyContext& context, const Json& unit, Taken& take) {
  const auto sample = on(context, take.tensor("inputs", "sample"));
  const auto text = on(context, take.tensor("inputs", "encoder_hidden_states"));
  UNetExtras extras;
  if (take.has("inputs", "class_labels"))
    extras.class_labels = on(context, take.tensor("inputs", "class_labels"));
  if (take.has("inputs", "text_embeds"))
    extras.text_embeds = on(context, take.tensor("inputs", "text_embeds"));
  if (take.has("inputs", "time_ids"))
    extras.time_ids = on(context, take.tensor("inputs", "time_ids"));
  const Json& timesteps = take.option("timesteps");
  if (!timesteps.is_array()) take.fault("with.timesteps is missing", "a list of numbers");
  if (!take.ok()) return fail(take.failure());
  const auto folder = component_folder(context, unit, "unet");
  auto unet = load_unet(folder, variant_of(context, folder));
  if (!unet) return fail(unet.error());
  if (!is_picture(sample, "sample", -1, (*unet)->config.in_channels, take))
    return fail(take.failure());
  if (text.dim() != 3 || text.size(0) != sample.size(0))
    return fail(take.where(), c10::str("encoder_hidden_states has shape ", text.sizes()),
                "[" + std::to_string(sample.size(0)) + ", tokens, width]");
  (*unet)->to(context.options.device);
  ItemResult result;
  for (const Json& timestep : timesteps) {
    if (!timestep.is_number()) return fail(take.where(), "a timestep is no number", "numbers");
    const auto t = at::full({sample.size(0)}, timestep.get<double>(), sample.options());
    result.outputs["out_t" + timestep.dump()] = (*unet)->forward(sample, t, text, extras);
  }
  return result;
}

Result<ItemResult> vae_unit(const VerifyContext& context, const Json& unit, Taken& take) {
  const bool has_image = take.has("inputs", "image");
  const bool has_latent = take.has("inputs", "z");
  const auto image = has_image ? on(context, take.tensor("inputs", "image")) : Tensor();
  const auto z = has_latent ? on(context, take.tensor("inputs", "z")) : Tensor();
  if (!take.ok()) return fail(take.failure());
  const auto folder = component_folder(context, unit, "vae");
  auto vae = load_autoencoder(folder, variant_of(context, folder));
  if (!vae) return fail(vae.error());
  const auto& config = (*vae)->config;
  const bool fits = (!has_image || is_picture(image, "image", -1, config.in_channels, take)) &&
                    (!has_latent || is_picture(z, "z", -1, config.latent_channels, take));
  if (!fits) return fail(take.failure());
  (*vae)->to(context.options.device);
  ItemResult result;
  if (has_image) {
    const auto posterior = (*vae)->encode(image);
    result.outputs["mean"] = posterior.mean;
    result.outputs["logvar"] = posterior.logvar;
  }
  if (has_latent) result.outputs["decoded"] = (*vae)->decode(z);
  return result;
}

// How super-resolution by concatenation makes channels of a small picture.
Result<ItemResult> concat_unit(const VerifyContext& context, const Json& unit, Taken& take) {
  const auto low_res = take.tensor("inputs", "low_res");
  const Json& height = take.option("height");
  const Json& width = take.option("width");
  const auto is_side = [](const Json& side) {
    return side.is_number_unsigned() && side.get<std::uint64_t>() >= 1 &&
           side.get<std::uint64_t>() <= 8192;
  };
  if (!is_side(height) || !is_side(width))
    take.fault("with.height and with.width are " + canonical(height) + " and " + canonical(width),
               "whole numbers from 1 to 8192");
  if (!take.ok()) return fail(take.failure());
  const auto folder = component_folder(context, unit, "vae");
  auto vae = load_autoencoder(folder, variant_of(context, folder));
  if (!vae) return fail(vae.error());
  const auto& config = (*vae)->config;
  if (!is_picture(low_res, "low_res", -1, config.in_channels, take)) return fail(take.failure());
  (*vae)->to(context.options.device);
  const auto enlarged =
      resized_bicubic(low_res, height.get<std::int64_t>(), width.get<std::int64_t>());
  const auto posterior = (*vae)->encode(on(context, signed_pictures(enlarged)));
  return ItemResult{
      {{"enlarged", enlarged}, {"low_res_latents", config.scaling_factor * posterior.mean}}, {}};
}

}  // namespace

Result<ItemResult> compute_unit(const VerifyContext& context, const Json& unit, Taken& take) {
  const auto kind = text_of(unit, "kind");
  if (kind == "tokenizer") return tokenizer_unit(context, unit, take);
  if (kind == "text") return text_unit(context, unit, take);
  if (kind == "unet") return unet_unit(context, unit, take);
  if (kind == "vae") return vae_unit(context, unit, take);
  if (kind == "concat") return concat_unit(context, unit, take);
  return ItemResult{{},
                    NotBuilt{"units of kind '" + kind + "' are not built yet",
                             "tokenizer, text, unet, vae, concat"}};
}

bool is_picture(const Tensor& tensor, const std::string& name, std::int64_t batch,
                std::int64_t channels, Taken& take) {
  const bool fits = tensor.dim() == 4 && (batch < 0 || tensor.size(0) == batch) &&
                    tensor.size(1) == channels && tensor.numel() > 0;
  if (!fits)
    take.fault(c10::str(name, " has shape ", tensor.sizes()),
               (batch < 0 ? "[any number, " : "[" + std::to_string(batch) + ", ") +
                   std::to_string(channels) + ", height, width]");
  return fits;
}

Tensor ids_of_texts(const Tokenizer& tokenizer, const std::vector<std::string>& texts) {
  std::vector<Tensor> rows;
  rows.reserve(texts.size());
  for (const auto& text : texts) rows.push_back(at::tensor(tokenizer.encode(text)));
  return at::stack(rows);
}

}  // namespace isocost::diffusion
