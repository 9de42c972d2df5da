// What stays warm between units, on the small reference models.
#include "worker/diffusion/tasks/model_cache.h"

#include <gtest/gtest.h>

#include "base/io/inputs.h"

namespace isocost::diffusion {
namespace {

const std::filesystem::path kCachedModels =
    std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/models";

SampleSpec cached_sample(const std::string& unet, const std::string& others) {
  const auto digest = [](const std::string& part) {
    return io::input_digest(kCachedModels / part).value().name();
  };
  SampleSpec spec;
  spec.inputs = {{"unet", digest(unet + "/unet")},
                 {"vae", digest(others + "/vae")},
                 {"text_encoder", digest(others + "/text_encoder")},
                 {"tokenizer", digest(others + "/tokenizer")}};
  return spec;
}

std::uint64_t weight_bytes_of(const std::string& part) {
  return std::filesystem::file_size(kCachedModels / part / "diffusion_pytorch_model.safetensors");
}

// A network of the same autoencoder and text encoder costs its U-Net alone.
TEST(ModelCache, SharesThePartsOfItsModels) {
  ModelCache cache({kCachedModels}, at::kCPU, "");
  const auto first = cache.model(cached_sample("concat-sr", "concat-sr"));
  ASSERT_TRUE(first) << first.error().message();
  const auto before = cache.warm_bytes();

  const auto second = cache.model(cached_sample("pix2pix", "concat-sr"));

  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(cache.warm_bytes(), before + weight_bytes_of("pix2pix/unet"));
  EXPECT_EQ(&(*first)->pipeline.vae_config(), &(*second)->pipeline.vae_config());
  EXPECT_NE(&(*first)->pipeline.unet_config(), &(*second)->pipeline.unet_config());
  EXPECT_EQ((*first)->encode({"a red cat"}).size(0), 1);
  EXPECT_EQ((*second)->texts->states.size(), 1U);
}

// What of the items an extractor reads is in its key, and makes no other network of it.
TEST(ModelCache, HoldsANetworkOnceForAllDataSets) {
  ModelCache cache({kCachedModels}, at::kCPU, "");
  ExtractorSpec spec{.kind = "clip-to-target",
                     .input = io::input_digest(kCachedModels / "clip").value().name()};
  spec.items = {{"target", sha256("one").name()}};
  const auto one = cache.extractor(spec);
  ASSERT_TRUE(one) << one.error().message();

  spec.items = {{"target", sha256("other").name()}};
  EXPECT_EQ(cache.extractor(spec).value(), *one);
  spec.kind = "clip-to-source";
  EXPECT_NE(cache.extractor(spec).value(), *one);
}

// A U-Net in another dtype is another one in memory; what is let go costs nothing.
TEST(ModelCache, SharesNoNetworkOfAnotherType) {
  ModelCache cache({kCachedModels}, at::kCPU, "");
  SampleSpec spec = cached_sample("concat-sr", "concat-sr");
  ASSERT_TRUE(cache.model(spec));
  const auto before = cache.warm_bytes();

  spec.dtype = "bfloat16";
  ASSERT_TRUE(cache.model(spec));

  EXPECT_EQ(cache.warm_bytes(), before + weight_bytes_of("concat-sr/unet"));
  cache.clear();
  EXPECT_EQ(cache.warm_bytes(), 0U);
}

}  // namespace
}  // namespace isocost::diffusion
