#include "schema/arch/network.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace isocost::arch {
namespace {

UNetConfig unet(const Json& json) {
  const auto config = unet_config_from_json(json, "test");
  EXPECT_TRUE(config) << (config ? "" : config.error().message());
  return *config;
}

Json bk_base() {
  return {{"layers_per_block", 1}, {"cross_attention_dim", 768}, {"norm_num_groups", 32}};
}

Json bk_small() {
  Json json = bk_base();
  json["mid_block_type"] = nullptr;
  return json;
}

Json bk_tiny() {
  Json json = bk_small();
  json["block_out_channels"] = {320, 640, 1280};
  json["down_block_types"] = {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                              "CrossAttnDownBlock2D"};
  json["up_block_types"] = {"CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"};
  return json;
}

Json sd15() { return {{"cross_attention_dim", 768}}; }

Json sd21() {
  return {{"cross_attention_dim", 1024},
          {"attention_head_dim", {5, 10, 20, 20}},
          {"use_linear_projection", true}};
}

Json sdxl() {
  return {{"sample_size", 128},
          {"block_out_channels", {320, 640, 1280}},
          {"down_block_types", {"DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"}},
          {"up_block_types", {"CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"}},
          {"cross_attention_dim", 2048},
          {"attention_head_dim", {5, 10, 20}},
          {"use_linear_projection", true},
          {"transformer_layers_per_block", {1, 2, 10}},
          {"addition_embed_type", "text_time"},
          {"addition_time_embed_dim", 256},
          {"projection_class_embeddings_input_dim", 2816}};
}

Json upscaler() {
  return {{"in_channels", 7},
          {"block_out_channels", {256, 512, 512, 1024}},
          {"down_block_types",
           {"DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"}},
          {"up_block_types",
           {"CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"}},
          {"cross_attention_dim", 1024},
          {"use_linear_projection", true},
          {"only_cross_attention", {true, true, true, false}},
          {"num_class_embeds", 1000}};
}

// "name (1, 2)" lines after a first line that counts them.
FoundTensors golden_names(const std::string& file) {
  std::ifstream in(std::string(ISOCOST_SOURCE_DIR) + "/tests/golden/names/" + file);
  std::string line;
  std::getline(in, line);
  FoundTensors found;
  while (std::getline(in, line)) {
    const auto space = line.find(' ');
    std::stringstream sizes(line.substr(space + 2));
    std::vector<std::int64_t> shape;
    for (std::int64_t size = 0; sizes >> size; sizes.ignore(1)) shape.push_back(size);
    found[line.substr(0, space)] = shape;
  }
  return found;
}

struct NamesCase {
  std::string file;
  Json config;
  std::uint64_t parameters;
};

TEST(NetworkSummary, ListsTheTensorsOfDiffusersByNameAndShape) {
  const std::vector<NamesCase> cases = {
      {"names_sd15.txt", sd15(), 859520964},       {"names_sd21.txt", sd21(), 865910724},
      {"names_bk-base.txt", bk_base(), 579384964}, {"names_bk-small.txt", bk_small(), 482346884},
      {"names_bk-tiny.txt", bk_tiny(), 323384964}, {"names_sdxl.txt", sdxl(), 2567463684}};
  for (const auto& one : cases) {
    FoundTensors ours;
    const auto summary = summarize_unet(unet(one.config), {});
    for (const auto& tensor : summary.tensors) ours[tensor.name] = tensor.shape;

    EXPECT_EQ(ours, golden_names(one.file)) << one.file;
    EXPECT_EQ(summary.tensors.size(), ours.size()) << one.file;
    EXPECT_EQ(summary.parameters(), one.parameters) << one.file;
  }
}

TEST(NetworkSummary, CountsTheParametersOfTheOtherModelsExactly) {
  Json inpainting = sd15();
  inpainting["in_channels"] = 9;
  const auto vae = vae_config_from_json(
      {{"block_out_channels", {128, 256, 512, 512}},
       {"layers_per_block", 2},
       {"down_block_types", Json::array({"DownEncoderBlock2D", "DownEncoderBlock2D",
                                         "DownEncoderBlock2D", "DownEncoderBlock2D"})},
       {"up_block_types", Json::array({"UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D",
                                       "UpDecoderBlock2D"})}},
      "vae");
  const auto text = clip_text_config_from_json(
      {{"hidden_size", 768}, {"num_attention_heads", 12}, {"intermediate_size", 3072}}, "text");
  const auto text_2 = clip_text_config_from_json({{"hidden_size", 1024},
                                                  {"num_attention_heads", 16},
                                                  {"intermediate_size", 4096},
                                                  {"num_hidden_layers", 23},
                                                  {"hidden_act", "gelu"}},
                                                 "text");

  EXPECT_EQ(summarize_unet(unet(inpainting), {}).parameters(), 859535364U);
  EXPECT_EQ(summarize_unet(unet(upscaler()), {}).parameters(), 473398020U);
  EXPECT_EQ(summarize_unet(unet(upscaler()), {}).tensors.size(), 687U);
  ASSERT_TRUE(vae) << vae.error().message();
  const auto decode = summarize_vae(*vae, {}, VaeHalf::kDecode);
  EXPECT_EQ(decode.parameters(), 83653863U);
  EXPECT_EQ(decode.tensors.size(), 248U);
  EXPECT_NEAR((decode.macs_conv + decode.macs_linear) * 1e-9, 1240.08, 0.01);
  EXPECT_NEAR(decode.macs() * 1e-9, 1257.26, 0.01);
  const auto encode = summarize_vae(*vae, {}, VaeHalf::kEncode);
  EXPECT_NEAR((encode.macs_conv + encode.macs_linear) * 1e-9, 541.15, 0.01);
  ASSERT_TRUE(text && text_2);
  EXPECT_EQ(summarize_clip_text(*text).parameters(), 123060480U);
  EXPECT_EQ(summarize_clip_text(*text).tensors.size(), 196U);
  EXPECT_NEAR(summarize_clip_text(*text).macs() * 1e-9, 6.65, 0.02);
  EXPECT_EQ(summarize_clip_text(*text_2).parameters(), 340387840U);
}

struct MacsCase {
  Json config;
  std::int64_t latent;
  double conv_linear;
  double total;
};

TEST(NetworkSummary, CountsMultiplyAddsOfTheKnownModels) {
  const std::vector<MacsCase> cases = {
      {sd15(), 64, 338.61, 401.64},     {sd15(), 96, 759.99, 1074.06},
      {sd15(), 32, 85.78, 90.05},       {sd21(), 64, 339.10, 402.13},
      {bk_base(), 64, 223.67, 261.50},  {bk_small(), 64, 217.65, 255.45},
      {bk_tiny(), 64, 204.95, 242.75},  {sdxl(), 128, 2988.66, 3380.62},
      {upscaler(), 128, 560.62, 565.71}};
  for (const auto& one : cases) {
    const auto summary = summarize_unet(unet(one.config), {one.latent, one.latent, 77});
    EXPECT_NEAR((summary.macs_conv + summary.macs_linear) * 1e-9, one.conv_linear, 0.011)
        << one.total;
    EXPECT_NEAR(summary.macs() * 1e-9, one.total, 0.011);
  }
}

struct PaperRow {
  std::int64_t width;
  double parameters_million;
  double gflops_printed;
};

// The table of the paper's model family; its first cost is a misprint and 53 is right.
TEST(NetworkSummary, ReproducesTheScalingStudysTable) {
  const std::vector<PaperRow> rows = {
      {64, 38.80, 53.0},    {96, 83.40, 102.7},     {128, 144.79, 161.5},  {160, 222.98, 233.5},
      {192, 317.97, 318.5}, {224, 429.76, 416.6},   {256, 558.35, 527.8},  {288, 703.73, 652.0},
      {320, 865.91, 789.3}, {512, 2191.75, 1887.5}, {768, 4900.20, 4082.6}};
  for (const auto& row : rows) {
    const auto config = named_unet({"sd-v1", row.width, 1024, 64});
    ASSERT_TRUE(config) << config.error().message();
    const auto summary = summarize_unet(*config, {});
    EXPECT_NEAR(static_cast<double>(summary.parameters()) * 1e-6, row.parameters_million, 0.005)
        << row.width;
    EXPECT_NEAR(summary.gflops() / row.gflops_printed, 1.0, 0.03) << row.width;
  }
}

TEST(UNetConfig, TellsAnAbsentMidBlockFromANullOne) {
  EXPECT_TRUE(unet(bk_base()).mid.has_value());
  EXPECT_FALSE(unet(bk_small()).mid.has_value());
}

TEST(UNetConfig, NamesEveryFaultOfAHostileFile) {
  const Json json = {{"block_out_channels", {320, -1}},
                     {"in_channels", "four"},
                     {"act_fn", "mish"},
                     {"norm_num_groups", nullptr}};

  const auto config = unet_config_from_json(json, "unet/config.json");

  ASSERT_FALSE(config);
  const auto text = config.error().message();
  for (const char* part : {"unet/config.json.block_out_channels", "unet/config.json.in_channels",
                           "act_fn", "norm_num_groups"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(UNetConfig, RefusesWhatIsNotAnObject) {
  EXPECT_FALSE(unet_config_from_json(Json::array(), "unet/config.json"));
  EXPECT_FALSE(vae_config_from_json(Json(3), "vae/config.json"));
  EXPECT_FALSE(clip_text_config_from_json(Json("x"), "text_encoder/config.json"));
  EXPECT_FALSE(clip_config_from_json({{"text_config", 1}}, "clip/config.json"));
}

TEST(CheckTensors, ListsMissingExtraAndMisshapedTensors) {
  const std::vector<TensorSpec> expected = {{"a", {2, 3}}, {"b", {4}}, {"c", {5, 5}}};

  const auto good =
      check_tensors(expected, {{"a", {2, 3}}, {"b", {4}}, {"c", {5, 5, 1, 1}}}, "file");
  const auto bad = check_tensors(expected, {{"a", {3, 2}}, {"c", {5, 5}}, {"d", {1}}}, "file");

  EXPECT_TRUE(good);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().errors.size(), 3U) << bad.error().message();
}

TEST(TensorNames, AcceptOldAndBareSpellings) {
  EXPECT_EQ(vae_tensor_name("encoder.mid_block.attentions.0.proj_attn.weight"),
            "encoder.mid_block.attentions.0.to_out.0.weight");
  EXPECT_EQ(text_tensor_name("embeddings.token_embedding.weight"),
            "text_model.embeddings.token_embedding.weight");
  EXPECT_EQ(text_tensor_name("text_model.embeddings.position_ids"), "");
}

}  // namespace
}  // namespace isocost::arch
