#include "worker/diffusion/training/reconstruction.h"

#include <cmath>

#include "worker/diffusion/training/pictures.h"

namespace isocost::diffusion {
namespace {

constexpr std::int64_t kDecodedTogether = 64;

at::Tensor differences_x(const at::Tensor& x) { return x.slice(3, 1) - x.slice(3, 0, -1); }
at::Tensor differences_y(const at::Tensor& x) { return x.slice(2, 1) - x.slice(2, 0, -1); }

}  // namespace

ReconstructionWeights reconstruction_weights(JsonReader& reader) {
  ReconstructionWeights weights;
  weights.squared = reader.get_or<double>("squared", weights.squared);
  weights.edges = reader.get_or<double>("edges", weights.edges);
  weights.objects = reader.get_or<double>("objects", weights.objects);
  return weights;
}

at::Tensor reconstruction_loss(const at::Tensor& made, const at::Tensor& wanted,
                               const at::Tensor& objects, const ReconstructionWeights& weights) {
  const auto error = made - wanted;
  const auto share = 1 + (weights.objects - 1) * objects;
  const auto across = share.slice(3, 1), down = share.slice(2, 1);
  auto loss = (share * (error.abs() + weights.squared * error.square())).mean();
  if (weights.edges > 0)
    loss = loss + weights.edges * ((across * differences_x(error).abs()).mean() +
                                   (down * differences_y(error).abs()).mean());
  return loss / share.mean();
}

double peak_signal_to_noise(const at::Tensor& made, const at::Tensor& wanted) {
  const auto squared = (made.to(at::kDouble) - wanted.to(at::kDouble)).square().mean();
  return 10 * std::log10(255.0 * 255.0 / squared.item<double>());
}

Result<Reconstruction> reconstruct(Autoencoder& vae, const at::Tensor& pictures) {
  const at::NoGradGuard no_grad;
  Reconstruction result;
  std::vector<at::Tensor> means, made;
  for (std::int64_t i = 0; i < pictures.size(0); i += kDecodedTogether) {
    const auto bytes = pictures.slice(0, i, i + kDecodedTogether);
    means.push_back(
        vae->encode(to_unit_range(bytes).contiguous(at::MemoryFormat::ChannelsLast)).mean);
    const auto decoded = vae->decode(means.back());
    if (!at::isfinite(decoded).all().item<bool>())
      return fail("the autoencoder", "the decoded pictures are not finite",
                  "weights that stay finite");
    made.push_back(to_bytes(decoded).contiguous());
  }
  result.latents = at::cat(means);
  result.made = at::cat(made);
  result.psnr = peak_signal_to_noise(result.made, pictures);
  return result;
}

}  // namespace isocost::diffusion
