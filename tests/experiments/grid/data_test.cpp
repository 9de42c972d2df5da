// Data sets on disk, as users have them: everything that is wrong with items, models and what is
// asked of them is told by the grid's lines, at once, and before anything is dispatched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/io/picture.h"
#include "experiments/grid/expand.h"
#include "experiments/world/edits.h"
#include "tests/base/io/temporary_folder.h"

namespace isocost::experiments {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::TemporaryFolder;

const std::string kReferenceModels = ISOCOST_SOURCE_DIR "/tests/golden/models";

std::string square(int side, std::uint8_t value) {
  return io::png_bytes(
      {side, side,
       std::vector<std::uint8_t>(
           3 * static_cast<std::size_t>(side) * static_cast<std::size_t>(side), value)});
}

class DataTest : public ::testing::Test {
 protected:
  // A grid over one model of the golden ones, with these tasks from line 7 on.
  Result<LoadedGrid> loaded(const std::string& tasks, const std::string& model = "sd1",
                            const std::string& size = "  height: 16\n  width: 16\n") const {
    for (const char* name : {"refs/0.png", "refs/1.png"}) folder_.write(name, square(8, 9));
    folder_.write("g.yaml",
                  "name: g\naxes:\n  model: " + kReferenceModels + "/" + model +
                      "\n  sampler: ddim\n  steps: 4\ntasks:\n" + tasks +
                      "images: 16\nmetrics: [fid: {reference: {folder: refs}, extractor: " +
                      kReferenceModels + "/clip}]\ndefaults:\n" + size);
    return load_grid(folder_ / "g.yaml");
  }
  [[nodiscard]] std::string faults(const std::string& tasks, const std::string& model = "sd1",
                                   const std::string& size = "  height: 16\n  width: 16\n") const {
    const auto grid = loaded(tasks, model, size);
    return grid ? "no fault" : grid.error().message();
  }
  void write_line(const std::string& name, const std::string& more) {
    lines_ += "{\"file_name\": \"" + name + "\"" + more + "}\n";
    folder_.write("edits/metadata.jsonl", lines_);
  }

  TemporaryFolder folder_;
  std::string lines_;
};

// What an edit is told: what to do where its method obeys, else what is to be seen.
TEST_F(DataTest, TellsEditsOfTheMiniWorldAsTheirMethodReadsThem) {
  const auto first = world::edit(world::Split::kTest, 0, 2);
  struct Case {
    std::string method, model, told;
  };
  for (const Case& one : {Case{"inpaint", "inpaint9", world::caption(first.target)},
                          Case{"instruct", "pix2pix", first.instruction.text()}}) {
    const auto grid = loaded("  t: {kind: editing, method: " + one.method +
                                 ", data: {world: test, count: 16, seed: 2}}\n",
                             one.model, "  height: 64\n  width: 64\n");
    ASSERT_TRUE(grid) << grid.error().message();
    const auto& submission = grid->submission;
    const auto& prompts = submission.blobs.at(submission.cells.at(0).sample.prompts);
    EXPECT_THAT(prompts, StartsWith(Json({{"prompt", one.told}}).dump() + "\n")) << one.method;
  }
}

TEST_F(DataTest, TellsEverythingThatIsWrongWithItemsAtOnce) {
  for (const char* name : {"good", "empty", "other", "cut"})
    folder_.write(std::string("edits/") + name + ".png", square(16, 100));
  folder_.write("edits/cut.png", square(16, 100).substr(0, 50));
  folder_.write("edits/small.png", square(8, 1));
  folder_.write("edits/._hidden.png", "Mac OS X");
  folder_.write("edits/m/set.png", square(16, 255));
  folder_.write("edits/m/empty.png", square(16, 0));
  folder_.write("edits/m/small.png", square(8, 255));
  const std::string set = R"(, "text": "a cat", "mask_file_name": "m/set.png")";
  write_line("good.png", set);
  write_line("empty.png", R"(, "text": "a cat", "mask_file_name": "m/empty.png")");
  write_line("other.png", R"(, "text": "a cat", "mask_file_name": "m/small.png")");
  write_line("small.png", R"(, "text": "a cat", "mask_file_name": "m/small.png")");
  write_line("cut.png", set);
  write_line("gone.png", set);
  write_line("good.png", set);
  write_line("../g.yaml", set);
  write_line("._hidden.png", set);
  lines_ += "{\"file_name\": \n";
  write_line("no-mask.png", R"(, "text": "a cat", "mask_file_name": "m/gone.png")");
  write_line("no-text.png", R"(, "mask_file_name": "m/set.png")");
  folder_.write("edits/no-mask.png", square(16, 1));
  folder_.write("edits/no-text.png", square(16, 1));

  const std::string said =
      faults("  repaint: {kind: editing, method: inpaint, data: {folder: edits}}\n");

  const std::string at = (folder_ / "g.yaml").string() + ":7:51: ";
  const std::string edits = (folder_ / "edits").string();
  for (const char* fault :
       {"/metadata.jsonl:6: the file_name 'gone.png' is missing",
        "/metadata.jsonl:7: the file_name 'good.png' stands in line 1 already",
        "/metadata.jsonl:8: the file_name is '../g.yaml': it does not lie in the folder",
        "/metadata.jsonl:9: the file_name is '._hidden.png': hidden files are no pictures",
        "/metadata.jsonl:10:", "/metadata.jsonl:11: the mask_file_name 'm/gone.png' is missing",
        "/metadata.jsonl:12: this line has no 'text'", "/empty.png: its mask has no set pixel",
        "/other.png: its mask has 8 x 8 pixels; expected 16 x 16",
        "/small.png: the picture has 8 x 8 pixels; expected 16 x 16, or a 'fit'", "/cut.png"})
    EXPECT_THAT(said, HasSubstr(at + edits + fault));
}

TEST_F(DataTest, TellsWhichModelsDoNotDoWhatIsAsked) {
  folder_.write("photos/a.png", square(48, 1));
  const std::string said = faults(
      "  enlarge: {kind: super-resolution, data: {folder: photos}, factor: 4}\n"
      "  grow: {kind: super-resolution, method: x4, data: {folder: photos}, factor: 4}\n"
      "  lost: {kind: super-resolution, model: \"{model}-sr\", data: {folder: photos}, factor: "
      "4}\n");

  EXPECT_THAT(said, HasSubstr("unet/config.json.in_channels: the U-Net takes 4 channels; expected "
                              "8 for concat-sr"));
  EXPECT_THAT(said, HasSubstr("model_index.json: the pipeline StableDiffusionPipeline does not do "
                              "x4; expected for x4 StableDiffusionUpscalePipeline"));
  EXPECT_THAT(said,
              HasSubstr("g.yaml:9:41: the model '" + kReferenceModels + "/sd1-sr' is missing"));
}

TEST_F(DataTest, TellsWhatDoesNotFitAnUpscaler) {
  folder_.write("photos/a.png", square(48, 1));
  const auto grow = [&](const std::string& more, const std::string& size) {
    return faults(
        "  grow: {kind: super-resolution, method: x4, data: {folder: photos}" + more + "}\n", "x4",
        size);
  };
  const std::string own = "  guidance: 1\n";

  EXPECT_EQ(grow(", factor: 4", own), "no fault");
  EXPECT_THAT(grow(", factor: 2", own),
              HasSubstr("g.yaml:7:78: the factor of the task 'grow' is 2; expected 4, by which the "
                        "autoencoder of x4 enlarges"));
  EXPECT_THAT(grow(", factor: 4, noise_level: 360", own),
              ::testing::AllOf(HasSubstr("this is 360; expected at most 350, which "),
                               HasSubstr("x4 was trained with")));
  EXPECT_THAT(grow(", factor: 4", "  height: 40\n  width: 40\n"),
              HasSubstr("the small pictures of the task 'grow' have 10 x 10 pixels; expected "
                        "multiples of 4"));
  EXPECT_THAT(grow(", factor: 4", "  height: 64\n  width: 64\n"),
              HasSubstr("photos/a.png: the picture has 48 x 48 pixels; expected 64 x 64"));
}

TEST_F(DataTest, PairsPicturesByTheirNames) {
  folder_.write("low/0801x2.png", square(8, 1));
  folder_.write("low/0802x2.png", square(8, 2));
  folder_.write("high/0801.png", square(16, 1));
  folder_.write("high/0802.png", square(16, 2));
  const std::string pair =
      "  enlarge: {kind: super-resolution, data: {low: low, high: high}, factor: 2}\n";

  const auto grid = loaded(pair, "concat-sr");
  ASSERT_TRUE(grid) << grid.error().message();
  EXPECT_EQ(grid->submission.cells.at(0).sample.items.factor, 2);
  folder_.write("low/0803x2.png", square(8, 3));
  folder_.write("high/0804.png", square(16, 3));
  const std::string said = faults(pair, "concat-sr");
  EXPECT_THAT(said, HasSubstr("low/0803x2.png has no twin in high"));
  EXPECT_THAT(said, HasSubstr("high/0804.png has no twin in low"));
}

// The same pictures under other names, and with more beside them, are the same study.
TEST_F(DataTest, KeysAreOfWhatIsRead) {
  const auto key = [&] {
    const auto grid = loaded("  vary: {kind: editing, method: sdedit, data: {folder: edits}}\n");
    EXPECT_TRUE(grid) << grid.error().message();
    return grid ? sample_key(grid->submission.cells.at(0).sample).hex() : std::string();
  };
  folder_.write("edits/a.png", square(16, 1));
  write_line("a.png", R"(, "text": "a cat")");
  const std::string before = key();

  folder_.write("edits/renamed.png", square(16, 1));
  lines_.clear();
  write_line("renamed.png", R"(, "text": "a cat", "target_file_name": "t.png", "source": "mine")");
  EXPECT_EQ(key(), before);

  folder_.write("edits/renamed.png", square(16, 2));
  EXPECT_NE(key(), before);
}

TEST_F(DataTest, WorkersArePointedAtFoldersOfItems) {
  folder_.write("edits/a.png", square(16, 1));
  write_line("a.png", R"(, "text": "a cat")");

  const auto grid = loaded("  vary: {kind: editing, method: sdedit, data: {folder: edits}}\n");

  ASSERT_TRUE(grid) << grid.error().message();
  EXPECT_THAT(grid->places, ::testing::Contains(folder_ / "edits"));
}

}  // namespace
}  // namespace isocost::experiments
