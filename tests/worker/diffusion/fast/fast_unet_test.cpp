// Goal: the fast U-Net gives what the module gives, on the golden models' shapes and on awkward
// ones, and an image's bits do not depend on its batch.
#include "worker/diffusion/fast/fast_unet.h"

#include "worker/diffusion/fast/fast_decoder.h"

#include <gtest/gtest.h>

#include "worker/diffusion/models/load.h"

namespace isocost::diffusion {
namespace {

// As the programs do: several threads on small tensors cost more than they save.
const bool kIsSingleThreaded = (at::set_num_threads(1), true);

UNet golden_unet(const std::string& name) {
  auto unet = load_unet(std::string(ISOCOST_SOURCE_DIR) + "/tests/golden/models/" + name + "/unet");
  EXPECT_TRUE(unet) << (unet ? "" : unet.error().message());
  return *unet;
}

// Weights as a constructor draws them, the same each time.
UNet drawn_unet(const Json& json) {
  at::manual_seed(7);
  auto config = arch::unet_config_from_json(json, "test");
  EXPECT_TRUE(config) << (config ? "" : config.error().message());
  UNet unet(*config);
  unet->eval();
  return unet;
}

struct Call {
  Tensor x;
  Tensor context;
};
Call drawn_call(const arch::UNetConfig& config, std::int64_t batch, std::int64_t height,
                std::int64_t width) {
  at::manual_seed(11);
  return {at::randn({batch, config.in_channels, height, width}),
          at::randn({batch, 17, config.context_width()})};
}

// Of outputs whose deviation is about one. Both sides round in float32; Winograd's transforms cost
// the fast one a bit or two more. The golden models' own bounds are 1.4e-5 to 4.6e-5.
constexpr double kTolerance = 3e-5;

double greatest_difference(UNet unet, const Call& call, double t) {
  const c10::InferenceMode guard;
  const auto expected = unet->forward(call.x, at::full({call.x.size(0)}, t), call.context);
  FastUNet fast(unet);
  fast.bind(call.context);
  return (fast.forward(call.x, t) - expected).abs().max().item<double>();
}

// A text-to-image network begins its training for another task as what it was, whatever the new
// channels hold.
TEST(GrownUNet, GivesWhatItGaveBefore) {
  const c10::InferenceMode guard;
  auto before = golden_unet("bk-tiny");
  auto after = grown(before, 9);
  const Call call = drawn_call(before->config, 2, 8, 8);
  const auto t = at::full({2}, 400.0);

  EXPECT_EQ(after->config.in_channels, 9);
  EXPECT_EQ(after->conv_in->weight.size(1), 9);
  const auto outputs =
      after->forward(at::cat({call.x, at::randn({2, 5, 8, 8})}, 1), t, call.context);
  EXPECT_LT((outputs - before->forward(call.x, t, call.context)).abs().max().item<double>(),
            kTolerance);
}

TEST(FastUNet, AgreesWithTheModuleOnTheGoldenModels) {
  for (const char* name :
       {"sd1", "sd2", "bk-base", "bk-tiny", "groups32", "concat-sr", "inpaint9", "pix2pix"}) {
    const auto unet = golden_unet(name);
    ASSERT_TRUE(FastUNet::supports(unet->config, 8, 8)) << name;
    EXPECT_LT(greatest_difference(unet, drawn_call(unet->config, 3, 8, 8), 500.25), kTolerance)
        << name;
    EXPECT_LT(greatest_difference(unet, drawn_call(unet->config, 2, 12, 20), 1), kTolerance)
        << name;
  }
}

TEST(FastUNet, AgreesOnSizesThatHalvingRounds) {
  const auto unet = golden_unet("bk-base");

  EXPECT_LT(greatest_difference(unet, drawn_call(unet->config, 1, 5, 7), 999), kTolerance);
}

// Narrow ones go by the window itself, wider ones by Winograd's algorithm, and 12 pixels make tiles
// that fill no block of rows.
TEST(FastUNet, AgreesOnWidthsBetweenThePanels) {
  for (const int width : {8, 24, 40, 56}) {
    const auto unet = drawn_unet(
        {{"block_out_channels", {width, 2 * width, 2 * width}},
         {"down_block_types", {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"}},
         {"up_block_types", {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"}},
         {"layers_per_block", 1},
         {"norm_num_groups", 8},
         {"attention_head_dim", 4},
         {"cross_attention_dim", 48}});
    EXPECT_LT(greatest_difference(unet, drawn_call(unet->config, 5, 8, 8), 321), kTolerance)
        << width;
    EXPECT_LT(greatest_difference(unet, drawn_call(unet->config, 1, 12, 4), 321), kTolerance)
        << width;
  }
}

TEST(FastUNet, GivesAnImageTheSameBitsInEveryBatch) {
  const auto unet = golden_unet("bk-tiny");
  const auto call = drawn_call(unet->config, 37, 8, 8);
  FastUNet fast(unet);
  fast.bind(call.context);
  const auto together = fast.forward(call.x, 700);

  for (const std::int64_t image : {0, 5, 36}) {
    fast.bind(call.context.slice(0, image, image + 1));
    const auto alone = fast.forward(call.x.slice(0, image, image + 1), 700);
    EXPECT_TRUE(at::equal(alone, together.slice(0, image, image + 1))) << image;
  }
}

TEST(FastUNet, LeavesOtherNetworksToTheModule) {
  EXPECT_FALSE(FastUNet::supports(golden_unet("x4")->config, 8, 8));
  EXPECT_FALSE(FastUNet::supports(golden_unet("sdxl")->config, 8, 8));
  EXPECT_FALSE(FastUNet::supports(golden_unet("sd1")->config, 64, 64));
}

TEST(FastDecoder, AgreesWithTheModuleOnTheGoldenAutoencoders) {
  for (const char* name :
       {"sd1", "bk-tiny", "vae-four-blocks", "vae-no-quant", "vae-no-attention"}) {
    auto vae =
        load_autoencoder(std::string(ISOCOST_SOURCE_DIR) + "/tests/golden/models/" + name + "/vae");
    ASSERT_TRUE(vae) << vae.error().message();
    if (!FastDecoder::supports((*vae)->config, 6, 5)) continue;
    at::manual_seed(3);
    const auto z = at::randn({3, (*vae)->config.latent_channels, 6, 5});
    FastDecoder fast(*vae);

    const auto difference = (fast.decode(z) - (*vae)->decode(z)).abs().max().item<double>();

    EXPECT_LT(difference, kTolerance) << name;
    EXPECT_TRUE(at::equal(fast.decode(z.slice(0, 1, 2)), fast.decode(z).slice(0, 1, 2))) << name;
  }
}

}  // namespace
}  // namespace isocost::diffusion
