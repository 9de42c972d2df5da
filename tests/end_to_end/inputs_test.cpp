// Models and data as users have them, with the real programs: what is wrong with them is told by
// the first command that sees them, and nothing that is wrong becomes a picture or a number.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/io/picture.h"
#include "base/io/safetensors.h"
#include "base/json.h"
#include "tests/support/process.h"

namespace isocost {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::AllOf;
using testing::Finished;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::program;
using testing::read_text;
using testing::run;
using testing::ScratchFolder;
using testing::write_text;

constexpr const char* kUNet = "unet/diffusion_pytorch_model.safetensors";

class InputsTest : public ::testing::Test {
 protected:
  // A copy of the smallest model of the mini family.
  fs::path model(const std::string& name) const {
    fs::copy(ISOCOST_SOURCE_DIR "/experiments/mini/models/w16", folder_ / name,
             fs::copy_options::recursive);
    return folder_ / name;
  }

  [[nodiscard]] fs::path grid(const std::string& model, const std::string& metrics,
                              const std::string& more = "") const {
    const fs::path file = folder_ / "grid.yaml";
    write_text(file, "name: g\naxes:\n  model: [" + model +
                         "]\n  sampler: ddim\n  steps: 2\n  guidance: 1.5\n"
                         "prompts: [\"a red circle\"]\nimages: 16\ngroup_size: 16\n" +
                         more + "metrics:\n  - " + metrics + "\n");
    return file;
  }

  [[nodiscard]] Finished plan(const fs::path& grid,
                              const std::vector<std::string>& more = {}) const {
    std::vector<std::string> command = {program("isocost"), "plan", grid.string()};
    command.insert(command.end(), more.begin(), more.end());
    return run(command, 2min);
  }

  [[nodiscard]] Finished sample(const fs::path& model) const {
    return run({program("isocost-worker"), "sample", model.string(), "--prompt", "a red circle",
                "--steps", "2", "--out", (folder_ / "drawn").string()},
               2min);
  }

  [[nodiscard]] bool has_drawn() const {
    return fs::exists(folder_ / "drawn") && !fs::is_empty(folder_ / "drawn");
  }

  ScratchFolder folder_;
};

// Black pictures were written from these, and the command ended well.
TEST_F(InputsTest, SampleRefusesTextsThatAreNoUtf8AndAFileAsItsFolder) {
  const std::string name = model("w8");
  write_text(folder_ / "file", "");
  const auto drawn = [&](const std::string& prompt, const std::string& out) {
    return run({program("isocost-worker"), "sample", name, "--prompt", "a red circle", "--prompt",
                prompt, "--steps", "2", "--out", (folder_ / out).string()},
               1min);
  };

  const Finished bytes = drawn("caf\xe9", "drawn"), file = drawn("a cat", "file");

  EXPECT_EQ(bytes.status, 1);
  EXPECT_EQ(bytes.output, "isocost-worker: --prompt 2: this is no text in UTF-8\n");
  EXPECT_EQ(file.status, 1);
  EXPECT_THAT(file.output, HasSubstr((folder_ / "file").string() + ": this is a file"));
}

TEST_F(InputsTest, SampleRefusesWeightsThatAreNotFinite) {
  const fs::path name = model("m");
  const auto file = io::SafetensorsFile::read(name / kUNet).value();
  io::TensorViews changed = file.tensors();
  std::vector<std::byte> bytes(changed.at("conv_out.bias").bytes.begin(),
                               changed.at("conv_out.bias").bytes.end());
  ASSERT_EQ(changed.at("conv_out.bias").dtype, io::Dtype::kF16);
  bytes[1] = std::byte{0x7E};  // NaN of half precision
  changed.at("conv_out.bias").bytes = bytes;
  io::write_safetensors(name / kUNet, changed);

  const Finished ended = sample(name);

  EXPECT_EQ(ended.status, 1) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("conv_out.bias"), HasSubstr("not finite")));
  EXPECT_FALSE(has_drawn());
}

TEST_F(InputsTest, SampleRefusesPicturesThatAreNotFinite) {
  const fs::path name = model("m");
  Json config = parse_json(read_text(name / "vae/config.json"), "config").value();
  config["scaling_factor"] = 1e-38;
  write_text(name / "vae/config.json", config.dump());

  const Finished ended = sample(name);

  EXPECT_EQ(ended.status, 1) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("images 0 to 0"), HasSubstr("not finite")));
  EXPECT_FALSE(has_drawn());
}

TEST_F(InputsTest, PlanAndInspectSayWhatWeightsAreThatAreNone) {
  const fs::path name = model("m");
  write_text(name / kUNet,
             "version https://git-lfs.github.com/spec/v1\noid sha256:77\nsize 3438167534\n");

  const Finished planned = plan(grid("m", "clip_score"));
  const Finished inspected = run({program("isocost-worker"), "inspect", name.string()}, 1min);

  EXPECT_EQ(planned.status, 3);
  EXPECT_EQ(inspected.status, 1);
  for (const Finished& ended : {planned, inspected}) {
    EXPECT_THAT(ended.output, AllOf(HasSubstr(kUNet), HasSubstr("this is a Git LFS pointer"),
                                    HasSubstr("git lfs pull")));
  }
}

// An upscaler was planned, and failed on a worker as a bug that was tried three times.
TEST_F(InputsTest, NoCommandBeginsWithAModelThatDoesNotDrawFromText) {
  fs::copy(ISOCOST_SOURCE_DIR "/tests/golden/models/x4", folder_ / "m",
           fs::copy_options::recursive);
  const std::string file = grid("m", "clip_score").string();
  const fs::path out = folder_ / "out";

  for (const Finished& ended :
       {run({program("isocost"), "plan", file}, 1min),
        run({program("isocost"), "run", file, "--workers", "1", "--out", out.string()}, 1min),
        run({program("isocost"), "submit", file, "--coordinator", "http://127.0.0.1:1"}, 1min)}) {
    EXPECT_EQ(ended.status, 3) << ended.output;
    EXPECT_THAT(ended.output,
                AllOf(HasSubstr("grid.yaml:3:11: " + (folder_ / "m/model_index.json").string() +
                                ": the pipeline StableDiffusionUpscalePipeline is for "
                                "super-resolution; expected for text-to-image "),
                      HasSubstr("m/unet/config.json.in_channels: the U-Net takes 7 channels"),
                      HasSubstr("m/unet/config.json.num_class_embeds")));
  }
  EXPECT_FALSE(fs::exists(out / "isocost.db"));
  const Finished drawn = sample(folder_ / "m");
  EXPECT_EQ(drawn.status, 1) << drawn.output;
  EXPECT_THAT(drawn.output, HasSubstr("the U-Net takes 7 channels"));
  const Finished inspected =
      run({program("isocost-worker"), "inspect", (folder_ / "m").string()}, 1min);
  EXPECT_EQ(inspected.status, 0) << inspected.output;
  EXPECT_THAT(inspected.output, HasSubstr("text-to-image: does not run: "));
}

TEST_F(InputsTest, PlanAndInspectNameKeysThatNothingReads) {
  const fs::path name = model("m");
  Json config = parse_json(read_text(name / "unet/config.json"), "config").value();
  config["motion_max_length"] = 32;
  write_text(name / "unet/config.json", config.dump());

  const Finished planned = plan(grid("m", "clip_score"));
  const Finished inspected = run({program("isocost-worker"), "inspect", name.string()}, 1min);

  EXPECT_EQ(planned.status, 0) << planned.output;
  EXPECT_THAT(planned.output,
              HasSubstr("the model m: unet/config.json has motion_max_length: neither read here "
                        "nor known to be without effect"));
  EXPECT_EQ(inspected.status, 0) << inspected.output;
  EXPECT_THAT(inspected.output, AllOf(HasSubstr("text-to-image: runs"),
                                      HasSubstr("note: unet/config.json: 'motion_max_length'")));
}

TEST_F(InputsTest, InspectSaysWhichFilesFit) {
  const Finished ended =
      run({program("isocost-worker"), "inspect", model("m").string(), "--json"}, 1min);

  ASSERT_EQ(ended.status, 0) << ended.output;
  const Json json = parse_json(ended.output, "inspect").value();
  EXPECT_EQ(json.at("weights_fit"), true);
  EXPECT_EQ(json.at("components").at("unet").at("files"),
            Json({"diffusion_pytorch_model.safetensors"}));
}

// Another variant beside the weights made every cell of a model new.
TEST_F(InputsTest, AnotherFileBesideTheLoadedOnesMakesNothingNew) {
  const fs::path name = model("m"), out = folder_ / "out";
  const fs::path file = grid("m", "clip_score");
  const Finished ended = run(
      {program("isocost"), "run", file.string(), "--workers", "1", "--out", out.string()}, 4min);
  ASSERT_EQ(ended.status, 0) << ended.output;
  fs::copy(name / kUNet, name / "unet/diffusion_pytorch_model.fp16.safetensors");
  write_text(name / "unet/diffusion_pytorch_model.non_ema.safetensors", "other weights");
  write_text(name / "tokenizer/notes.txt", "notes");

  const Finished again = plan(file, {"--db", (out / "isocost.db").string()});

  EXPECT_THAT(again.output, HasSubstr("16 wanted, 16 there, 0 new"));
}

TEST_F(InputsTest, TellsTheSizeOfAReferenceAndWhatIsNotReadOfIt) {
  model("m");
  fs::create_directories(folder_ / "refs/below");
  for (int i = 0; i < 10; ++i) {
    const std::string picture = io::png_bytes(
        {64, 64, std::vector<std::uint8_t>(3 * 64 * 64, static_cast<std::uint8_t>(20 * i))});
    write_text(folder_ / "refs" / (std::to_string(i) + ".png"), picture);
    write_text(folder_ / "refs/below" / (std::to_string(i) + ".png"), picture);
  }
  write_text(folder_ / "refs/._0.png", "Mac OS X");
  const fs::path file = grid("m", "fid: {reference: {folder: refs}}", "keep: {pictures: 1}\n");

  const Finished planned = plan(file);
  const Finished ended = run({program("isocost"), "run", file.string(), "--workers", "1", "--out",
                              (folder_ / "out").string()},
                             4min);

  for (const Finished& one : {planned, ended}) {
    EXPECT_EQ(one.status, 0) << one.output;
    EXPECT_THAT(one.output, HasSubstr("the reference refs has 10 pictures; 10 more in sub-folders "
                                      "are not read"));
  }
  EXPECT_THAT(planned.output, HasSubstr("reference       refs: n = 10 pictures"));
  EXPECT_THAT(read_text(folder_ / "out/cells.csv"), HasSubstr("fid_reference_n"));
  EXPECT_THAT(read_text(folder_ / "out/report.html"), HasSubstr("n = 10"));
}

}  // namespace
}  // namespace isocost
