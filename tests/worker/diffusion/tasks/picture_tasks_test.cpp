// Tasks that begin with pictures, on the small reference models: what each feeds the network, what
// it leaves alone, and what it refuses. That their pictures are those of diffusers is shown by
// verify_test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/io/inputs.h"
#include "schema/samplers/resolve.h"
#include "worker/diffusion/samplers/noise.h"
#include "worker/diffusion/tasks/pictures.h"

namespace isocost::diffusion {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kPictureModels =
    std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/models";

std::string part_digest(const std::string& part) {
  return io::input_digest(kPictureModels / part).value().name();
}

class PictureTasks : public ::testing::Test {
 protected:
  PictureTasks() : cache_({kPictureModels}, at::kCPU, "") {}

  // A sample of this task with the model of a reference, 16 x 16 pixels unless it is changed.
  SampleSpec sample(const std::string& task, const std::string& model, const Json& parameters) {
    SampleSpec spec;
    spec.task = task;
    for (const char* part : {"unet", "vae", "text_encoder", "tokenizer"})
      spec.inputs[part] = part_digest(model + "/" + part);
    spec.guidance = 3;
    spec.negative_prompt = "low quality";
    spec.seed = 11;
    spec.height = spec.width = 16;
    spec.parameters = parameters;
    return spec;
  }
  WarmModel& model(const SampleSpec& spec) {
    const auto loaded = cache_.model(spec);
    EXPECT_TRUE(loaded) << loaded.error().message();
    return **loaded;
  }
  static std::unique_ptr<Stepper> ddim(int steps) {
    return make_stepper(sampling::resolve(sampling::stored_scheduler(Json(), ""),
                                          {{"sampler", "ddim"}, {"steps", steps}}, "test")
                            .value());
  }
  // Images with a picture each that is keyed by the image's number.
  static Group pictured(const std::vector<std::uint64_t>& images, std::int64_t side = 16) {
    Group group;
    group.images = images;
    group.prompts.assign(images.size(), "a red cat");
    group.sources = (keyed_noise(3, images, 0, {3, side, side}) * 0.2 + 0.5).clamp(0, 1);
    group.masks = at::zeros({static_cast<std::int64_t>(images.size()), 1, side, side});
    group.masks.slice(3, side / 2, side).fill_(1);
    return group;
  }
  Result<Denoising> begin(const SampleSpec& spec, const Group& group, const Stepper& stepper) {
    return find_engine_task(spec.task)->begin(model(spec), spec, group, stepper);
  }
  std::string fault(const SampleSpec& spec, const Group& group, int steps = 10) {
    const auto begun = begin(spec, group, *ddim(steps));
    return begun ? "no fault" : begun.error().message();
  }

  ModelCache cache_;
};

TEST_F(PictureTasks, BeginWhereTheirStrengthSays) {
  const auto stepper = ddim(10);
  const SampleSpec spec = sample("sdedit", "sd1", {{"strength", 0.3}});

  const auto begun = begin(spec, pictured({4, 5}), *stepper);

  ASSERT_TRUE(begun) << begun.error().message();
  EXPECT_EQ(begun->start.first_call, 7U);
  WarmModel& warm = model(spec);
  const at::Tensor z = sampled_latents(warm, signed_pictures(pictured({4, 5}).sources),
                                       keyed_noise(11, {4, 5}, kPosteriorNoise, {4, 8, 8}));
  EXPECT_TRUE(
      at::equal(begun->start.x, stepper->noised(7, z, keyed_noise(11, {4, 5}, 0, {4, 8, 8}))));
}

TEST_F(PictureTasks, LeaveNoStepOut) {
  EXPECT_THAT(fault(sample("sdedit", "sd1", {{"strength", 0.05}}), pictured({0})),
              HasSubstr("leaves none of 10 steps; expected at least 0.1"));
  EXPECT_THAT(fault(sample("inpaint", "inpaint9", {{"strength", 0.05}}), pictured({0})),
              HasSubstr("leaves none of 10 steps"));
}

// A network without channels for the mask: what lies outside is the source, to the bit.
TEST_F(PictureTasks, KeepWhatIsOutsideTheMask) {
  SampleSpec spec = sample("inpaint", "sd1", {{"strength", 1.0}});
  const auto stepper = ddim(4);
  const Group two = pictured({4, 5});
  WarmModel& warm = model(spec);

  const auto begun = begin(spec, two, *stepper);
  ASSERT_TRUE(begun) << begun.error().message();
  const at::Tensor latents = warm.pipeline.denoise(*stepper, *begun);

  const at::Tensor z = sampled_latents(warm, signed_pictures(two.sources),
                                       keyed_noise(11, {4, 5}, kPosteriorNoise, {4, 8, 8}));
  EXPECT_TRUE(at::equal(latents.slice(3, 0, 4), z.slice(3, 0, 4)));
  EXPECT_GT((latents - z).slice(3, 4, 8).abs().min().item<float>(), 0);
}

TEST_F(PictureTasks, HideWhatIsInsideTheMask) {
  const SampleSpec spec = sample("inpaint", "inpaint9", {{"strength", 1.0}});
  Group other = pictured({4, 5});
  other.sources = at::where(other.masks >= 0.5, 1 - other.sources, other.sources);

  const auto one = begin(spec, pictured({4, 5}), *ddim(4));
  const auto two = begin(spec, other, *ddim(4));

  ASSERT_TRUE(one && two);
  ASSERT_EQ(one->branches.size(), 2U);
  EXPECT_EQ(one->branches[0].channels.sizes(), at::IntArrayRef({2, 5, 8, 8}));
  EXPECT_TRUE(at::equal(one->branches[0].channels, two->branches[0].channels));
  EXPECT_TRUE(at::equal(one->start.x, two->start.x));
  EXPECT_TRUE(at::equal(one->branches[0].channels[0][0][0],
                        at::tensor({0.F, 0.F, 0.F, 0.F, 1.F, 1.F, 1.F, 1.F})));
}

TEST_F(PictureTasks, GuideByPictureAndTextApart) {
  SampleSpec spec = sample("instruct", "pix2pix", {{"image_guidance", 1.25}});

  const auto begun = begin(spec, pictured({4, 5}), *ddim(4));

  ASSERT_TRUE(begun) << begun.error().message();
  const auto& branches = begun->branches;
  ASSERT_EQ(branches.size(), 3U);
  EXPECT_EQ(branches[0].channels.count_nonzero().item<std::int64_t>(), 0);
  EXPECT_TRUE(at::equal(branches[1].channels, branches[2].channels));
  EXPECT_TRUE(at::equal(branches[0].text, branches[1].text));
  EXPECT_FALSE(at::equal(branches[1].text, branches[2].text));
  EXPECT_EQ(branches[1].scale, 1.25);
  EXPECT_EQ(branches[2].scale, 3);
  spec.guidance = 1;
  spec.parameters = Json::object();
  EXPECT_EQ(begin(spec, pictured({4, 5}), *ddim(4))->branches.size(), 1U);
}

TEST_F(PictureTasks, TellTheNetworkTheLevelOfNoise) {
  SampleSpec spec = sample("x4", "x4", {{"noise_level", 35}, {"low_res_alpha_bar", 1.0}});
  spec.height = spec.width = 48;
  const Group two = pictured({4, 5}, 12);

  const auto begun = begin(spec, two, *ddim(4));

  ASSERT_TRUE(begun) << begun.error().message();
  for (const Branch& branch : begun->branches) {
    EXPECT_TRUE(at::equal(branch.channels, signed_pictures(two.sources)));
    EXPECT_TRUE(at::equal(branch.extras.class_labels, at::tensor({35, 35}, at::kLong)));
  }
}

TEST_F(PictureTasks, MixPrompts) {
  const SampleSpec spec =
      sample("text-to-image", "sd1", {{"prompt_weight", 0.25}, {"second_prompt", "a dog"}});
  WarmModel& warm = model(spec);

  const auto begun = begin(spec, pictured({4, 5}), *ddim(4));

  ASSERT_TRUE(begun) << begun.error().message();
  const at::Tensor mixed =
      0.25 * warm.encode({"a red cat", "a red cat"}) + 0.75 * warm.encode({"a dog", "a dog"});
  EXPECT_TRUE(at::equal(begun->branches[1].text, mixed));
  EXPECT_TRUE(at::equal(begun->branches[0].text, warm.encode({"low quality", "low quality"})));
}

// Promise 1: not the place in its group. Rounding of encoders may depend on the batch.
TEST_F(PictureTasks, GiveAnImageWhatItsNumberSays) {
  SampleSpec upscaled = sample("x4", "x4", {{"noise_level", 35}, {"low_res_alpha_bar", 0.5}});
  upscaled.height = upscaled.width = 48;
  const std::vector<SampleSpec> samples = {sample("sdedit", "sd1", {{"strength", 0.5}}),
                                           sample("inpaint", "sd1", {{"strength", 0.5}}),
                                           sample("inpaint", "inpaint9", {{"strength", 0.5}}),
                                           sample("instruct", "pix2pix", {{"image_guidance", 1.5}}),
                                           sample("concat-sr", "concat-sr", Json::object()),
                                           upscaled};
  for (const SampleSpec& spec : samples) {
    const std::int64_t side = spec.height == 48 ? 12 : 16;
    const auto three = begin(spec, pictured({4, 5, 6}, side), *ddim(4));
    const auto alone = begin(spec, pictured({5}, side), *ddim(4));
    ASSERT_TRUE(three && alone) << spec.task;

    EXPECT_TRUE(at::allclose(three->start.x[1], alone->start.x[0], 1e-4, 1e-5)) << spec.task;
    for (std::size_t i = 0; i < alone->branches.size(); ++i) {
      const at::Tensor& channels = three->branches[i].channels;
      if (!channels.defined()) continue;
      EXPECT_TRUE(at::allclose(channels[1], alone->branches[i].channels[0], 1e-4, 1e-5))
          << spec.task;
    }
  }
}

TEST_F(PictureTasks, RefusePicturesOfAnotherSize) {
  SampleSpec upscaled = sample("x4", "x4", {{"noise_level", 35}, {"low_res_alpha_bar", 0.5}});
  upscaled.height = upscaled.width = 48;

  EXPECT_THAT(fault(sample("sdedit", "sd1", {{"strength", 0.5}}), pictured({0}, 24)),
              HasSubstr("the sources have 24 x 24 pixels; expected 16 x 16"));
  EXPECT_THAT(fault(sample("concat-sr", "concat-sr", Json::object()), pictured({0}, 24)),
              HasSubstr("expected at most 16 x 16, to which they are enlarged"));
  EXPECT_THAT(fault(upscaled, pictured({0}, 16)), HasSubstr("expected 12 x 12, of which"));
  upscaled.height = upscaled.width = 40;
  EXPECT_THAT(fault(upscaled, pictured({0}, 10)), HasSubstr("expected multiples of 4"));
  Group masked = pictured({0});
  masked.masks = at::ones({1, 1, 8, 8});
  EXPECT_THAT(fault(sample("inpaint", "sd1", {{"strength", 1.0}}), masked),
              HasSubstr("as high and wide as the sources"));
}

TEST_F(PictureTasks, SayWhichPicturesTheItemsLack) {
  const auto lack = [](const char* task, const Group& group) {
    const auto has = check_group(*tasks::find_task(task), group);
    return has ? std::string("nothing") : has.error().message();
  };
  Group empty = pictured({0, 1});
  empty.sources = empty.masks = at::Tensor();
  Group short_one = pictured({0, 1});
  short_one.sources = short_one.sources.slice(0, 0, 1);

  EXPECT_EQ(lack("text-to-image", empty), "nothing");
  EXPECT_EQ(lack("inpaint", pictured({0, 1})), "nothing");
  EXPECT_THAT(lack("inpaint", empty),
              ::testing::AllOf(HasSubstr("they have no source"), HasSubstr("they have no mask")));
  EXPECT_THAT(lack("sdedit", short_one), HasSubstr("expected [2, 3, height, width]"));
}

}  // namespace
}  // namespace isocost::diffusion
