#include "worker/diffusion/training/world_encoders.h"

#include "worker/diffusion/models/load.h"

namespace isocost::diffusion {

Posterior Encoders::posterior(const at::Tensor& pictures) {
  const at::NoGradGuard no_grad;
  return vae->encode(pictures.contiguous(at::MemoryFormat::ChannelsLast));
}

at::Tensor Encoders::latents_of(const at::Tensor& pictures) {
  return (posterior(pictures).mean * vae->config.scaling_factor).to(at::kHalf).contiguous();
}

at::Tensor Encoders::states_of(const std::vector<std::string>& texts) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> states;
  states.reserve(texts.size() / kEncodedTogether + 1);
  for (std::size_t i = 0; i < texts.size(); i += kEncodedTogether) {
    std::vector<at::Tensor> rows;
    rows.reserve(kEncodedTogether);
    for (std::size_t k = i; k < std::min(texts.size(), i + kEncodedTogether); ++k)
      rows.push_back(at::tensor(tokenizer.encode(texts[k])));
    states.push_back(text->condition(at::stack(rows)).to(at::kHalf));
  }
  return at::cat(states).contiguous();
}

Result<Encoders> load_encoders(const std::filesystem::path& family) {
  const auto shared = family / "models/shared";
  auto vae = load_autoencoder(shared / "vae");
  auto text = load_clip_text(shared / "text_encoder");
  Failure failure;
  if (!vae) failure.add(vae.error());
  if (!text) failure.add(text.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  const auto& config = (*text)->config;
  auto tokenizer = Tokenizer::load_for({config.max_position_embeddings, config.vocab_size},
                                       shared / "tokenizer");
  if (!tokenizer) return fail(tokenizer.error());
  return Encoders{*vae, *text, std::move(*tokenizer)};
}

}  // namespace isocost::diffusion
