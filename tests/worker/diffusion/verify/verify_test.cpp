// Goal: this engine gives what diffusers and transformers give. Each case is a small model with
// what they computed from it; the tolerances are the reference's own. Hostile variants of a case
// end in a sentence.
#include "worker/diffusion/verify/verify.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "schema/samplers/resolve.h"
#include "worker/diffusion/samplers/stepper.h"

namespace isocost::diffusion {
namespace {

// As the programs do: several threads on small tensors cost more than they save.
const bool kIsSingleThreaded = (at::set_num_threads(1), true);

namespace fs = std::filesystem;

fs::path golden(const std::string& name) {
  return fs::path(ISOCOST_SOURCE_DIR) / "tests/golden/models" / name;
}

class GoldenCase : public testing::TestWithParam<std::string> {};

TEST_P(GoldenCase, AgreesWithItsReference) {
  const auto report = verify({.model = golden(GetParam()), .reference = {}, .run = {}});

  ASSERT_TRUE(report) << report.error().message();
  EXPECT_FALSE(report->comparisons.empty());
  for (const auto& one : report->comparisons)
    EXPECT_TRUE(one.is_within) << one.item << " " << one.output << ": " << one.difference << " > "
                               << one.tolerance;
  for (const auto& fault : report->faults) ADD_FAILURE() << fault.message();
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenCase,
                         testing::Values("sd1", "sd2", "bk-base", "bk-tiny", "groups32", "x4",
                                         "concat-sr", "inpaint9", "pix2pix", "sdxl", "clip",
                                         "vae-old-keys", "vae-old-conv", "vae-no-quant",
                                         "vae-four-blocks", "vae-no-attention"),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// What is counted as not built yet must be just that: no task and no sampler that exists is left
// out.
TEST(Verify, RunsEveryRunOfItsSamplers) {
  const auto names = sampling::sampler_names();
  const std::set<std::string> built(names.begin(), names.end());
  for (const char* name :
       {"sd1", "sd2", "bk-base", "bk-tiny", "groups32", "concat-sr", "inpaint9", "pix2pix", "x4"}) {
    const auto json = read_json_file(golden(name) / "golden/expected.json");
    const auto report = verify({.model = golden(name), .reference = {}, .run = {}});
    ASSERT_TRUE(json && report);
    std::set<std::string> compared;
    for (const auto& one : report->comparisons) compared.insert(one.item);
    for (const Json& unit : json->at("units"))
      EXPECT_TRUE(compared.contains(unit.at("id").get<std::string>()))
          << name << " " << unit.at("id");
    for (const Json& run : json->at("runs")) {
      if (!built.contains(run.at("sampler").get<std::string>())) continue;
      EXPECT_TRUE(compared.contains(run.at("id").get<std::string>()))
          << name << " " << run.at("id");
    }
  }
}

TEST(Verify, NamesTheSamplerThatIsNotBuilt) {
  const auto report = verify({.model = golden("bk-tiny"), .reference = {}, .run = "pndm-4"});

  ASSERT_TRUE(report) << report.error().message();
  ASSERT_EQ(report->not_built.size(), 1U);
  EXPECT_NE(report->not_built.front().message().find("pndm"), std::string::npos);
  EXPECT_EQ(report->exit_code(), 2);
}

class HostileModel : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::temp_directory_path() / ("isocost-verify-" + std::to_string(::getpid()) + "-" +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    begin_with("groups32");
  }
  void begin_with(const std::string& name) {
    fs::remove_all(folder_);
    fs::copy(golden(name), folder_, fs::copy_options::recursive);
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const std::string& file, const std::string& text) {
    std::ofstream(folder_ / file) << text;
  }
  Json expected() { return *read_json_file(folder_ / "golden/expected.json"); }

  fs::path folder_;
};

TEST_F(HostileModel, FailsWhenAToleranceIsBelowTheRounding) {
  Json json = expected();
  for (auto& unit : json.at("units"))
    if (unit.at("id") == "unet")
      for (auto& tolerance : unit.at("tolerance")) tolerance = 1e-12;
  write("golden/expected.json", json.dump());

  const auto report = verify({.model = folder_, .reference = {}, .run = "unet"});

  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->exit_code(), 1);
}

TEST_F(HostileModel, SaysWhichTensorsDoNotFitTheConfiguration) {
  Json config = *read_json_file(folder_ / "unet/config.json");
  config["cross_attention_dim"] = 999;
  write("unet/config.json", config.dump());

  const auto report = verify({.model = folder_, .reference = {}, .run = "unet"});

  ASSERT_TRUE(report) << report.error().message();
  ASSERT_FALSE(report->faults.empty());
  EXPECT_NE(report->faults.front().message().find("to_k.weight"), std::string::npos);
  EXPECT_EQ(report->exit_code(), 1);
}

TEST_F(HostileModel, RefusesAnEnormousConfigurationWithoutAllocatingIt) {
  Json config = *read_json_file(folder_ / "unet/config.json");
  config["block_out_channels"] = {65536};
  write("unet/config.json", config.dump());

  const auto report = verify({.model = folder_, .reference = {}, .run = "unet"});

  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->exit_code(), 1);
}

// An id without a row was found out by LibTorch.
TEST_F(HostileModel, SaysThatATokenizerDoesNotFitItsTextEncoder) {
  Json settings = *read_json_file(folder_ / "tokenizer/tokenizer_config.json");
  settings["model_max_length"] = 78;
  write("tokenizer/tokenizer_config.json", settings.dump());

  const auto report = verify({.model = folder_, .reference = {}, .run = "ddim-5"});

  ASSERT_TRUE(report) << report.error().message();
  ASSERT_EQ(report->faults.size(), 1U);
  EXPECT_EQ(report->faults[0].what, "it is 78");
}

// Tensors of other shapes are a fault of the reference, and reach no network.
TEST_F(HostileModel, SaysWhichTensorsDoNotFitTheNetworks) {
  const auto fault = [&](const char* item, const char* group, const char* entry, const char* key,
                         const char* other) {
    Json json = expected();
    for (auto& one : json.at(group))
      if (one.at("id") == entry) one["inputs"][key] = other;
    write("golden/expected.json", json.dump());
    const auto report = verify({.model = folder_, .reference = {}, .run = item});
    return report && !report->faults.empty() ? report->faults[0].message() : "no fault";
  };
  const Json before = expected();
  const auto again = [&] { write("golden/expected.json", before.dump()); };
  const auto input = [&](const char* group, const char* id, const char* key) {
    for (const auto& one : before.at(group))
      if (one.at("id") == id) return one.at("inputs").at(key).get<std::string>();
    return std::string("missing");
  };
  const std::string text = input("units", "unet", "encoder_hidden_states");
  const std::string sample = input("units", "unet", "sample");

  EXPECT_NE(fault("unet", "units", "unet", "sample", text.c_str()).find("sample has shape"),
            std::string::npos);
  again();
  EXPECT_NE(fault("unet", "units", "unet", "encoder_hidden_states", sample.c_str())
                .find("encoder_hidden_states has shape"),
            std::string::npos);
  again();
  EXPECT_NE(fault("vae", "units", "vae", "z", text.c_str()).find("z has shape"), std::string::npos);
  again();
  EXPECT_NE(fault("ddim-5", "runs", "ddim-5", "latents", sample.c_str()).find("latents has shape"),
            std::string::npos);
}

// What a run of a task lacks is told, and nothing is read past the end.
TEST_F(HostileModel, SaysWhatATaskMisses) {
  begin_with("sd1");
  const Json before = expected();
  const auto fault = [&](const char* id, const auto& change) {
    Json json = before;
    for (auto& run : json.at("runs"))
      if (run.at("id") == id) change(run);
    write("golden/expected.json", json.dump());
    const auto report = verify({.model = folder_, .reference = {}, .run = id});
    return report && !report->faults.empty() ? report->faults[0].message() : "no fault";
  };
  const auto nothing = [](Json&) {};
  const auto holds = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos ? std::string(part) : text;
  };

  EXPECT_EQ(fault("blend-ddim-10", nothing), "no fault");
  EXPECT_EQ(holds(fault("img2img-ddim-10", [](Json& run) { run.at("draws").erase(0); }),
                  "noise of the role vae_posterior_image"),
            "noise of the role vae_posterior_image");
  EXPECT_EQ(holds(fault("img2img-ddim-10",
                        [](Json& run) {
                          run.at("draws").push_back(
                              {{"role", "step"}, {"tensor", "img2img-ddim-10.draw.0"}});
                        }),
                  "noise of the role step was drawn 0 times"),
            "noise of the role step was drawn 0 times");
  EXPECT_EQ(holds(fault("blend-ddim-10", [](Json& run) { run.at("inputs").erase("mask"); }),
                  "they have no mask"),
            "they have no mask");
  EXPECT_EQ(
      holds(fault("img2img-ddim-10", [](Json& run) { run["strength"] = 2; }), "strength is 2"),
      "strength is 2");
  EXPECT_EQ(holds(fault("img2img-ddim-10", [](Json& run) { run["height"] = 33; }),
                  "the picture has 33 x 32 pixels"),
            "the picture has 33 x 32 pixels");
  EXPECT_EQ(holds(fault("img2img-ddim-10", [](Json& run) { run["height"] = 64; }),
                  "the sources have 32 x 32 pixels"),
            "the sources have 32 x 32 pixels");
}

TEST_F(HostileModel, RefusesBrokenReferences) {
  for (const char* text :
       {"", "[]", "{\"kind\": 3}", "{\"kind\": \"diffusers\", \"units\": 4}",
        "{\"kind\": \"diffusers\", \"runs\": [{}]}", "{\"kind\": \"diffusers\"}"}) {
    write("golden/expected.json", text);
    EXPECT_FALSE(verify({.model = folder_, .reference = {}, .run = {}})) << text;
  }
}

TEST_F(HostileModel, FaultsEntriesOfTheWrongType) {
  Json json = expected();
  json["units"] = {{{"id", "unet"}, {"kind", "unet"}, {"inputs", 3}}};
  json["runs"] = {{{"id", "a"}, {"task", "text-to-image"}, {"sampler", "ddim"}, {"steps", "many"}}};
  write("golden/expected.json", json.dump());

  const auto report = verify({.model = folder_, .reference = {}, .run = {}});

  ASSERT_TRUE(report) << report.error().message();
  EXPECT_GE(report->faults.size(), 2U);
  EXPECT_EQ(report->exit_code(), 1);
}

TEST_F(HostileModel, WritesWhatItComputedUnderTheReferencesNames) {
  const auto report = verify({.model = folder_, .reference = {}, .run = {}});
  ASSERT_TRUE(report) << report.error().message();

  write_tensors(folder_ / "computed.safetensors", report->computed);

  const auto file = io::SafetensorsFile::read(folder_ / "computed.safetensors");
  ASSERT_TRUE(file) << file.error().message();
  for (const char* name : {"unet.out_t999", "vae.decoded", "in.tokenizer.ids", "ddim-5.latents"})
    EXPECT_NE(file->find(name), nullptr) << name;
}

}  // namespace
}  // namespace isocost::diffusion
