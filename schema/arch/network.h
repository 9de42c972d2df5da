// What a configuration says of its network without building it: every tensor by name and shape, and
// what a call costs.
//
//   NetworkSummary unet = summarize_unet(config, {.height = 64, .width = 64, .context_tokens =
//   77}); unet.parameters(), unet.gflops()            // one call at batch 1, without guidance
//
// FLOPs are 2 x multiply-adds of convolutions, linear layers and the two products of attention;
// norms and activations are left out, as the field does. Pure, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schema/arch/config.h"

namespace isocost::arch {

struct TensorSpec {
  std::string name;
  std::vector<std::int64_t> shape;
  bool operator==(const TensorSpec&) const = default;
};

struct NetworkSummary {
  std::vector<TensorSpec> tensors;
  double macs_conv = 0;
  double macs_linear = 0;
  double macs_attention = 0;

  [[nodiscard]] std::uint64_t parameters() const;
  [[nodiscard]] double macs() const { return macs_conv + macs_linear + macs_attention; }
  [[nodiscard]] double gflops() const { return 2e-9 * macs(); }
};

struct CallShape {
  std::int64_t height = 64;  // of the latents
  std::int64_t width = 64;
  std::int64_t context_tokens = 77;
};

[[nodiscard]] NetworkSummary summarize_unet(const UNetConfig& config, const CallShape& call);
// The tensors of the whole autoencoder; the cost of decoding one picture, or of encoding one.
enum class VaeHalf { kDecode, kEncode };
[[nodiscard]] NetworkSummary summarize_vae(const VaeConfig& config, const CallShape& call,
                                           VaeHalf half);
[[nodiscard]] NetworkSummary summarize_clip_text(const ClipTextConfig& config);
[[nodiscard]] NetworkSummary summarize_clip(const ClipConfig& config);  // one text and one picture
[[nodiscard]] NetworkSummary summarize_vit(const VitConfig& config);    // one picture

// Shapes by name, as a weight file has them.
using FoundTensors = std::map<std::string, std::vector<std::int64_t>, std::less<>>;

// Fails with every tensor that is missing, not expected, or of another shape. Shapes may differ by
// trailing ones: a (C, C, 1, 1) convolution serves as a (C, C) linear layer, and the other way
// round.
[[nodiscard]] Result<void> check_tensors(const std::vector<TensorSpec>& expected,
                                         const FoundTensors& found, const std::string& where);

// The name that this engine uses for a name in a file; empty for tensors that are to be ignored.
[[nodiscard]] std::string vae_tensor_name(std::string_view name);   // query -> to_q and its kin
[[nodiscard]] std::string text_tensor_name(std::string_view name);  // adds a missing `text_model.`
[[nodiscard]] std::string clip_tensor_name(std::string_view name);  // drops `position_ids`
// A ViT's layers are those of CLIP's vision tower under other names; heads behind them are dropped.
[[nodiscard]] std::string vit_tensor_name(std::string_view name);

}  // namespace isocost::arch
