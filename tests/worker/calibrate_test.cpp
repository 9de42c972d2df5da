// What a calibration asks of an engine, and what it says of it: the units of a study, with their
// prompts and their price.
#include "worker/calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/digest.h"
#include "schema/samplers/resolve.h"
#include "schema/tasks/task.h"
#include "schema/units/unit.h"
#include "tests/base/io/temporary_folder.h"

namespace isocost::worker {
namespace {

using ::testing::HasSubstr;

// Takes every unit and keeps it; a unit takes no time.
class Recorder : public agent::Executor {
 public:
  Recorder(io::ArtifactStore& store, std::vector<GenerateUnit>& units)
      : store_(store), units_(units) {}
  std::vector<std::string> inventory() override { return {}; }
  std::string device_class() const override { return "none"; }
  Json device() const override { return {{"device", "none"}}; }
  std::vector<std::string> warm() const override { return {}; }
  tl::expected<UnitResult, UnitFailure> execute(const agent::LeasedUnit& leased,
                                                agent::Progress&) override {
    const auto unit = generate_unit_from_json(leased.body, "unit");
    EXPECT_TRUE(unit) << unit.error().message();
    if (!unit) return tl::unexpected(UnitFailure{});
    EXPECT_TRUE(store_.has(Digest::parse(unit->sample.prompts).value())) << unit->sample.prompts;
    units_.push_back(*unit);
    return UnitResult{};
  }

 private:
  io::ArtifactStore& store_;
  std::vector<GenerateUnit>& units_;
};

const std::string kPrompts = "{\"prompt\": \"a cat\"}\n{\"prompt\": \"a dog\"}\n";

// An edit that begins with a quarter of the noise: 5 calls of 20 steps.
SampleSpec edit() {
  SampleSpec sample;
  sample.task = "sdedit";
  for (const char* part : {"unet", "vae", "text_encoder", "tokenizer"})
    sample.inputs[part] = sha256(part).name();
  sample.sampler = sampling::to_json(sampling::resolve(sampling::stored_scheduler(Json(), ""),
                                                       {{"sampler", "ddim"}, {"steps", 20}}, "test")
                                         .value());
  sample.guidance = 3;
  sample.prompts = sha256(kPrompts).name();
  sample.parameters = {{"strength", 0.25}};
  sample.items.kind = "files";
  sample.items.inputs = {{"source", sha256("pictures").name()}};
  sample.group_size = 4;
  return sample;
}

Json request_of(const SampleSpec& sample) {
  const CellCost cost{.calls_per_image = 10,
                      .steps_calls = 5,
                      .gflops_per_call = 100,
                      .gflops_encode = 7,
                      .gflops_decode = 11};
  return {{"seconds", 3600},
          {"networks", {{{"sample", to_json(sample)}, {"cost", to_json(cost)}}}},
          {"prompts", {{sha256(kPrompts).name(), kPrompts}}}};
}

struct Calibrated {
  int code = 0;
  std::string output;
  std::string errors;
  std::vector<GenerateUnit> units;
};

CalibrateOptions options_of(const std::filesystem::path& request) {
  CalibrateOptions options;
  options.request = request;
  return options;
}

Calibrated calibrated(const Json& request) {
  const isocost::testing::TemporaryFolder folder;
  Calibrated done;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  done.code = calibrate(options_of(folder.write("request.json", request.dump())),
                        [&](const ServeOptions&,
                            io::ArtifactStore& store) -> Result<std::unique_ptr<agent::Executor>> {
                          return std::make_unique<Recorder>(store, done.units);
                        });
  std::fflush(stdout);
  done.output = ::testing::internal::GetCapturedStdout();
  done.errors = ::testing::internal::GetCapturedStderr();
  return done;
}

TEST(Calibrate, DrawsTheUnitsOfAStudyWithAFewCallsAndThenAsManyAsThereAre) {
  const Calibrated done = calibrated(request_of(edit()));

  ASSERT_EQ(done.code, kExitDone) << done.errors;
  ASSERT_EQ(done.units.size(), 3U);
  std::vector<int> steps, images;
  for (const GenerateUnit& unit : done.units) {
    EXPECT_EQ(unit.sample.items, edit().items);
    EXPECT_EQ(unit.sample.prompts, edit().prompts);
    EXPECT_EQ(unit.sample.parameters, edit().parameters);
    steps.push_back(unit.sample.sampler.at("steps").get<int>());
    images.push_back(static_cast<int>(unit.range.size()));
  }
  // A quarter of 8 steps are 2 calls; fewer steps would leave fewer.
  EXPECT_THAT(steps, ::testing::ElementsAre(8, 8, 20));
  EXPECT_THAT(images, ::testing::ElementsAre(1, 1, 4));
}

// 5 calls with both branches, and what is encoded and decoded.
TEST(Calibrate, CountsTheCallsThatAreLeftOfTheSteps) {
  const Calibrated done = calibrated(request_of(edit()));

  ASSERT_EQ(done.code, kExitDone) << done.errors;
  const Json network = Json::parse(done.output).at("networks").at(0);
  EXPECT_EQ(network.at("unet"), edit().inputs.at("unet"));
  EXPECT_DOUBLE_EQ(network.at("gflops").get<double>(), 4 * (10 * 100 + 7 + 11));
}

TEST(Calibrate, RefusesWhatIsNoNetworksCell) {
  Json no_task = request_of(edit()), other = request_of(edit()), idle = request_of(edit());
  no_task["networks"][0]["sample"]["task"] = "bicubic";
  other["prompts"] = {{sha256("others").name(), kPrompts}};
  idle["networks"][0]["sample"]["parameters"]["strength"] = 0.01;

  EXPECT_THAT(calibrated(no_task).errors,
              HasSubstr("request.networks[0].sample.task: 'bicubic' is no task of a network"));
  EXPECT_THAT(calibrated(other).errors, HasSubstr("request.prompts: the content of sha256:"));
  EXPECT_THAT(calibrated(idle).errors, HasSubstr("its steps leave no call of the network"));
  EXPECT_EQ(calibrated(idle).code, kExitRefused);
  EXPECT_EQ(calibrate(options_of("/nowhere.json"), {}), kExitRefused);
}

}  // namespace
}  // namespace isocost::worker
