// The executor on the small reference models: what a unit gives depends on its cell and range
// alone.
#include "worker/diffusion/tasks/engine_executor.h"
#include "worker/diffusion/tasks/baselines.h"

#include <gmock/gmock.h>

#include <torch/csrc/jit/api/module.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/io/inputs.h"
#include "base/io/picture.h"
#include "base/io/safetensors.h"
#include "schema/samplers/resolve.h"
#include "schema/tasks/task.h"
#include "worker/diffusion/metrics/rows_file.h"
#include "worker/diffusion/tasks/task.h"

namespace isocost::diffusion {
namespace {

using agent::LeasedUnit;
using agent::Progress;
using ::testing::HasSubstr;

const std::filesystem::path kModels =
    std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/models";
constexpr int kGroup = 4;

std::string digest_of(const std::filesystem::path& path) {
  return io::input_digest(path).value().name();
}

class EngineExecutorTest : public ::testing::Test {
 protected:
  EngineExecutorTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("tasks_" + std::to_string(::getpid()) + "_" +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name())),
        store_(folder_ / "artifacts"),
        executor_(fresh_executor()) {
    spec_.task = "text-to-image";
    spec_.inputs = {{"unet", digest_of(kModels / "groups32/unet")},
                    {"vae", digest_of(kModels / "groups32/vae")},
                    {"text_encoder", digest_of(kModels / "groups32/text_encoder")},
                    {"tokenizer", digest_of(kModels / "groups32/tokenizer")}};
    // DDPM draws noise at every step, so that a wrong draw shows.
    spec_.sampler =
        sampling::to_json(sampling::resolve(sampling::stored_scheduler({{"clip_sample", false}},
                                                                       "StableDiffusionPipeline"),
                                            {{"sampler", "ddpm"}, {"steps", 3}}, "test")
                              .value());
    spec_.guidance = 3;
    spec_.prompts = store_
                        .put(
                            "{\"prompt\": \"a red cat\"}\n{\"prompt\": \"a dog\"}\n{\"prompt\": "
                            "\"the table\"}\n")
                        .name();
    spec_.seed = 7;
    spec_.height = 16;
    spec_.width = 16;
    spec_.group_size = kGroup;
    clip_ = {"clip", digest_of(kModels / "clip"), Json::object()};
    features_ = {"clip-features", digest_of(kModels / "clip"), Json::object()};
  }
  ~EngineExecutorTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<EngineExecutor> fresh_executor() {
    std::filesystem::create_directories(folder_ / "data");
    auto executor = EngineExecutor::create(
        {.models = {kModels / "groups32", kModels / "clip", folder_ / "data"}, .device = "cpu"},
        store_);
    EXPECT_TRUE(executor) << executor.error().message();
    return std::move(*executor);
  }

  LeasedUnit generate_unit(std::uint64_t begin, std::uint64_t end,
                           std::uint64_t keep_pictures = 0) const {
    const GenerateUnit unit{spec_, {begin, end}, {clip_, features_}, keep_pictures};
    return {unit_name(unit), UnitKind::kGenerate, Json::parse(body_text(unit)), {}};
  }

  UnitResult run(const LeasedUnit& unit) { return run(*executor_, unit); }
  static UnitResult run(EngineExecutor& executor, const LeasedUnit& unit) {
    Progress progress;
    auto outcome = executor.execute(unit, progress);
    EXPECT_TRUE(outcome) << outcome.error().reason;
    EXPECT_EQ(progress.fraction, unit.kind == UnitKind::kScore ? 0 : 1);
    return outcome ? std::move(*outcome) : UnitResult{};
  }
  NeededUnit needed(const LeasedUnit& unit) {
    const auto body = generate_unit_from_json(unit.body, unit.name);
    return {unit.name, unit.kind, body->range, run(unit).artifacts};
  }
  UnitFailure failure(const LeasedUnit& unit) {
    Progress progress;
    auto outcome = executor_->execute(unit, progress);
    EXPECT_FALSE(outcome);
    return outcome ? UnitFailure{} : outcome.error();
  }

  at::Tensor rows(const UnitResult& result, const ExtractorSpec& extractor) const {
    for (const ArtifactRef& artifact : result.artifacts)
      if (artifact.name == "rows/" + extractor_id(extractor))
        return rows_from_bytes(store_.get(artifact.digest).value(), "rows").value();
    ADD_FAILURE() << "no rows";
    return {};
  }

  std::filesystem::path folder_;
  io::ArtifactStore store_;
  std::unique_ptr<EngineExecutor> executor_;
  SampleSpec spec_;
  ExtractorSpec clip_, features_;
};

TEST(Tasks, AreThoseOfTheTable) {
  auto known = tasks::task_names();
  std::sort(known.begin(), known.end());
  EXPECT_EQ(engine_tasks(), known);
}

TEST(Baselines, AreThoseOfTheTable) {
  std::vector<std::string> known;
  for (const auto& row : tasks::baselines()) known.push_back(row.name);
  std::sort(known.begin(), known.end());
  EXPECT_EQ(engine_baselines(), known);
}

TEST_F(EngineExecutorTest, GivesTheSameRowsHoweverUnitsAreCutAndOrdered) {
  const UnitResult whole = run(generate_unit(0, 16));

  const auto other = fresh_executor();
  const UnitResult late = run(*other, generate_unit(8, 16));
  const UnitResult second = run(*other, generate_unit(4, 8));
  const UnitResult first = run(*other, generate_unit(0, 4));

  for (const ExtractorSpec& extractor : {clip_, features_}) {
    const at::Tensor parts =
        at::cat({rows(first, extractor), rows(second, extractor), rows(late, extractor)});
    EXPECT_TRUE(at::equal(rows(whole, extractor), parts));
  }
}

TEST_F(EngineExecutorTest, RepeatsAUnitToTheLastBitInAnotherProcessState) {
  const UnitResult once = run(generate_unit(4, 12, 6));
  run(generate_unit(0, 4));
  const auto other = fresh_executor();
  const UnitResult again = run(*other, generate_unit(4, 12, 6));

  EXPECT_EQ(once.digest, again.digest);
  EXPECT_EQ(once.artifacts, again.artifacts);
  EXPECT_EQ(once.device_class, again.device_class);
}

TEST_F(EngineExecutorTest, PadsTheLastGroupWithoutMovingItsImages) {
  const UnitResult padded = run(generate_unit(0, 6));
  const UnitResult full = run(generate_unit(0, 8));

  ASSERT_EQ(rows(padded, features_).size(0), 6);
  EXPECT_TRUE(at::equal(rows(padded, features_), rows(full, features_).slice(0, 0, 6)));
}

TEST_F(EngineExecutorTest, ExtendsACellWithoutTouchingWhatIsThere) {
  const UnitResult before = run(generate_unit(0, 4));
  const UnitResult more = run(generate_unit(4, 8));
  const UnitResult whole = run(generate_unit(0, 8));

  EXPECT_TRUE(
      at::equal(at::cat({rows(before, features_), rows(more, features_)}), rows(whole, features_)));
}

TEST_F(EngineExecutorTest, TellsDifferentSeedsImagesAndPromptsApart) {
  const at::Tensor here = rows(run(generate_unit(0, 4)), features_);
  EXPECT_FALSE(at::equal(here[0], here[3])) << "images 0 and 3 share a prompt, not their noise";

  spec_.seed = 8;
  EXPECT_FALSE(at::equal(here, rows(run(generate_unit(0, 4)), features_)));
}

TEST_F(EngineExecutorTest, KeepsTheFirstPicturesWithTheirStory) {
  const UnitResult result = run(generate_unit(0, 4, 2));

  std::vector<std::string> names;
  for (const ArtifactRef& artifact : result.artifacts)
    if (artifact.name.starts_with("picture/")) names.push_back(artifact.name);
  EXPECT_THAT(names, ::testing::ElementsAre("picture/0", "picture/1"));
  const std::string png = store_.get(result.artifacts.front().digest).value();
  const auto picture = io::parse_picture(png, "picture/0").value();
  EXPECT_EQ(picture.width, 16);
  EXPECT_EQ(picture.height, 16);
  EXPECT_THAT(png, HasSubstr("a red cat"));
  EXPECT_THAT(png, HasSubstr(sample_key(spec_).hex()));
}

TEST_F(EngineExecutorTest, MeasuresWhatAUnitCost) {
  const UnitResult result = run(generate_unit(0, 4));

  EXPECT_GT(result.measured.at("seconds").get<double>(), 0);
  EXPECT_GT(result.measured.at("peak_bytes").get<std::uint64_t>(), 0U);
  EXPECT_THAT(result.device_class, HasSubstr("threads-1"));
  EXPECT_THAT(executor_->warm(), ::testing::ElementsAre(spec_.inputs.at("unet")));
}

TEST_F(EngineExecutorTest, StopsBetweenGroupsWhenTakenBack) {
  Progress progress;
  progress.is_cancelled = true;

  EXPECT_FALSE(executor_->execute(generate_unit(0, 4), progress));
}

TEST_F(EngineExecutorTest, ClassesWhatIsNotFinite) {
  spec_.guidance = 1e38;

  EXPECT_EQ(failure(generate_unit(0, 4)).failure_class, FailureClass::kNotFinite);
}

TEST_F(EngineExecutorTest, NamesAnInputThatIsNotThere) {
  spec_.inputs["unet"] = sha256("no such network").name();

  const UnitFailure fault = failure(generate_unit(0, 4));

  EXPECT_EQ(fault.failure_class, FailureClass::kBadInput);
  EXPECT_THAT(fault.reason, HasSubstr(spec_.inputs["unet"]));
}

TEST_F(EngineExecutorTest, RefusesAUnitThatItCannotRead) {
  EXPECT_EQ(failure({"generate/x", UnitKind::kGenerate, {{"sample", 1}}, {}}).failure_class,
            FailureClass::kBadInput);
  EXPECT_EQ(failure({"score/x", UnitKind::kScore, Json::array(), {}}).failure_class,
            FailureClass::kBadInput);
}

TEST_F(EngineExecutorTest, FindsAnInputThatCameLater) {
  executor_->inventory();
  const ExtractorSpec late = features_;
  ReferenceSpec reference{"folder", "", late, Json::object()};
  std::filesystem::create_directories(folder_ / "data/pictures");
  for (int i = 0; i < 12; ++i) {
    io::Picture picture{16, 16, std::vector<std::uint8_t>(16 * 16 * 3)};
    for (std::size_t p = 0; p < picture.rgb.size(); ++p)
      picture.rgb[p] = static_cast<std::uint8_t>((p * static_cast<std::size_t>(i + 3) * 7) % 251);
    io::write_png(folder_ / "data/pictures" / ("p" + std::to_string(100 + i) + ".png"), picture);
  }
  reference.input = digest_of(folder_ / "data/pictures");
  const ReferenceUnit unit{reference};

  const UnitResult result =
      run({unit_name(unit), UnitKind::kReference, Json::parse(body_text(unit)), {}});

  ASSERT_EQ(result.artifacts.size(), 1U);
  EXPECT_EQ(result.artifacts[0].name, "reference");
  EXPECT_EQ(result.values.at("n"), 12);
}

// Sampling for hours and then failing at the first group's rows was what happened before.
TEST_F(EngineExecutorTest, TriesExtractorsBeforeItSamples) {
  torch::jit::Module module("features");
  module.define("def forward(self, x):\n  return x.view([7, 7])\n");
  module.save((folder_ / "data/features.pt").string());
  GenerateUnit unit{spec_, {0, 4}, {{"torchscript", "", Json::object()}}, 0};
  unit.extractors[0].input = digest_of(folder_ / "data/features.pt");
  Progress progress;

  const auto outcome = executor_->execute(
      {unit_name(unit), UnitKind::kGenerate, Json::parse(body_text(unit)), {}}, progress);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().failure_class, FailureClass::kBadInput);
  EXPECT_THAT(outcome.error().reason,
              HasSubstr("the module failed on uint8 [2, 3, 16, 16]: shape '[7, 7]' is invalid"));
  EXPECT_EQ(progress.fraction, 0);
}

TEST_F(EngineExecutorTest, NamesEveryBrokenPictureOfAReference) {
  const auto pictures = folder_ / "data/pictures";
  std::filesystem::create_directories(pictures);
  for (int i = 0; i < 6; ++i)
    io::write_png(pictures / (std::to_string(i) + ".png"),
                  {16, 16, std::vector<std::uint8_t>(16 * 16 * 3, 7)});
  std::ofstream(pictures / "3.png") << "broken";
  std::ofstream(pictures / "5.png") << "<!doctype html>";
  const auto fault = [&](const Json& options) {
    const ReferenceUnit unit{{"folder", digest_of(pictures), features_, options}};
    return failure({unit_name(unit), UnitKind::kReference, Json::parse(body_text(unit)), {}})
        .reason;
  };

  EXPECT_THAT(fault({{"count", 6U}}),
              ::testing::AllOf(HasSubstr("3.png: this is neither a PNG nor a JPEG picture"),
                               HasSubstr("5.png: this is an HTML page")));
  EXPECT_THAT(fault({{"count", 7U}}), HasSubstr("there are 6 pictures; expected 7"));
}

// Statistics of another network are told before anything is sampled for them.
TEST_F(EngineExecutorTest, RefusesStatisticsOfAnotherExtractor) {
  const auto npz = std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/npz/stored.npz";
  std::filesystem::copy(npz, folder_ / "data/reference.npz");
  const ReferenceUnit unit{{"npz", digest_of(npz), features_, Json::object()}};

  EXPECT_THAT(
      failure({unit_name(unit), UnitKind::kReference, Json::parse(body_text(unit)), {}}).reason,
      HasSubstr("as many as the extractor gives"));
}

// The inventory tells which variant a digest means.
TEST_F(EngineExecutorTest, LoadsTheVariantThatACellNames) {
  const auto unet = folder_ / "data/groups32/unet";
  std::filesystem::create_directories(unet.parent_path());
  std::filesystem::copy(kModels / "groups32/unet", unet);
  const auto plain = run(generate_unit(0, 4)).digest;
  const auto file = io::SafetensorsFile::read(unet / "diffusion_pytorch_model.safetensors").value();
  io::TensorViews changed = file.tensors();
  std::vector<std::byte> zeros(changed.at("conv_out.weight").bytes.size());
  changed.at("conv_out.weight").bytes = zeros;
  io::write_safetensors(unet / "diffusion_pytorch_model.ema.safetensors", changed);

  spec_.inputs["unet"] = io::input_digest(unet, "ema")->name();

  EXPECT_NE(run(generate_unit(0, 4)).digest, plain);
}

// What a plan refuses, a worker that is handed it all the same refuses too: a second attempt would
// not help, and nothing is thrown from inside a network.
TEST_F(EngineExecutorTest, RefusesNetworksThatTheTaskDoesNotFeed) {
  const auto unet = folder_ / "data/unet", vae = folder_ / "data/vae";
  std::filesystem::copy(kModels / "x4/unet", unet, std::filesystem::copy_options::recursive);
  std::filesystem::copy(kModels / "vae-no-quant/vae", vae,
                        std::filesystem::copy_options::recursive);
  spec_.inputs["unet"] = digest_of(unet);

  const UnitFailure upscaler = failure(generate_unit(0, 4));

  EXPECT_EQ(upscaler.failure_class, FailureClass::kBadInput);
  EXPECT_THAT(
      upscaler.reason,
      ::testing::AllOf(HasSubstr("unet/config.json.in_channels: the U-Net takes 7 channels"),
                       HasSubstr("unet/config.json.num_class_embeds")));

  spec_.inputs["unet"] = digest_of(kModels / "groups32/unet");
  spec_.inputs["vae"] = digest_of(vae);
  const UnitFailure other_latents = failure(generate_unit(0, 4));

  EXPECT_EQ(other_latents.failure_class, FailureClass::kBadInput);
  EXPECT_THAT(other_latents.reason, HasSubstr("8"));
}

TEST_F(EngineExecutorTest, RefusesATaskWithoutItsPicturesOrParameters) {
  spec_.task = "sdedit";
  const UnitFailure bare = failure(generate_unit(0, 4));
  spec_.parameters = {{"strength", 0.5}};
  const UnitFailure blind = failure(generate_unit(0, 4));

  EXPECT_EQ(bare.failure_class, FailureClass::kBadInput);
  EXPECT_THAT(bare.reason, HasSubstr("sample.parameters: the parameters are {}; expected"));
  EXPECT_EQ(blind.failure_class, FailureClass::kBadInput);
  EXPECT_THAT(blind.reason,
              HasSubstr("sample.items: there are none; expected those that sdedit begins with"));
}

// The prompt of a text-to-image cell is the text of what is wanted; it has no target.
TEST_F(EngineExecutorTest, FeedsExtractorsWithWhatTheItemsHaveAndRefusesTheRest) {
  const auto unit_of = [&](const ExtractorSpec& extractor) {
    const GenerateUnit unit{spec_, {0, 4}, {clip_, extractor}, 0};
    return LeasedUnit{unit_name(unit), UnitKind::kGenerate, Json::parse(body_text(unit)), {}};
  };
  const ExtractorSpec to_text{"clip-to-text", clip_.input, {{"without", ""}}};
  const ExtractorSpec pixels{"squared-error", "", {{"crop_border", 0}, {"channels", "rgb"}}};

  const UnitResult result = run(unit_of(to_text));
  const UnitFailure blind = failure(unit_of(pixels));

  EXPECT_TRUE(at::equal(rows(result, to_text), rows(result, clip_)));
  EXPECT_EQ(blind.failure_class, FailureClass::kBadInput);
  EXPECT_THAT(blind.reason, HasSubstr("they have no target; expected one a picture"));
}

TEST_F(EngineExecutorTest, ScoresRowsInTheOrderOfTheImages) {
  const auto scored = [&](const std::vector<LeasedUnit>& units) {
    const ScoreUnit unit{sample_key(spec_), {"clip_score", clip_, "", {0, 8}, Json::object()}};
    LeasedUnit leased{unit_name(unit), UnitKind::kScore, Json::parse(body_text(unit)), {}};
    for (const LeasedUnit& generate : units) leased.needs.push_back(needed(generate));
    return run(leased);
  };

  const UnitResult whole = scored({generate_unit(0, 8)});
  const UnitResult parts = scored({generate_unit(4, 12), generate_unit(0, 4)});

  EXPECT_EQ(whole.values, parts.values);
  EXPECT_EQ(whole.digest, parts.digest);
  EXPECT_EQ(whole.values.at("n"), 8);
}

TEST_F(EngineExecutorTest, SaysWhichRowsAScoreMisses) {
  const ScoreUnit unit{sample_key(spec_), {"clip_score", clip_, "", {0, 8}, Json::object()}};
  LeasedUnit leased{unit_name(unit), UnitKind::kScore, Json::parse(body_text(unit)), {}};
  const LeasedUnit first = generate_unit(0, 4);
  leased.needs.push_back(needed(first));

  EXPECT_THAT(failure(leased).reason, HasSubstr("image 4"));
}

// A decibel's tenth decimal would be lost in float32.
TEST(Rows, KeepThePrecisionThatTheyAreMadeIn) {
  const at::Tensor rows = at::tensor({1.0 / 3, 2.0 / 3}, at::kDouble).view({2, 1});

  EXPECT_TRUE(at::equal(rows_from_bytes(rows_bytes(rows), "rows").value(), rows));
  EXPECT_TRUE(at::equal(rows_from_bytes(rows_bytes(rows.to(at::kFloat)), "rows").value(),
                        rows.to(at::kFloat)));
}

}  // namespace
}  // namespace isocost::diffusion
