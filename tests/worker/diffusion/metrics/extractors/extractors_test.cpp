#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/torch.h>

#include <cstring>

#include "schema/io/picture.h"
#include "schema/io/safetensors.h"
#include "tests/schema/io/temporary_folder.h"
#include "worker/diffusion/metrics/extractors/extractor.h"

namespace isocost::diffusion {
namespace {

using isocost::testing::TemporaryFolder;
using ::testing::HasSubstr;

// As the worker does; more threads than idle cores would wait for each other.
const bool kHasOneThread = (at::set_num_threads(1), true);

const std::filesystem::path kClip =
    std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/models/clip";

at::Tensor picture_tensor(const io::Picture& picture) {
  at::Tensor rgb = at::empty({picture.height, picture.width, 3}, at::kByte);
  std::memcpy(rgb.data_ptr(), picture.rgb.data(), picture.rgb.size());
  return rgb.permute({2, 0, 1}).unsqueeze(0).contiguous();
}

at::Tensor golden(const std::string& name) {
  static const io::SafetensorsFile kFile =
      io::SafetensorsFile::read(kClip / "golden/expected.safetensors").value();
  const io::TensorView* view = kFile.find(name);
  at::Tensor tensor = at::empty(view->shape, at::kFloat);
  std::memcpy(tensor.data_ptr(), view->bytes.data(), view->bytes.size());
  return tensor;
}

std::filesystem::path write_module(const TemporaryFolder& folder, const std::string& forward) {
  torch::jit::Module module("features");
  module.define(forward);
  const auto file = folder / "features.pt";
  module.save(file.string());
  return file;
}

const std::string kMeans = "def forward(self, x):\n  return x.float().mean([2, 3])\n";

std::string fault(const Result<std::unique_ptr<Extractor>>& result) {
  return result ? "" : result.error().message();
}

TEST(ClipExtractors, EqualTheReferenceModel) {
  const auto features = load_extractor({"clip-features", "", {{"normalise", true}}}, kClip);
  const auto score = load_extractor({"clip", "", Json::object()}, kClip);
  ASSERT_TRUE(features) << fault(features);
  ASSERT_TRUE(score) << fault(score);
  const std::vector<std::string> prompts = {"a photo of a red cat on the table", "the blue square",
                                            "a painting of the sea at night!"};

  for (int i = 0; i < 4; ++i) {
    const at::Tensor picture = picture_tensor(
        io::read_picture(kClip / ("golden/picture_" + std::to_string(i) + ".png")).value());
    const at::Tensor row = (*features)->extract(picture, {""}).value();
    EXPECT_LT((row[0] - golden("image_embeds")[i]).abs().max().item<double>(), 1e-5);
    for (int p = 0; p < 3; ++p) {
      const at::Tensor cosine =
          (*score)->extract(picture, {prompts[static_cast<std::size_t>(p)]}).value();
      EXPECT_EQ(cosine.sizes(), at::IntArrayRef({1, 1}));
      EXPECT_NEAR(cosine.item<double>(), golden("cosine")[i][p].item<double>(), 1e-5);
    }
  }
}

TEST(ClipExtractors, SayWhatIsMissing) {
  const TemporaryFolder folder;

  EXPECT_THAT(fault(load_extractor({"clip", "", {{"prefx", "a"}}}, kClip)),
              HasSubstr("'prefx' is unknown"));
  EXPECT_THAT(fault(load_extractor({"clip", "", Json::object()}, folder.path())),
              HasSubstr("config.json"));
}

TEST(TorchScriptExtractor, AnswersWithTheModulesRows) {
  const TemporaryFolder folder;
  const auto extractor =
      load_extractor({"torchscript", "", Json::object()}, write_module(folder, kMeans));
  ASSERT_TRUE(extractor) << fault(extractor);
  const at::Tensor pictures = at::arange(2 * 3 * 4 * 4, at::kInt).view({2, 3, 4, 4}).to(at::kByte);

  const auto rows = (*extractor)->extract(pictures, {"", ""});

  ASSERT_TRUE(rows) << rows.error().message();
  EXPECT_TRUE(at::equal(*rows, pictures.to(at::kFloat).mean(at::IntArrayRef{2, 3})));
}

TEST(TorchScriptExtractor, ResizesScalesAndHandsOverArguments) {
  const TemporaryFolder folder;
  const auto file = write_module(folder,
                                 "def forward(self, x, double: bool = False):\n  m = x.mean([2, "
                                 "3])\n  return 2 * m if double else m\n");
  const Json options = {
      {"resize", "clean"}, {"size", 8}, {"range", "signed"}, {"arguments", {{"double", true}}}};
  const auto extractor = load_extractor({"torchscript", "", options}, file);
  ASSERT_TRUE(extractor) << fault(extractor);

  const auto rows = (*extractor)->extract(at::full({1, 3, 5, 6}, 192, at::kByte), {""});

  ASSERT_TRUE(rows) << rows.error().message();
  EXPECT_LT((*rows - 1.0).abs().max().item<double>(), 1e-5);
}

TEST(TorchScriptExtractor, RefusesAnswersOfAnotherShapeAndFaultsOfTheModule) {
  const TemporaryFolder folder;
  const at::Tensor pictures = at::zeros({2, 3, 4, 4}, at::kByte);
  const auto message = [&](const std::string& forward) {
    const auto extractor =
        load_extractor({"torchscript", "", Json::object()}, write_module(folder, forward));
    const auto rows = (*extractor)->extract(pictures, {"", ""});
    return rows ? "" : rows.error().message();
  };

  EXPECT_THAT(message("def forward(self, x):\n  return x.float()\n"), HasSubstr("[2, 3, 4, 4]"));
  EXPECT_THAT(message("def forward(self, x):\n  return 3\n"), HasSubstr("answers with Int"));
  EXPECT_THAT(message("def forward(self, x):\n  return x.float().view([7, 7])\n"),
              HasSubstr("the module failed"));
}

TEST(TorchScriptExtractor, RefusesWhatIsNoArchiveAndOptionsThatAreNone) {
  const TemporaryFolder folder;
  folder.write("x.pt", "no archive");

  EXPECT_THAT(fault(load_extractor({"torchscript", "", Json::object()}, folder / "x.pt")),
              HasSubstr("no TorchScript archive"));
  EXPECT_THAT(fault(load_extractor({"torchscript", "", Json::object()}, folder / "y.pt")),
              HasSubstr("missing"));
  EXPECT_THAT(fault(load_extractor({"torchscript", "", {{"range", "odd"}, {"resize", "big"}}},
                                   folder / "x.pt")),
              ::testing::AllOf(HasSubstr("odd"), HasSubstr("big")));
  EXPECT_THAT(fault(load_extractor({"inception", "", Json::object()}, folder / "x.pt")),
              HasSubstr("'inception' is unknown"));
}

}  // namespace
}  // namespace isocost::diffusion
