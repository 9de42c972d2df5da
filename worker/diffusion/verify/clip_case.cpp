#include "worker/diffusion/image/clip_preprocess.h"
#include "worker/diffusion/image/tensors/picture_tensor.h"
#include "worker/diffusion/verify/items.h"

namespace isocost::diffusion {
namespace {

struct Pictures {
  std::vector<Tensor> cropped;  // uint8 [3, H, W]
  Tensor pixels;                // [B, 3, H, W]
};

// Pictures lie in the reference's own folder; a name that leads elsewhere is refused.
Result<Pictures> read_pictures(const VerifyContext& context, Taken& take) {
  const auto preprocess = ClipPreprocess::load(context.model.root);
  if (!preprocess) return fail(preprocess.error());
  Pictures pictures;
  std::vector<Tensor> rows;
  for (const auto& name : take.texts("pictures")) {
    if (std::filesystem::path(name).filename() != name)
      return fail(take.where(), "'" + name + "' is no file of the reference's folder",
                  "a file name");
    const auto picture = io::read_picture(context.reference.folder() / name);
    if (!picture) return fail(picture.error());
    pictures.cropped.push_back(picture_tensor(preprocess->crop(*picture)));
    auto row = at::empty({3, preprocess->height(), preprocess->width()});
    preprocess->apply(*picture,
                      {row.mutable_data_ptr<float>(), static_cast<std::size_t>(row.numel())});
    rows.push_back(row);
  }
  pictures.pixels = at::stack(rows);
  return pictures;
}

Tensor unit_length(const Tensor& features) { return features / features.norm(2, -1, true); }

void compare_features(const Tensor& text, const Tensor& image, const Tensor& logit_scale,
                      Outputs& outputs) {
  outputs["text_features"] = text;
  outputs["image_features"] = image;
  outputs["text_embeds"] = unit_length(text);
  outputs["image_embeds"] = unit_length(image);
  outputs["cosine"] = at::matmul(unit_length(image), unit_length(text).t());
  outputs["logits_per_image"] = logit_scale.exp() * outputs["cosine"];
}

}  // namespace

Result<ItemResult> compute_clip(const VerifyContext& context, Taken& take) {
  if (!context.model.clip)
    return fail(context.model.root.string(), "this is no CLIP folder",
                "config.json with both towers");
  const auto prompts = take.texts("prompts");
  if (!take.ok()) return fail(take.failure());
  const auto& towers = context.model.clip->config.text;
  const auto tokenizer =
      Tokenizer::load_for({towers.max_position_embeddings, towers.vocab_size}, context.model.root);
  const auto pictures = read_pictures(context, take);
  auto clip = load_clip(context.model.root);
  Failure failure = take.failure();
  if (!tokenizer) failure.add(tokenizer.error());
  if (!pictures) failure.add(pictures.error());
  if (!clip) failure.add(clip.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  (*clip)->to(context.options.device);
  const auto ids = ids_of_texts(*tokenizer, prompts);
  const auto text = (*clip)->text_model(ids.to(context.options.device));
  const auto vision = (*clip)->vision_model(pictures->pixels.to(context.options.device));
  ItemResult result;
  auto& outputs = result.outputs;
  for (std::size_t i = 0; i < pictures->cropped.size(); ++i)
    outputs["cropped_u8." + std::to_string(i)] = pictures->cropped[i];
  outputs["input_ids"] = ids;
  outputs["pixel_values"] = pictures->pixels;
  // The file keeps the last hidden states of the first item alone.
  outputs["text_last_hidden_state"] = text.last_hidden_state.slice(0, 0, 1);
  outputs["vision_last_hidden_state"] = vision.last_hidden_state.slice(0, 0, 1);
  outputs["text_pooled"] = text.pooled;
  outputs["vision_pooled"] = vision.pooled;
  compare_features((*clip)->text_projection(text.pooled), (*clip)->visual_projection(vision.pooled),
                   (*clip)->logit_scale, outputs);
  return result;
}

}  // namespace isocost::diffusion
