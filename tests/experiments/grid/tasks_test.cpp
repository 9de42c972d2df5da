// Tasks that begin with pictures: what a grid says of them, what becomes of it in keys and prices,
// and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/grid/cell_models.h"
#include "experiments/grid/expand.h"
#include "experiments/grid/ready_task.h"
#include "experiments/world/scene_range.h"
#include "schema/prompts.h"
#include "tests/experiments/grid/fake_catalog.h"

namespace isocost::experiments {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class TasksTest : public ::testing::Test {
 protected:
  // Axes of one cell, and these tasks from line 7 on.
  static std::string text_of(const std::string& tasks, const std::string& axes = "") {
    return "name: study\naxes:\n  model: models/a\n  sampler: ddim\n  steps: 10\n" +
           (axes.empty() ? "  guidance: 3\n" : axes) + "tasks:\n" + tasks +
           "images: 16\nmetrics: [fid: {reference: {folder: real}}]\n";
  }
  Result<Submission> expanded(const std::string& text) {
    const auto grid = parse_grid(text, "g.yaml");
    if (!grid) return fail(grid.error());
    notes_.clear();
    return expand(*grid, catalog_, notes_);
  }
  std::string fault(const std::string& tasks, const std::string& axes = "") {
    const auto submission = expanded(text_of(tasks, axes));
    return submission ? "no fault" : submission.error().message();
  }
  SampleSpec sample(const std::string& tasks, const std::string& axes = "") {
    const auto submission = expanded(text_of(tasks, axes));
    EXPECT_TRUE(submission) << submission.error().message();
    return submission ? submission->cells.at(0).sample : SampleSpec();
  }

  testing::FakeCatalog catalog_;
  std::vector<std::string> notes_;
};

constexpr const char* kRepaint =
    "  repaint: {kind: editing, method: inpaint, data: {folder: edits}}\n";
constexpr const char* kEnlarge =
    "  enlarge: {kind: super-resolution, data: {folder: photos}, factor: 4}\n";

TEST_F(TasksTest, NameTheirItemsByContentSlotBySlot) {
  const SampleSpec spec = sample(kRepaint);

  EXPECT_EQ(spec.task, "inpaint");
  EXPECT_EQ(spec.items.kind, "files");
  EXPECT_EQ(spec.items.inputs,
            (std::map<std::string, std::string>{{"source", sha256("editsfile_name").name()},
                                                {"mask", sha256("editsmask_file_name").name()}}));
  EXPECT_EQ(spec.items.factor, 1);
  EXPECT_TRUE(spec.items.degradation.is_null());
  EXPECT_EQ(spec.parameters, Json({{"strength", 1.0}}));
}

TEST_F(TasksTest, TakeTheirPromptsFromTheMemberThatTheMethodReads) {
  const auto prompts = [&](const std::string& tasks) {
    const auto submission = expanded(text_of(tasks));
    EXPECT_TRUE(submission) << submission.error().message();
    return submission->blobs.at(submission->cells.at(0).sample.prompts);
  };

  EXPECT_EQ(prompts(kRepaint), prompts_text({"text of an item", "text of an item"}));
  EXPECT_EQ(prompts("  obey: {kind: editing, method: instruct, data: {folder: edits}}\n"),
            prompts_text({"edit_prompt of an item", "edit_prompt of an item"}));
  // What is enlarged may do without.
  EXPECT_EQ(prompts(kEnlarge), prompts_text({"", ""}));
}

TEST_F(TasksTest, MakeSmallPicturesOfLargeOnes) {
  const SampleSpec spec = sample(kEnlarge);

  EXPECT_EQ(spec.task, "concat-sr");  // the usual one of its kind
  EXPECT_EQ(spec.items.inputs,
            (std::map<std::string, std::string>{{"target", sha256("photosfile_name").name()}}));
  EXPECT_EQ(spec.items.factor, 4);
  EXPECT_EQ(spec.items.degradation, Json({{"name", "bicubic"}}));
}

TEST_F(TasksTest, TakePairsThatAreThere) {
  const SampleSpec spec =
      sample("  enlarge: {kind: super-resolution, data: {low: small, high: large}, factor: 2}\n");

  EXPECT_EQ(spec.items.inputs,
            (std::map<std::string, std::string>{{"source", sha256("smallfile_name").name()}}));
  EXPECT_TRUE(spec.items.degradation.is_null());
}

TEST_F(TasksTest, TakeScenesOfTheMiniWorld) {
  const SampleSpec spec = sample(
      "  enlarge: {kind: super-resolution, data: {world: validation, count: 3}, factor: 4}\n");

  EXPECT_EQ(spec.items.kind, "world");
  EXPECT_EQ(spec.items.options, world::scene_options("validation", 3, 0));
}

TEST_F(TasksTest, TakeEditsOfTheMiniWorld) {
  const SampleSpec spec = sample(
      "  repaint: {kind: editing, method: inpaint, data: {world: test, count: 3, seed: 2}}\n");

  EXPECT_EQ(spec.items.kind, "world-edits");
  EXPECT_EQ(spec.items.options, world::scene_options("test", 3, 2));
  EXPECT_TRUE(spec.items.degradation.is_null());
}

TEST_F(TasksTest, LeaveAFitThatChangesNothingOutOfTheKey) {
  const std::string fitted =
      "  repaint: {kind: editing, method: inpaint, data: {folder: edits, fit: crop}}\n";

  EXPECT_EQ(sample_key(sample(fitted)), sample_key(sample(kRepaint)));
  catalog_.are_items_large = true;
  EXPECT_EQ(sample(fitted).items.fit, "crop");
  EXPECT_THAT(fault(kRepaint), HasSubstr("g.yaml:8:51: the items are too large"));
}

// 100 cells of a few sizes read every picture a few times.
TEST_F(TasksTest, LookAtItemsOnceASize) {
  const auto submission = expanded(text_of(kRepaint,
                                           "  seed: {from: 1, to: 50, step: 1}\n"
                                           "  size: {sets: [height, width], values: [64, 96]}\n"));
  ASSERT_TRUE(submission) << submission.error().message();
  EXPECT_EQ(submission->cells.size(), 100U);
  EXPECT_EQ(catalog_.items_checked, 2);
}

TEST_F(TasksTest, HaveModelsOfTheirOwnByAPatternOverTheAxis) {
  Task task;
  task.model = "{model}-sr";
  EXPECT_EQ(model_of_task({"models/a", "fp16", "A"}, task).path, "models/a-sr");
  EXPECT_EQ(model_of_task({"models/a/", "", ""}, task).path, "models/a-sr");
  EXPECT_EQ(model_of_task({"mini/w16", "", ""}, task).path, "mini/w16-sr");
  EXPECT_EQ(model_of_task({"models/a", "fp16", ""}, task).variant, "fp16");
  task.model = "editors/{name}/instruct";
  EXPECT_EQ(model_of_task({"models/a", "", ""}, task).path, "editors/a/instruct");

  const SampleSpec own = sample(
      "  repaint: {kind: editing, method: inpaint, data: {folder: edits}, model: "
      "\"other/{name}\"}\n");
  EXPECT_EQ(own.inputs.at("unet"), sha256("other/aunet").name());
  const auto submission =
      expanded(text_of("  repaint: {kind: editing, method: inpaint, data: {folder: edits}, model: "
                       "\"other/{name}\"}\n"));
  EXPECT_EQ(submission->cells.at(0).labels.at("model"), "a");
}

TEST_F(TasksTest, SetParametersThemselvesOrByAxes) {
  const std::string own =
      "  vary: {kind: editing, method: sdedit, data: {folder: edits}, strength: 0.5}\n";
  EXPECT_EQ(sample(own).parameters, Json({{"strength", 0.5}}));
  const std::string bare = "  vary: {kind: editing, method: sdedit, data: {folder: edits}}\n";
  EXPECT_EQ(sample(bare).parameters, Json({{"strength", 0.8}}));

  const auto by_axis = expanded(text_of(bare, "  strength: [0.3, 0.6]\n"));
  ASSERT_TRUE(by_axis) << by_axis.error().message();
  ASSERT_EQ(by_axis->cells.size(), 2U);
  EXPECT_EQ(by_axis->cells[1].sample.parameters, Json({{"strength", 0.6}}));
  EXPECT_EQ(by_axis->cells[1].labels.at("strength"), 0.6);
  EXPECT_EQ(by_axis->cells[1].cost.steps_calls, 6U);
}

// `null` leaves a parameter to its method.
TEST_F(TasksTest, TakeTheirMethodsDefaultForNull) {
  const auto submission =
      expanded(text_of("  vary: {kind: editing, method: sdedit, data: {folder: edits}}\n"
                       "  paint: {kind: editing, method: inpaint, data: {folder: edits}}\n",
                       "  strength: [null, 0.6]\n"));

  ASSERT_TRUE(submission) << submission.error().message();
  ASSERT_EQ(submission->cells.size(), 4U);
  std::map<std::string, std::vector<Json>> strengths;
  for (const CellRequest& cell : submission->cells)
    strengths[cell.sample.task].push_back(cell.sample.parameters.at("strength"));
  EXPECT_THAT(strengths["sdedit"], ElementsAre(0.8, 0.6));
  EXPECT_THAT(strengths["inpaint"], ElementsAre(1.0, 0.6));
}

// From one prompt to the other: at the end there is nothing of the second, which is then in no key.
TEST_F(TasksTest, MixPromptsFromTheOneToTheOther) {
  const auto mixed = [&](const std::string& weights) {
    return expanded(
        "name: mix\naxes:\n  model: models/a\n  sampler: ddim\n  steps: 4\n  prompt_weight: " +
        weights +
        "\ndefaults: {second_prompt: a dog}\nprompts: [a cat]\nimages: 16\nmetrics: "
        "[clip_score]\n");
  };

  const auto sweep = mixed("[0, 0.5, 1]");
  ASSERT_TRUE(sweep) << sweep.error().message();
  ASSERT_EQ(sweep->cells.size(), 3U);
  EXPECT_EQ(sweep->cells[1].sample.parameters,
            Json({{"prompt_weight", 0.5}, {"second_prompt", "a dog"}}));
  EXPECT_EQ(sweep->cells[2].sample.parameters, Json::object());
  const auto idle = mixed("[1]");
  EXPECT_THAT(idle ? "" : idle.error().message(),
              HasSubstr("g.yaml:7:27: 'second_prompt' has no effect in any cell"));
}

// An axis of what only one task has does not multiply the others.
TEST_F(TasksTest, StandOnceAlongAxesThatTheyDoNotHave) {
  const auto submission =
      expanded(text_of("  draw: {prompts: [a cat]}\n"
                       "  obey: {kind: editing, method: instruct, data: {folder: edits}}\n",
                       "  guidance: [1, 3]\n  image_guidance: [1, 1.5, 2]\n"));

  ASSERT_TRUE(submission) << submission.error().message();
  std::size_t drawn = 0;
  for (const CellRequest& cell : submission->cells) {
    if (cell.labels.at("task") != "draw") continue;
    ++drawn;
    EXPECT_FALSE(cell.labels.contains("image_guidance"));
  }
  EXPECT_EQ(drawn, 2U);
  EXPECT_EQ(submission->cells.size(), 2U + 2 * 3);
}

TEST_F(TasksTest, CountWhatIsEncodedAndEveryBranchInTheirPrice) {
  const auto cost = [&](const std::string& task) {
    return expanded(text_of(task))->cells.at(0).cost;
  };
  const CellCost draw = cost("  draw: {prompts: [a cat]}\n");
  const CellCost repaint = cost(kRepaint);
  const CellCost obey = cost("  obey: {kind: editing, method: instruct, data: {folder: edits}}\n");

  EXPECT_EQ(draw.gflops_encode, 0);
  EXPECT_GT(obey.gflops_encode, 0);
  EXPECT_DOUBLE_EQ(repaint.gflops_encode, obey.gflops_encode);
  EXPECT_DOUBLE_EQ(gflops_an_image(repaint), gflops_of_calls(repaint) + repaint.gflops_encode +
                                                 repaint.gflops_decode + repaint.gflops_text);
  EXPECT_EQ(draw.calls_per_image, 20U);
  EXPECT_EQ(obey.calls_per_image, 30U);
}

TEST_F(TasksTest, LeaveKeysOfOtherTasksAlone) {
  const Json json = to_json(sample("  draw: {prompts: [a cat]}\n"));

  EXPECT_FALSE(json.contains("items"));
  EXPECT_FALSE(json.contains("parameters"));
  EXPECT_FALSE(
      to_json(ExtractorSpec{"clip", sha256("x").name(), Json::object(), {}}).contains("items"));
  EXPECT_FALSE(to_json(CellCost{}).contains("gflops_encode"));
}

TEST_F(TasksTest, TravelAsJson) {
  const SampleSpec spec = sample(kEnlarge);

  EXPECT_EQ(sample_spec_from_json(to_json(spec), "sample").value(), spec);
  Json json = to_json(spec);
  json["items"]["fit"] = "squeeze";
  json["items"]["factor"] = 0;
  json["items"]["inputs"]["target"] = "photos";
  json["items"]["degradation"] = {{"name", "blur"}};
  const auto read = sample_spec_from_json(json, "sample");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message(),
              AllOf(HasSubstr("sample.items.fit: 'squeeze' is unknown"),
                    HasSubstr("sample.items.factor: 0; expected 1 to 64"),
                    HasSubstr("sample.items.inputs.target: 'photos' is no digest"),
                    HasSubstr("sample.items.degradation: it names none that is known")));
}

TEST_F(TasksTest, RefuseMetricsWithoutTheirItem) {
  const auto with = [&](const std::string& task, const std::string& metric) {
    return fault("  t: {" + task + ", metrics: [" + metric + "]}\n  o: {prompts: [a dog]}\n");
  };
  const std::string enlarge = "kind: super-resolution, data: {folder: photos}, factor: 4";
  const std::string pair = "kind: super-resolution, data: {low: l, high: h}, factor: 4";

  EXPECT_EQ(with(enlarge, "psnr"), "no fault");
  EXPECT_EQ(with(pair, "psnr"), "no fault");
  EXPECT_THAT(
      with(enlarge, "clip_score"),
      HasSubstr("g.yaml:8:76: clip_score needs the prompt of each image, which items of the "
                "task 't' have not"));
  EXPECT_THAT(with(enlarge, "outside_mask"), HasSubstr("outside_mask needs the mask of each"));
  EXPECT_THAT(with("prompts: [a cat]", "psnr"),
              HasSubstr("psnr needs the target of each image, which items of text-to-image have"));
}

TEST_F(TasksTest, RefuseMetricsThatNeedASourceAsLargeAsThePicture) {
  const auto with = [&](const std::string& task, const std::string& metric) {
    return fault("  t: {" + task + ", metrics: [" + metric + "]}\n  o: {prompts: [a dog]}\n");
  };
  const std::string world = "data: {world: validation, count: 3}";

  for (const std::string metric : {"attribute_change", "attribute_keep"}) {
    for (const std::string& data :
         {std::string("data: {folder: photos}"), std::string("data: {low: l, high: h}"), world})
      EXPECT_THAT(with("kind: super-resolution, factor: 4, " + data, metric),
                  HasSubstr(metric + " needs a source as large as the picture, and that of the "
                                     "task 't' is 4 times smaller; expected a task that edits"))
          << data;
    EXPECT_EQ(with("kind: editing, method: instruct, " + world, metric), "no fault");
  }
  // CLIP and a vision transformer look at pictures of any size.
  EXPECT_EQ(with("kind: super-resolution, factor: 4, " + world, "clip_i_source: {extractor: clip}"),
            "no fault");
}

TEST_F(TasksTest, RefuseTextsBetweenWhichThereIsNoDirection) {
  const auto with = [&](const std::string& metric) {
    return fault("  t: {kind: editing, method: instruct, data: {folder: edits}, metrics: [" +
                 metric + ": {extractor: clip}]}\n  o: {prompts: [a dog]}\n");
  };

  EXPECT_EQ(with("clip_directional"), "no fault");
  catalog_.item_text = "a cat";
  EXPECT_THAT(with("clip_directional"),
              HasSubstr("g.yaml:8:73: of 2 of 2 items the source's text is the target's, first 'a "
                        "cat'; expected two texts that differ"));
  EXPECT_EQ(with("clip_t"), "no fault");
}

TEST_F(TasksTest, AskThatMasksKeepWhatAMetricLooksAt) {
  const auto asked = [&](const std::string& metrics) {
    EXPECT_EQ(fault("  t: {kind: editing, method: inpaint, data: {folder: edits}, metrics: [" +
                    metrics + "]}\n  o: {prompts: [a dog]}\n"),
              "no fault");
    return catalog_.kept_margin;
  };

  EXPECT_EQ(asked("outside_mask, outside_mask: {protocol: {margin: 3}}"), 3);
  EXPECT_EQ(asked("outside_mask"), 0);
  EXPECT_EQ(asked("clip_score"), std::nullopt);
}

TEST_F(TasksTest, RefuseSizesThatAreTooSmallForAMetric) {
  const auto with = [&](const std::string& metric) {
    return fault("  t: {kind: super-resolution, data: {folder: photos}, factor: 4, metrics: [" +
                     metric + "]}\n  o: {prompts: [a dog]}\n",
                 "  guidance: 1\n  height: [32]\n  width: [32]\n");
  };

  EXPECT_EQ(with("psnr, ssim"), "no fault");
  EXPECT_EQ(with("ssim: {protocol: {crop_border: 10}}"), "no fault");
  EXPECT_THAT(with("ssim: {protocol: {crop_border: 11}}"),
              HasSubstr("pictures of 32 x 32 pixels do not fit the extractor of ssim; expected 33 "
                        "or more a side, or another metric"));
  EXPECT_THAT(with("psnr: {protocol: {crop_border: 16}}"), HasSubstr("expected 33 or more a side"));
  EXPECT_THAT(with("lpips: {extractor: alex}"),
              HasSubstr("do not fit the extractor alex; expected 64 or more a side"));
}

// A metric that compares with targets makes no picture new.
TEST_F(TasksTest, NameWhatOnlyAMetricReadsInItsExtractorsKey) {
  const auto submission = [&](const std::string& metrics) {
    auto found =
        expanded(text_of("  obey: {kind: editing, method: instruct, data: {folder: edits}, "
                         "metrics: [" +
                         metrics + "]}\n  o: {prompts: [a dog]}\n"));
    EXPECT_TRUE(found) << found.error().message();
    return found ? std::move(*found) : Submission();
  };
  const Submission plain = submission("clip_score");
  const Submission more = submission(
      "psnr, clip_directional: {extractor: clip}, clip_t: {extractor: clip}, "
      "clip_i_source: {extractor: clip}");

  const CellRequest& cell = more.cells.at(0);
  EXPECT_EQ(sample_key(cell.sample), sample_key(plain.cells.at(0).sample));
  using Items = std::map<std::string, std::string>;
  EXPECT_EQ(cell.scores.at(0).extractor.items,
            (Items{{"target", sha256("editstarget_file_name").name()}}));
  EXPECT_EQ(cell.scores.at(1).extractor.items,
            (Items{{"source_text", sha256("editstext").name()},
                   {"target_text", sha256("editstarget_text").name()}}));
  EXPECT_EQ(cell.scores.at(2).extractor.items,
            (Items{{"target_text", sha256("editstarget_text").name()}}));
  EXPECT_TRUE(cell.scores.at(3).extractor.items.empty());  // the sample has its source
}

TEST_F(TasksTest, SayWhatIsWrongWithTheirKindAndData) {
  EXPECT_THAT(fault("  t: {kind: sculpture, data: {folder: x}}\n"),
              HasSubstr("g.yaml:8:13: unknown kind of task 'sculpture'; expected one of: "
                        "text-to-image, super-resolution, editing"));
  EXPECT_THAT(fault("  t: {kind: editing, data: {folder: x}}\n"),
              HasSubstr("g.yaml:8:3: the task 't' is editing by no method; expected method: one "
                        "of inpaint, instruct, sdedit"));
  EXPECT_THAT(
      fault("  t: {kind: super-resolution, method: inpaint, data: {folder: x}, factor: 2}\n"),
      HasSubstr("g.yaml:8:39: unknown method of super-resolution 'inpaint'; expected one "
                "of: concat-sr, x4"));
  EXPECT_THAT(fault("  t: {kind: editing, method: inpaint}\n"),
              HasSubstr("g.yaml:8:3: the task 't' has no data; expected {folder: DIR}"));
  EXPECT_THAT(fault("  t: {data: {folder: x}, prompts: [a cat]}\n"),
              HasSubstr("g.yaml:8:13: text-to-image begins with no pictures"));
  EXPECT_THAT(fault("  t: {kind: editing, method: inpaint, data: {folder: x}, prompts: [a]}\n"),
              HasSubstr("'prompts' has no effect beside 'data'; expected the prompts in "
                        "metadata.jsonl, as 'text'"));
  EXPECT_THAT(fault("  t: {kind: editing, method: inpaint, data: {folder: x, low: y}}\n"),
              HasSubstr("data names no source, or several"));
  EXPECT_THAT(fault("  t: {kind: super-resolution, data: {low: y}, factor: 2}\n"),
              HasSubstr("data has one of 'low' and 'high'; expected both folders"));
  EXPECT_THAT(
      fault("  t: {kind: super-resolution, data: {low: y, high: z, fit: resize}, factor: 2}\n"),
      HasSubstr("pairs of pictures cannot be resized"));
  EXPECT_THAT(fault("  t: {kind: editing, method: inpaint, data: {low: y, high: z}}\n"),
              HasSubstr("inpaint enlarges no pictures"));
  EXPECT_THAT(fault("  t: {kind: editing, method: inpaint, data: {folder: x, count: 3}}\n"),
              HasSubstr("'count' has no effect beside 'folder'"));
}

TEST_F(TasksTest, SayWhatIsWrongWithTheirFactorAndParameters) {
  EXPECT_THAT(fault("  t: {kind: super-resolution, data: {folder: x}}\n"),
              HasSubstr("the task 't' has no factor; expected factor: 4"));
  EXPECT_THAT(fault("  t: {kind: super-resolution, data: {folder: x}, factor: 1}\n"),
              HasSubstr("g.yaml:8:58: factor"));
  EXPECT_THAT(fault("  t: {kind: super-resolution, data: {folder: x}, factor: 5}\n"),
              HasSubstr("g.yaml:8:58: 64 x 64 pixels are not divided by the factor 5 of the task"));
  EXPECT_THAT(fault("  t: {kind: editing, method: sdedit, data: {folder: x}, factor: 4}\n"),
              HasSubstr("'factor' has no effect in sdedit"));
  EXPECT_THAT(
      fault("  t: {kind: super-resolution, data: {folder: x}, factor: 4, degradation: blur}\n"),
      HasSubstr("unknown degradation 'blur'; expected one of: bicubic, real-esrgan"));
  EXPECT_THAT(fault("  t: {kind: super-resolution, data: {low: x, high: y}, factor: 4, "
                    "degradation: bicubic}\n"),
              HasSubstr("'degradation' has no effect beside 'low'"));
  EXPECT_THAT(fault("  t: {kind: editing, method: instruct, data: {folder: x}, strength: 0.5}\n"),
              HasSubstr("'strength' is no parameter of instruct; expected one of: image_guidance"));
  EXPECT_THAT(fault("  t: {kind: editing, method: sdedit, data: {folder: x}, strength: 2}\n"),
              HasSubstr("'strength' of the task 't' does not fit; expected a number above 0"));
  EXPECT_THAT(fault("  t: {kind: editing, method: sdedit, data: {folder: x}, strength: 0.5}\n",
                    "  strength: [0.5, 1]\n"),
              HasSubstr("'strength' is set by the axis 'strength' already"));
  EXPECT_THAT(fault(kRepaint, "  noise_level: [10, 20]\n"),
              HasSubstr("'noise_level' has no effect in any cell; expected a task that has it: one "
                        "of x4"));
  EXPECT_THAT(fault("  t: {kind: editing, method: instruct, data: {folder: x}, image_guidance: 2}\n"
                    "  o: {kind: editing, method: sdedit, data: {folder: x}, strength: 0.5}\n",
                    "  guidance: 1\n"),
              AllOf(HasSubstr("g.yaml:8:75: 'image_guidance' has no effect in any cell of the task "
                              "'t'; expected cells that it changes: it is how much the source is "
                              "followed, where guidance is above 1"),
                    Not(HasSubstr("strength"))));
  EXPECT_THAT(fault(kRepaint, "  strength: [0.05, 1]\n"),
              HasSubstr("leaves none of 10 steps in inpaint"));
  EXPECT_THAT(fault("  t: {kind: editing, method: sdedit, data: {folder: x}, model: w8-sr}\n"),
              HasSubstr("'w8-sr' is no pattern over the models of the grid"));
  EXPECT_THAT(
      fault("  t: {kind: editing, method: sdedit, data: {folder: x}, model: \"{modle}-sr\"}\n"),
      HasSubstr("'{modle}-sr' is no pattern"));
}

TEST_F(TasksTest, SayWhichModelsAndFoldersAreMissing) {
  const std::string text = fault(
      "  t: {kind: editing, method: sdedit, data: {folder: missing}, model: \"{model}-sr\"}\n");

  EXPECT_THAT(text, AllOf(HasSubstr("g.yaml:8:44: 'missing' is missing"),
                          HasSubstr("g.yaml:8:70: the model 'models/a-sr' is missing")));
}

TEST_F(TasksTest, SayWhichPicturesHaveNoTwin) {
  const std::string pair =
      "  t: {kind: super-resolution, data: {low: small, high: large}, factor: 2}\n";
  // The fake's folders all hold the same names.
  catalog_.item_names = {"a.png", "a.jpg"};
  EXPECT_THAT(fault(pair), HasSubstr("small has two pictures that are called 'a'"));
  catalog_.item_names = {"0801x2.png"};
  EXPECT_EQ(fault(pair), "no fault");
}

TEST_F(TasksTest, SayWhichPicturesOfAPairCannotBeOpened) {
  catalog_.damaged = "large";

  EXPECT_THAT(
      fault("  enlarge: {kind: super-resolution, data: {low: small, high: large}, factor: 2}\n"),
      HasSubstr("g.yaml:8:43: a picture of large cannot be opened"));
}

TEST_F(TasksTest, TellOfPicturesThatNoLineNames) {
  catalog_.below = 3;

  ASSERT_TRUE(expanded(text_of(
      std::string(kRepaint) + "  vary: {kind: editing, method: sdedit, data: {folder: edits}}\n")));

  EXPECT_THAT(notes_, ::testing::Contains(
                          "edits has 2 items; 3 more pictures in it are named by no line of "
                          "metadata.jsonl")
                          .Times(1));
}

}  // namespace
}  // namespace isocost::experiments
