// What tasks that begin with pictures share: latents of pictures, and where in the sampler's calls
// they begin.
//
//   if (const auto fits = check_source_size(spec, group); !fits) return fail(fits.error());
//   Tensor z = sampled_latents(model, signed_pictures(group.sources), noise);
//   const auto first = call_of_strength(spec, stepper);
//
// Pictures in [0, 1] and in [-1, 1] are float32 [B, 3, H, W] on the CPU, latents [B, Z, h, w].
// Thread: one at a time a model.
#pragma once

#include "worker/diffusion/tasks/task.h"

namespace isocost::diffusion {

// Whether the sources are as large as the pictures that the sample asks for.
[[nodiscard]] Result<void> check_source_size(const SampleSpec& spec, const Group& group);
// The call that the parameter "strength" begins at. Fails with: no call is left.
[[nodiscard]] Result<std::size_t> call_of_strength(const SampleSpec& spec, const Stepper& stepper);

// From [0, 1] to [-1, 1], as autoencoders take them.
[[nodiscard]] at::Tensor signed_pictures(const at::Tensor& pictures);
// Enlarged or made smaller as PyTorch's bicubic interpolation does it: a = -0.75, half pixels, no
// antialiasing, not clipped.
[[nodiscard]] at::Tensor resized_bicubic(const at::Tensor& pictures, std::int64_t height,
                                         std::int64_t width);
// Bytes [B, 3, h, w] to [B, 3, height, width] as Pillow's bicubic filter resizes them.
[[nodiscard]] at::Tensor enlarged_by_pillow(const at::Tensor& bytes, int height, int width);
// What a mask leaves of pictures in [-1, 1]: grey where it is set. The mask of each latent: that of
// its first pixel.
[[nodiscard]] at::Tensor kept_of(const at::Tensor& signed_pictures, const at::Tensor& masks);
[[nodiscard]] at::Tensor mask_of_latents(const at::Tensor& masks, std::int64_t height,
                                         std::int64_t width);
// Guidance by picture and text apart (Brooks et al. 2023, equation 3); text and picture alone at a
// guidance of 1 and below.
struct TwoScales {
  double text = 1;
  double picture = 1;
};
[[nodiscard]] std::vector<Branch> guided_by_both(const at::Tensor& negative, const at::Tensor& text,
                                                 const at::Tensor& picture,
                                                 const TwoScales& scales);
// The posterior's sample for this noise, times the autoencoder's scaling factor.
[[nodiscard]] at::Tensor sampled_latents(WarmModel& model, const at::Tensor& signed_pictures,
                                         const at::Tensor& noise);

}  // namespace isocost::diffusion
