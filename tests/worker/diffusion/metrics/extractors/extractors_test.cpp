#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "base/io/picture.h"
#include "base/io/safetensors.h"
#include "experiments/world/world.h"
#include "tests/base/io/temporary_folder.h"
#include "tests/worker/diffusion/metrics/rows.h"
#include "worker/diffusion/metrics/extractors/extractor.h"
#include "worker/diffusion/metrics/extractors/networks.h"
#include "worker/diffusion/models/feature_network.h"

namespace isocost::diffusion {
namespace {

using isocost::testing::picture_tensor;
using isocost::testing::TemporaryFolder;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

// As the worker does; more threads than idle cores would wait for each other.
const bool kHasOneThread = (at::set_num_threads(1), true);

const std::filesystem::path kClip =
    std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/models/clip";

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
    const at::Tensor row = (*features)->extract({.pictures = picture, .prompts = {""}}).value();
    EXPECT_LT((row[0] - golden("image_embeds")[i]).abs().max().item<double>(), 1e-5);
    for (int p = 0; p < 3; ++p) {
      const at::Tensor cosine =
          (*score)
              ->extract({.pictures = picture, .prompts = {prompts[static_cast<std::size_t>(p)]}})
              .value();
      EXPECT_EQ(cosine.sizes(), at::IntArrayRef({1, 1}));
      EXPECT_NEAR(cosine.item<double>(), golden("cosine")[i][p].item<double>(), 1e-5);
    }
  }
}

// Once the weights are gone, what still opens has them from an extractor that lives.
TEST(ClipExtractors, ShareWhatTheyLookThrough) {
  const TemporaryFolder folder;
  fs::copy(kClip, folder / "clip", fs::copy_options::recursive);
  ExtractorNetworks networks;
  const auto open = [&](const std::string& kind, const std::string& content) {
    return load_extractor({kind, content, Json::object()}, folder / "clip",
                          {.networks = &networks});
  };
  auto score = open("clip", "a");
  ASSERT_TRUE(score) << fault(score);
  fs::remove(folder / "clip/model.safetensors");

  auto features = open("clip-features", "a");
  EXPECT_TRUE(features) << fault(features);
  EXPECT_FALSE(open("clip-features", "b"))
      << "another content at the same place is another network";
  *score = nullptr;
  EXPECT_TRUE(open("clip-whole", "a"));
  *features = nullptr;
  EXPECT_FALSE(open("clip-features", "a")) << "nobody has it any more";
}

TEST(ClipExtractors, SayWhatIsMissing) {
  const TemporaryFolder folder;

  EXPECT_THAT(fault(load_extractor({"clip", "", {{"prefx", "a"}}}, kClip)),
              HasSubstr("'prefx' is unknown"));
  EXPECT_THAT(fault(load_extractor({"clip", "", Json::object()}, folder.path())),
              HasSubstr("config.json"));
}

// A feature network with small random weights, written as the family's is.
std::filesystem::path write_network(const TemporaryFolder& folder) {
  FeatureNetworkConfig config{.image_size = world::kSide,
                              .channels = {8, 8, 16, 16},
                              .norm_groups = 4,
                              .features = 12,
                              .attributes = {}};
  for (const auto& attribute : world::attributes())
    config.attributes.push_back({attribute.name, attribute.classes});
  at::manual_seed(5);
  const at::NoGradGuard no_gradients;
  FeatureNetwork network(config);
  io::TensorViews tensors;
  for (const auto& item : network->named_parameters()) {
    const at::Tensor& value = item.value();
    tensors[item.key()] = {io::Dtype::kF32,
                           value.sizes().vec(),
                           {static_cast<const std::byte*>(value.data_ptr()), value.nbytes()}};
  }
  folder.write("features/config.json", to_json(config).dump());
  io::write_safetensors(folder / "features/model.safetensors", tensors);
  return folder / "features";
}

struct WorldBatch {
  at::Tensor pictures;
  std::vector<std::string> captions;
};
WorldBatch world_batch(std::int64_t n) {
  WorldBatch batch{at::empty({n, world::kSide, world::kSide, 3}, at::kByte), {}};
  for (std::int64_t i = 0; i < n; ++i) {
    const world::Scene scene =
        world::scene(world::Split::kValidation, static_cast<std::uint64_t>(i), 0);
    world::render(scene, batch.pictures[i].data_ptr<std::uint8_t>());
    batch.captions.push_back(world::caption(scene));
  }
  batch.pictures = batch.pictures.permute({0, 3, 1, 2}).contiguous();
  return batch;
}

TEST(MiniExtractors, GiveFeaturesAndWhatTheNetworkReadsRight) {
  const TemporaryFolder folder;
  const auto network_folder = write_network(folder);
  const auto features = load_extractor({"mini-features", "", Json::object()}, network_folder);
  const auto attributes = load_extractor({"mini-attributes", "", Json::object()}, network_folder);
  ASSERT_TRUE(features) << fault(features);
  ASSERT_TRUE(attributes) << fault(attributes);
  const WorldBatch batch = world_batch(6);

  const auto rows = (*features)->extract({.pictures = batch.pictures, .prompts = batch.captions});
  const auto right =
      (*attributes)->extract({.pictures = batch.pictures, .prompts = batch.captions});

  ASSERT_TRUE(rows) << rows.error().message();
  EXPECT_EQ(rows->sizes(), at::IntArrayRef({6, 12}));
  EXPECT_TRUE(at::isfinite(*rows).all().item<bool>());
  ASSERT_TRUE(right) << right.error().message();
  EXPECT_EQ(right->sizes(), at::IntArrayRef({6, static_cast<std::int64_t>(world::kAttributes)}));
  EXPECT_TRUE(((*right == 0) | (*right == 1) | at::isnan(*right)).all().item<bool>());
  // What a caption leaves out is asked of no picture.
  for (std::int64_t i = 0; i < 6; ++i) {
    const auto told = *world::parse_caption(batch.captions[static_cast<std::size_t>(i)]);
    for (std::size_t k = world::kBackgroundAttribute; k < world::kAttributes; ++k)
      EXPECT_EQ(std::isnan((*right)[i][static_cast<std::int64_t>(k)].item<double>()),
                !told.tells(k))
          << batch.captions[static_cast<std::size_t>(i)];
  }
}

TEST(MiniExtractors, RefuseOtherPromptsSizesAndWeights) {
  const TemporaryFolder folder;
  const auto network_folder = write_network(folder);
  const auto attributes = load_extractor({"mini-attributes", "", Json::object()}, network_folder);
  const WorldBatch batch = world_batch(1);

  EXPECT_THAT((*attributes)
                  ->extract({.pictures = batch.pictures, .prompts = {"a photo of a cat"}})
                  .error()
                  .message(),
              HasSubstr("no caption of the mini world"));
  EXPECT_THAT(
      (*attributes)
          ->extract({.pictures = at::zeros({1, 3, 32, 64}, at::kByte), .prompts = batch.captions})
          .error()
          .message(),
      HasSubstr("64 x 32"));
  EXPECT_THAT(fault(load_extractor({"mini-features", "", Json::object()}, kClip)),
              HasSubstr("config.json"));
}

// A network with drawn weights reads something, if nothing true: that is enough to see what is held
// against what.
TEST(MiniExtractors, HoldEditsAgainstTheirSourceAndTarget) {
  const TemporaryFolder folder;
  const auto network_folder = write_network(folder);
  const auto edits = load_extractor({"mini-edits", "", Json::object()}, network_folder);
  const auto distance = load_extractor({"mini-perceptual", "", Json::object()}, network_folder);
  ASSERT_TRUE(edits) << fault(edits);
  ASSERT_TRUE(distance) << fault(distance);
  const at::Tensor sources = world_batch(8).pictures, targets = sources.flip({0});
  const auto rows_of = [&](Extractor& extractor, const at::Tensor& pictures) {
    const auto rows = extractor.extract({.pictures = pictures,
                                         .prompts = std::vector<std::string>(8),
                                         .items = {.sources = sources, .targets = targets}});
    EXPECT_TRUE(rows) << rows.error().message();
    return *rows;
  };

  const at::Tensor obeyed = rows_of(**edits, targets), unchanged = rows_of(**edits, sources);
  const at::Tensor is_edited = at::isnan(obeyed.select(1, 0)).logical_not();
  ASSERT_TRUE(is_edited.any().item<bool>());
  // The target has all that was wanted, the source none of it; both keep the rest.
  EXPECT_TRUE((obeyed.select(1, 0).masked_select(is_edited) == 1).all().item<bool>());
  EXPECT_TRUE((unchanged.select(1, 0).masked_select(is_edited) == 0).all().item<bool>());
  for (const at::Tensor& rows : {obeyed, unchanged}) {
    const at::Tensor kept = rows.select(1, 1);
    EXPECT_TRUE(((kept == 1) | at::isnan(kept)).all().item<bool>());
  }
  EXPECT_TRUE((rows_of(**distance, targets) == 0).all().item<bool>());
  const at::Tensor far = rows_of(**distance, sources);
  EXPECT_EQ(far.sizes(), at::IntArrayRef({8, 1}));
  EXPECT_TRUE((far > 0).all().item<bool>());
  // Which of the two is the target changes nothing.
  EXPECT_TRUE(at::allclose(far, far.flip({0})));
}

TEST(FeatureNetwork, NamesEveryFaultOfItsConfiguration) {
  const Json json = {{"_class_name", "Other"},
                     {"image_size", 60},
                     {"channels", {8, 9, 16, 16}},
                     {"norm_groups", 4},
                     {"features", 0},
                     {"attributes", {{{"name", "a"}, {"classes", 1}}}}};

  const std::string message = feature_network_config_from_json(json, "c").error().message();

  for (const char* part :
       {"_class_name", "image_size", "9 is no multiple", "features", "classes"}) {
    EXPECT_THAT(message, HasSubstr(part));
  }
}

TEST(TorchScriptExtractor, AnswersWithTheModulesRows) {
  const TemporaryFolder folder;
  const auto extractor =
      load_extractor({"torchscript", "", Json::object()}, write_module(folder, kMeans));
  ASSERT_TRUE(extractor) << fault(extractor);
  const at::Tensor pictures = at::arange(2 * 3 * 4 * 4, at::kInt).view({2, 3, 4, 4}).to(at::kByte);

  const auto rows = (*extractor)->extract({.pictures = pictures, .prompts = {"", ""}});

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

  const auto rows =
      (*extractor)->extract({.pictures = at::full({1, 3, 5, 6}, 192, at::kByte), .prompts = {""}});

  ASSERT_TRUE(rows) << rows.error().message();
  EXPECT_LT((*rows - 1.0).abs().max().item<double>(), 1e-5);
}

TEST(TorchScriptExtractor, RefusesAnswersOfAnotherShapeAndFaultsOfTheModule) {
  const TemporaryFolder folder;
  const at::Tensor pictures = at::zeros({2, 3, 4, 4}, at::kByte);
  const auto message = [&](const std::string& forward) {
    const auto extractor =
        load_extractor({"torchscript", "", Json::object()}, write_module(folder, forward));
    const auto rows = (*extractor)->extract({.pictures = pictures, .prompts = {"", ""}});
    return rows ? "" : rows.error().message();
  };

  EXPECT_THAT(message("def forward(self, x):\n  return x.float()\n"), HasSubstr("[2, 3, 4, 4]"));
  EXPECT_THAT(message("def forward(self, x):\n  return 3\n"), HasSubstr("answers with Int"));
  EXPECT_THAT(message("def forward(self, x):\n  return x.float().view([7, 7])\n"),
              HasSubstr("the module failed on uint8 [2, 3, 4, 4]: shape '[7, 7]' is invalid for "
                        "input of size 96"));
  EXPECT_THAT(message("def forward(self, x):\n  return torch.matmul(x, x.float())\n"),
              HasSubstr("expected"));
  // What the script itself raises is no fault of LibTorch's own class.
  EXPECT_THAT(message("def forward(self, x):\n  assert x.size(2) == 299, \"only 299\"\n"
                      "  return x.float().mean([2, 3])\n"),
              HasSubstr("only 299"));
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
