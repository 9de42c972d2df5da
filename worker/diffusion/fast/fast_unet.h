// The U-Net for sampling on a CPU: the weights of a UNet, computed by own kernels instead of by
// ATen calls.
//
//   if (FastUNet::supports(unet->config, call)) {
//     FastUNet fast(unet);
//     fast.bind(context);                     // the text's keys and values, once a prompt
//     Tensor epsilon = fast.forward(x, t);    // [B, C, H, W], one timestep for the whole batch
//   }
//
// For small networks, where the overhead of a general library is most of the time: whole layers run
// on a few pictures whose data stay in the cache, time projections of a step are one product,
// attention works on narrow heads. An image's bits do not depend on the rest of its batch. Holds
// packed copies of the weights. Thread: one at a time per object.
#pragma once

#include <map>
#include <memory>

#include "worker/diffusion/fast/kernels.h"
#include "worker/diffusion/models/unet.h"

namespace isocost::diffusion {

class FastUNet {
 public:
  // Whether this network and size are ones the kernels take and win at: widths divisible by 8,
  // small pictures, float32.
  [[nodiscard]] static bool supports(const arch::UNetConfig& config, std::int64_t height,
                                     std::int64_t width);

  // Requires: supports(unet->config, ...), weights on the CPU in float32.
  explicit FastUNet(UNet unet);
  ~FastUNet();
  FastUNet(FastUNet&&) noexcept;
  FastUNet& operator=(FastUNet&&) noexcept;

  // context float32 [B, S, D]: row b serves picture b of the following calls.
  void bind(const Tensor& context);
  // Requires: x float32 on the CPU with the bound batch.
  [[nodiscard]] Tensor forward(const Tensor& x, double timestep);

 private:
  struct Network;
  std::unique_ptr<Network> network_;
};

}  // namespace isocost::diffusion
