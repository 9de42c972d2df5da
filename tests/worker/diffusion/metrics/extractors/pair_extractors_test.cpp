// Extractors that look at a picture and at what belongs to it, held against the field's packages.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/io/atomic_file.h"
#include "base/io/safetensors.h"
#include "schema/arch/perceptual.h"
#include "schema/metrics/extractor.h"
#include "tests/base/io/temporary_folder.h"
#include "tests/worker/diffusion/image/waves.h"
#include "tests/worker/diffusion/metrics/rows.h"
#include "worker/diffusion/metrics/extractors/extractor.h"
#include "worker/diffusion/metrics/extractors/rows_maker.h"

namespace isocost::diffusion {
namespace {

using isocost::testing::known_picture;
using isocost::testing::picture_tensor;
using isocost::testing::TemporaryFolder;
using isocost::testing::waves;
using ::testing::HasSubstr;

const std::filesystem::path kGoldenFolder =
    std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden";
const std::filesystem::path kClipFolder = kGoldenFolder / "models/clip";
const std::filesystem::path kVitFolder = kGoldenFolder / "picture_metrics/vit";

const Json kDefaults = Json::object();

Json golden_json(const std::string& name) {
  return parse_json(io::read_file(kGoldenFolder / name).value(), name).value();
}

std::unique_ptr<Extractor> loaded(const std::string& kind, const std::filesystem::path& input = {},
                                  const Json& options = Json::object()) {
  auto extractor = load_extractor({kind, "", options}, input);
  EXPECT_TRUE(extractor) << (extractor ? "" : extractor.error().message());
  return extractor ? std::move(*extractor) : nullptr;
}

at::Tensor rows_of(Extractor& extractor, const RowInput& input) {
  const auto rows = extractor.extract(input);
  EXPECT_TRUE(rows) << (rows ? "" : rows.error().message());
  return rows.value_or(at::full({1, 1}, std::nan("")));
}

RowInput pair_of(const io::Picture& picture, const io::Picture& target) {
  RowInput input{.pictures = picture_tensor(picture), .prompts = {}};
  input.items.targets = picture_tensor(target);
  return input;
}

double psnr_of(double squared_error) { return 10 * std::log10(255 * 255 / squared_error); }

TEST(PixelExtractors, EqualTheKnownAnswers) {
  const Json golden = golden_json("metrics.json");
  const RowInput input = pair_of(known_picture(100, 0), known_picture(96, .05));
  ASSERT_EQ(input.pictures.sum().item<std::int64_t>(), golden.at("img_probe")[0]);
  ASSERT_EQ(input.items.targets.sum().item<std::int64_t>(), golden.at("img_probe")[1]);
  const auto row = [&](const char* kind, const Json& options) {
    return rows_of(*loaded(kind, {}, options), input).item<double>();
  };

  EXPECT_NEAR(psnr_of(row("squared-error", kDefaults)), golden.at("psnr_rgb").get<double>(), 1e-9);
  EXPECT_NEAR(psnr_of(row("squared-error", {{"crop_border", 4}})),
              golden.at("psnr_rgb_crop4").get<double>(), 1e-9);
  const Json luma = golden_json("picture_metrics/golden.json").at("numpy").at("luma");
  EXPECT_NEAR(psnr_of(row("squared-error", {{"channels", "y"}})), luma.at("psnr").get<double>(),
              1e-9);
  EXPECT_NEAR(row("structure", kDefaults), golden.at("ssim_gauss11_valid_rgbmean").get<double>(),
              1e-9);
  EXPECT_NEAR(row("structure", {{"channels", "y"}}), luma.at("ssim").get<double>(), 1e-9);
}

TEST(PixelExtractors, EqualTorchmetrics) {
  for (const Json& one : golden_json("picture_metrics/golden.json").at("pixels")) {
    const int width = one.at("width").get<int>(), height = one.at("height").get<int>();
    const RowInput input = pair_of(waves(width, height, one.at("bend").get<double>()),
                                   waves(width, height, one.at("target_bend").get<double>()));
    const Json options = {{"crop_border", one.at("crop_border")}};

    EXPECT_NEAR(psnr_of(rows_of(*loaded("squared-error", {}, options), input).item<double>()),
                one.at("psnr").get<double>(), 1e-9);
    EXPECT_NEAR(rows_of(*loaded("structure", {}, options), input).item<double>(),
                one.at("ssim").get<double>(), 1e-9);
  }
}

TEST(PixelExtractors, SayWhatIsTooSmallOrMissing) {
  const RowInput input = pair_of(waves(20, 12, .01), waves(20, 12, .02));
  const auto fault = [&](const char* kind, const Json& options, const RowInput& some) {
    const auto rows = loaded(kind, {}, options)->extract(some);
    return rows ? "no fault" : rows.error().message();
  };

  EXPECT_EQ(fault("structure", {{"crop_border", 1}}, input),
            "pictures: they have 20 x 12 pixels; expected 13 or more a side, which the extractor "
            "structure takes with its options");
  EXPECT_THAT(fault("squared-error", {{"crop_border", 6}}, input),
              HasSubstr("expected 13 or more a side"));
  EXPECT_EQ(fault("structure", kDefaults, input), "no fault");
  EXPECT_EQ(fault("squared-error", kDefaults, {.pictures = input.pictures, .prompts = {}}),
            "items: they have no target; expected one a picture, which the extractor squared-error "
            "needs");
  RowInput other = input;
  other.items.targets = picture_tensor(waves(21, 12, .02));
  EXPECT_EQ(fault("squared-error", kDefaults, other),
            "items: the target has 21 x 12 pixels; expected 20 x 12, as the picture");
  other.items.targets = input.items.targets.expand({2, 3, 12, 20});
  EXPECT_THAT(fault("squared-error", kDefaults, other),
              HasSubstr("there are 2 of the target; expected 1"));
  const auto unknown = load_extractor({"structure", "", {{"border", 1}, {"channels", "z"}}}, {});
  EXPECT_THAT(unknown.error().message(),
              ::testing::AllOf(HasSubstr("'border' is unknown"), HasSubstr("one of: rgb, y")));
}

TEST(OutsideMaskExtractor, SeesWhatMustNotChangeAlone) {
  RowInput input{.pictures = at::full({1, 3, 8, 10}, 100, at::kByte), .prompts = {}};
  input.items.sources = input.pictures.clone();
  input.items.masks = at::zeros({1, 1, 8, 10}, at::kBool);
  input.items.masks.slice(2, 2, 4).slice(3, 3, 6).fill_(true);   // 2 x 3 of 80 pixels
  input.pictures.slice(2, 2, 4).slice(3, 3, 6).fill_(255);       // within the mask
  input.pictures.slice(2, 0, 1).slice(3, 0, 1).fill_(100 + 51);  // one pixel without
  const double count = 80 - 6;

  const at::Tensor rows = rows_of(*loaded("outside-mask"), input);

  EXPECT_NEAR(rows[0][0].item<double>(), 0.2 / count, 1e-12);
  EXPECT_NEAR(rows[0][1].item<double>(), 0.04 / count, 1e-12);
  // Widened by one row and column each way: 4 x 5 pixels.
  EXPECT_NEAR(rows_of(*loaded("outside-mask", {}, {{"margin", 1}}), input)[0][0].item<double>(),
              0.2 / 60, 1e-12);
  EXPECT_THAT(loaded("outside-mask", {}, {{"margin", 9}})->extract(input).error().message(),
              HasSubstr("leaves no pixel as it is"));
}

// Weights as script/reference/picture_metrics.py fills lpips's network with.
std::filesystem::path write_perceptual(const TemporaryFolder& folder, const std::string& net) {
  const Json json = {{"_class_name", "IsocostPerceptualNetwork"}, {"net", net}, {"version", "0.1"}};
  const auto config = arch::perceptual_config_from_json(json, "config").value();
  std::vector<arch::TensorSpec> convolutions, heads;
  for (const auto& tensor : arch::perceptual_tensors(config))
    (tensor.name.starts_with("lin") ? heads : convolutions).push_back(tensor);
  std::map<std::string, at::Tensor> weights;
  std::int64_t number = 0;
  const auto add = [&](const arch::TensorSpec& tensor, double amplitude, double middle) {
    std::int64_t count = 1;
    for (const auto size : tensor.shape) count *= size;
    const at::Tensor place = at::arange(count, at::kDouble);
    weights[tensor.name] =
        (middle + (amplitude * at::sin(1.7 * place + static_cast<double>(number++))).to(at::kFloat))
            .reshape(tensor.shape);
  };
  for (const auto& tensor : convolutions) {
    double fan_in = 1;
    for (std::size_t i = 1; i < tensor.shape.size(); ++i)
      fan_in *= static_cast<double>(tensor.shape[i]);
    add(tensor, tensor.shape.size() == 4 ? 2 / std::sqrt(fan_in) : .05, 0);
  }
  for (const auto& tensor : heads) add(tensor, .5, .5);
  io::TensorViews views;
  for (const auto& [name, tensor] : weights)
    views[name] = {io::Dtype::kF32,
                   tensor.sizes().vec(),
                   {static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()}};
  folder.write(net + "/config.json", json.dump());
  io::write_safetensors(folder / (net + "/model.safetensors"), views);
  return folder / net;
}

TEST(PerceptualExtractor, EqualsLpips) {
  const TemporaryFolder folder;
  for (const Json& one : golden_json("picture_metrics/golden.json").at("lpips")) {
    const auto extractor =
        loaded("perceptual", write_perceptual(folder, one.at("net").get<std::string>()));
    ASSERT_NE(extractor, nullptr);
    const int width = one.at("width").get<int>(), height = one.at("height").get<int>();
    const auto batch_of = [&](const char* bends) {
      std::vector<at::Tensor> pictures;
      for (const Json& bend : one.at(bends))
        pictures.push_back(picture_tensor(waves(width, height, bend.get<double>())));
      return at::cat(pictures);
    };
    RowInput input{.pictures = batch_of("bends"), .prompts = {}};
    input.items.targets = batch_of("target_bends");

    const at::Tensor rows = rows_of(*extractor, input);

    for (std::int64_t i = 0; i < 2; ++i) {
      const double wanted = one.at("distance")[static_cast<std::size_t>(i)].get<double>();
      EXPECT_NEAR(rows[i][0].item<double>(), wanted, 2e-5 * wanted) << one.at("net");
    }
    input.items.targets = input.pictures;
    EXPECT_EQ(rows_of(*extractor, input).abs().max().item<double>(), 0);
  }
}

TEST(PerceptualExtractor, RefusesSmallPicturesAndFoldersOfOtherNetworks) {
  const TemporaryFolder folder;
  const auto alex = write_perceptual(folder, "alex");
  EXPECT_EQ(loaded("perceptual", alex)
                ->extract(pair_of(waves(64, 63, .01), waves(64, 63, .02)))
                .error()
                .message(),
            "pictures: they have 64 x 63 pixels; expected 64 or more a side, which the extractor "
            "perceptual takes with its options");
  folder.write("alex/config.json",
               R"({"_class_name": "IsocostPerceptualNetwork", "net": "vgg", "version": "0.1"})");
  EXPECT_THAT(load_extractor({"perceptual", "", kDefaults}, alex).error().message(),
              HasSubstr("features.12.weight"));
  EXPECT_THAT(load_extractor({"perceptual", "", kDefaults}, kClipFolder).error().message(),
              HasSubstr("this is no network of LPIPS"));
}

TEST(VitExtractors, EqualTransformers) {
  const Json golden = golden_json("picture_metrics/golden.json").at("vit");
  std::vector<at::Tensor> pictures;
  for (std::size_t i = 0; i < 3; ++i)
    pictures.push_back(picture_tensor(waves(golden.at("sizes")[i][0].get<int>(),
                                            golden.at("sizes")[i][1].get<int>(),
                                            golden.at("bends")[i].get<double>())));
  for (const char* preprocess : {"dreambooth", "folder"}) {
    const auto features = loaded("vit-features", kVitFolder, {{"preprocess", preprocess}});
    ASSERT_NE(features, nullptr);
    for (std::size_t i = 0; i < 3; ++i) {
      const auto wanted = golden.at(preprocess)[i].get<std::vector<double>>();
      const at::Tensor row = rows_of(*features, {.pictures = pictures[i], .prompts = {""}})[0];
      EXPECT_LT((row.to(at::kDouble) - at::tensor(wanted, at::kDouble)).abs().max().item<double>(),
                2e-5)
          << preprocess << " " << i;
    }
  }
  const auto to_target = loaded("vit-to-target", kVitFolder);
  const auto to_source = loaded("vit-to-source", kVitFolder);
  for (std::size_t i = 0; i < 3; ++i) {
    RowInput input{.pictures = pictures[i], .prompts = {}};
    input.items.targets = pictures[(i + 1) % 3];
    input.items.sources = pictures[(i + 2) % 3];
    EXPECT_NEAR(rows_of(*to_target, input).item<double>(),
                golden.at("cosine")[i][(i + 1) % 3].get<double>(), 1e-5);
    EXPECT_NEAR(rows_of(*to_source, input).item<double>(),
                golden.at("cosine")[i][(i + 2) % 3].get<double>(), 1e-5);
  }
}

TEST(VitExtractors, RefuseOtherFolders) {
  EXPECT_THAT(load_extractor({"vit-features", "", kDefaults}, kClipFolder).error().message(),
              HasSubstr("a ViT of transformers"));
  EXPECT_THAT(
      load_extractor({"vit-to-source", "", {{"preprocess", "no"}}}, kVitFolder).error().message(),
      HasSubstr("one of: dreambooth, folder"));
}

class ClipPairs : public ::testing::Test {
 protected:
  ClipPairs() : golden_(golden_json("picture_metrics/golden.json").at("clip")) {
    for (int i = 0; i < 4; ++i)
      pictures_.push_back(picture_tensor(
          io::read_picture(kClipFolder / ("golden/picture_" + std::to_string(i) + ".png"))
              .value()));
  }
  [[nodiscard]] std::string text(std::size_t i) const { return golden_.at("texts")[i]; }

  Json golden_;
  std::vector<at::Tensor> pictures_;
};

TEST_F(ClipPairs, EqualTransformers) {
  const auto to_source = loaded("clip-to-source", kClipFolder);
  const auto to_target = loaded("clip-to-target", kClipFolder);
  const auto direction = loaded("clip-direction", kClipFolder);
  for (std::size_t i = 1; i < 4; ++i) {
    RowInput input{.pictures = pictures_[i], .prompts = {}};
    input.items.sources = pictures_[0];
    input.items.targets = pictures_[i - 1];
    input.items.source_texts = {text(0)};
    input.items.target_texts = {text(1)};
    EXPECT_NEAR(rows_of(*to_source, input).item<double>(),
                golden_.at("image_cosine")[i][0].get<double>(), 1e-5);
    EXPECT_NEAR(rows_of(*to_target, input).item<double>(),
                golden_.at("image_cosine")[i][i - 1].get<double>(), 1e-5);
    EXPECT_NEAR(rows_of(*direction, input).item<double>(),
                golden_.at("direction_from_0_to_1_2_3")[i - 1].get<double>(), 2e-5);
  }
}

TEST_F(ClipPairs, ReadTheTextOfWhatIsWanted) {
  const auto plain = loaded("clip-to-text", kClipFolder);
  const auto without = loaded("clip-to-text", kClipFolder, {{"without", "sks"}});
  for (std::size_t i = 0; i < 4; ++i) {
    RowInput input{.pictures = pictures_[i], .prompts = {"not this"}};
    input.items.target_texts = {text(1)};
    const double wanted = golden_.at("text_cosine")[i][1].get<double>();
    EXPECT_NEAR(rows_of(*plain, input).item<double>(), wanted, 1e-5);
    input.items.target_texts = {"the sks blue sks square"};
    EXPECT_NEAR(rows_of(*without, input).item<double>(), wanted, 1e-5);
    EXPECT_GT(std::abs(rows_of(*plain, input).item<double>() - wanted), 1e-4);
  }
}

TEST_F(ClipPairs, SeeWholePicturesForCmmd) {
  const auto whole = loaded("clip-whole", kClipFolder);
  const auto cropped = loaded("clip-whole", kClipFolder, {{"fit", "crop"}});
  const auto features = loaded("clip-features", kClipFolder);
  for (std::size_t i = 0; i < 4; ++i) {
    const RowInput input{.pictures = pictures_[i], .prompts = {}};
    const auto wanted = golden_.at("whole_features")[i].get<std::vector<double>>();
    const at::Tensor row = rows_of(*whole, input)[0].to(at::kDouble);
    EXPECT_LT((row - at::tensor(wanted, at::kDouble)).abs().max().item<double>(), 2e-5);
    EXPECT_TRUE(at::equal(rows_of(*cropped, input), rows_of(*features, input)));
  }
}

TEST_F(ClipPairs, RefuseTextsThatDoNotDifferAndItemsThatAreNotThere) {
  RowInput input{.pictures = pictures_[0], .prompts = {}};
  const auto direction = loaded("clip-direction", kClipFolder);
  const std::string message = direction->extract(input).error().message();
  for (const char* slot : {"no source;", "no source's text", "no target's text"})
    EXPECT_THAT(message, HasSubstr(slot));
  input.items.sources = pictures_[1];
  input.items.source_texts = input.items.target_texts = {"a cat"};
  EXPECT_THAT(direction->extract(input).error().message(),
              HasSubstr("'a cat' is the text of a source and of its target"));
}

class Counting : public Extractor {
 public:
  Result<at::Tensor> extract(const RowInput& input) override {
    batches.push_back(input.pictures.size(0));
    texts.insert(texts.end(), input.items.target_texts.begin(), input.items.target_texts.end());
    return input.pictures.to(at::kFloat).flatten(1).mean(1, true);
  }
  std::vector<std::int64_t> batches;
  std::vector<std::string> texts;
};

// Of equal sizes, so many at most, in their order.
TEST(RowsMaker, MakesBatchesOfNeighbours) {
  Counting extractor;
  RowsMaker maker(extractor, 2);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(maker.columns().has_value(), i > 2) << i;
    RowInput one{.pictures = at::full({1, 3, i < 3 ? 2 : 4, 2}, i, at::kByte), .prompts = {}};
    one.items.target_texts = {std::to_string(i)};
    one.items.targets = at::zeros({1, 3, i < 5 ? 8 : 9, 8}, at::kByte);
    ASSERT_TRUE(maker.add(std::move(one)));
  }

  const at::Tensor rows = maker.finish().value();

  EXPECT_EQ(extractor.batches, (std::vector<std::int64_t>{2, 1, 2, 1}));
  EXPECT_EQ(extractor.texts, (std::vector<std::string>{"0", "1", "2", "3", "4", "5"}));
  EXPECT_TRUE(at::equal(rows, at::arange(6, at::kFloat).unsqueeze(1)));
}

// The table says what is built, and what each kind needs.
TEST(Extractors, AreThoseOfTheTable) {
  std::vector<std::string> kinds;
  for (const auto& row : metrics::extractors()) {
    kinds.push_back(row.kind);
    for (const auto rows : row.rows) {
      const auto& form = metrics::rows_kind(rows);
      EXPECT_EQ(form.needs, row.needs()) << row.kind;
      EXPECT_EQ(form.is_pixelwise, row.is_pixelwise()) << row.kind;
      EXPECT_EQ(form.may_hold_nan, row.may_hold_nan()) << row.kind;
      EXPECT_EQ(form.columns, row.form_of_rows().columns) << row.kind;
    }
  }
  EXPECT_THAT(extractor_kinds(), ::testing::UnorderedElementsAreArray(kinds));
}

}  // namespace
}  // namespace isocost::diffusion
