// Defaults, tasks, axes that a user names, and what each of them refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/io/atomic_file.h"
#include "experiments/grid/expand.h"
#include "tests/experiments/grid/fake_catalog.h"
#include "tests/experiments/grid/small_grid.h"

namespace isocost::experiments {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kOneCell = "  model: models/a\n  sampler: ddim\n  steps: 4\n";

Result<Submission> expanded(const std::string& text) {
  testing::FakeCatalog catalog;
  const auto grid = parse_grid(text, "g.yaml");
  if (!grid) return fail(grid.error());
  return expand(*grid, catalog);
}

std::string fault_of(const std::string& text) {
  const auto submission = expanded(text);
  return submission ? "none" : submission.error().message();
}

TEST(Defaults, StandForTheAxesThatAreNotThere) {
  const auto submission = expanded(grid_text("  model: models/a\n",
                                             "defaults: {sampler: ddim, steps: 6, guidance: 3, "
                                             "height: 96, sampler.eta: 0.5}\n"));

  ASSERT_TRUE(submission) << submission.error().message();
  ASSERT_EQ(submission->cells.size(), 1U);
  const CellRequest& cell = submission->cells.front();
  EXPECT_EQ(cell.sample.guidance, 3);
  EXPECT_EQ(cell.sample.height, 96);
  EXPECT_EQ(cell.sample.sampler["eta"], 0.5);
  EXPECT_EQ(cell.sample.sampler["steps"], 6);
  EXPECT_EQ(cell.labels["steps"], 6);
}

TEST(Defaults, GiveWayToAnAxis) {
  const auto submission = expanded(grid_text(kOneCell, "defaults: {steps: 50}\n"));

  ASSERT_TRUE(submission) << submission.error().message();
  EXPECT_EQ(submission->cells.front().sample.sampler["steps"], 4);
}

TEST(Defaults, SetAnOptionForTheSamplersThatHaveIt) {
  const auto submission =
      expanded(grid_text("  model: models/a\n  sampler: [ddim, ddpm]\n  steps: 4\n",
                         "defaults: {sampler.eta: 0.5}\n"));

  ASSERT_TRUE(submission) << submission.error().message();
  EXPECT_EQ(submission->cells[0].sample.sampler["eta"], 0.5);
  EXPECT_FALSE(submission->cells[1].sample.sampler.contains("eta"));
}

TEST(Defaults, AreRefusedWhereTheyChangeNothing) {
  EXPECT_THAT(fault_of(grid_text(kOneCell, "defaults: {sampler.solver_order: 1}\n")),
              HasSubstr("g.yaml:9:34: 'sampler.solver_order' has no effect in any cell"));
  EXPECT_THAT(fault_of(grid_text(kOneCell, "defaults: {stps: 1}\n")),
              HasSubstr("g.yaml:9:12: the path 'stps' leads nowhere; expected 'steps'?"));
  EXPECT_THAT(fault_of(grid_text(kOneCell, "defaults: {height: 64}\nheight: 64\n")),
              HasSubstr("g.yaml:9:12: 'height' is a key of the grid already"));
  EXPECT_THAT(fault_of(grid_text(kOneCell, "defaults: {guidance: [1, 2]}\n")),
              HasSubstr("g.yaml:9:22: the default 'guidance' is a list"));
  EXPECT_THAT(fault_of(grid_text(kOneCell, "defaults: {guidance: much}\n")),
              HasSubstr("g.yaml:9:22: the default \"much\" of 'guidance' does not fit"));
}

TEST(Axes, SetAnyParameterByItsPath) {
  const auto submission = expanded(
      grid_text(std::string(kOneCell) + "  guidance: 3\n  height: [64, 96]\n  dtype: "
                                        "[float32, bfloat16]\n  negative_prompt: [ugly, \"\"]\n"
                                        "  group_size: [32, 48]\n"));

  ASSERT_TRUE(submission) << submission.error().message();
  std::set<std::string> keys;
  for (const CellRequest& cell : submission->cells) keys.insert(sample_key(cell.sample).hex());
  EXPECT_EQ(keys.size(), 2U * 2 * 2 * 2);
  EXPECT_EQ(submission->unit_images, 192U);
  EXPECT_EQ(submission->cells.back().sample.height, 96);
  EXPECT_EQ(submission->cells.back().sample.dtype, "bfloat16");
}

// The models' latents are an eighth of the picture each way.
TEST(Axes, GroupFewerImagesTheLargerTheyAre) {
  const auto submission =
      expanded(grid_text(std::string(kOneCell) +
                         "  size: {sets: [height, width], values: [64, 256, 512, 1024, 4096]}\n"));

  ASSERT_TRUE(submission) << submission.error().message();
  std::vector<int> sizes;
  for (const CellRequest& cell : submission->cells) sizes.push_back(cell.sample.group_size);
  EXPECT_EQ(sizes, (std::vector<int>{64, 32, 8, 2, 1}));
}

TEST(Axes, ThatAUserNamesSetSeveralParametersAtOnce) {
  const auto submission =
      expanded(grid_text(std::string(kOneCell) +
                         "  size: {sets: [height, width], values: [64, 96]}\n"
                         "  noise: {sets: sampler.eta, values: {from: 0, to: 1, count: 3}}\n"));

  ASSERT_TRUE(submission) << submission.error().message();
  ASSERT_EQ(submission->cells.size(), 6U);
  const CellRequest& last = submission->cells.back();
  EXPECT_EQ(last.sample.height, 96);
  EXPECT_EQ(last.sample.width, 96);
  EXPECT_EQ(last.sample.sampler["eta"], 1);
  EXPECT_EQ(last.labels["size"], 96);
  EXPECT_EQ(last.labels["noise"], 1);
}

TEST(Axes, AreRefusedWhereTheyLeadNowhereOrChangeNothing) {
  const auto with = [](const std::string& axis) {
    return fault_of(grid_text(std::string(kOneCell) + axis));
  };
  EXPECT_THAT(
      with("  sampler.etta: 1\n"),
      HasSubstr("g.yaml:6:3: the path 'sampler.etta' leads nowhere; expected 'sampler.eta'?"));
  EXPECT_THAT(with("  noise: {sets: sampler.noise, values: 1}\n"),
              HasSubstr("g.yaml:6:17: the path 'sampler.noise' leads nowhere"));
  EXPECT_THAT(with("  noise: {sets: sampler.eta}\n"),
              HasSubstr("g.yaml:6:10: the axis 'noise' is not complete"));
  EXPECT_THAT(with("  noise: {sets: steps, values: 5}\n"),
              HasSubstr("g.yaml:6:3: 'steps' is set by the axis 'steps' already"));
  EXPECT_THAT(with("  sampler.eta: [a lot]\n"), HasSubstr("g.yaml:6:17: the value \"a lot\""));
  EXPECT_THAT(with("  sampler.clip_sample_range: [1, 2]\n"),
              HasSubstr("'sampler.clip_sample_range' has no effect in any cell"));
  EXPECT_THAT(with("  negative_prompt: [ugly, \"\"]\n"),
              HasSubstr("'negative_prompt' has no effect in any cell"));
  EXPECT_THAT(with("  height: [60]\n"), HasSubstr("g.yaml:6:12: 60 x 64 pixels do not fit"));
  EXPECT_THAT(with("  sampler.timestep_spacing: [leading]\n"),
              HasSubstr("is set by an axis of its own; expected 'timestep_spacing'"));
}

TEST(Language, IsWhatItsDocumentationShows) {
  const auto documentation =
      io::read_file(std::filesystem::path(ISOCOST_SOURCE_DIR) / "docs/grid.md");
  ASSERT_TRUE(documentation);
  const std::string begin = "```yaml\nname:";
  std::size_t count = 0;
  for (std::size_t at = 0; (at = documentation->find(begin, at)) != std::string::npos; ++count) {
    at += 8;
    const auto grid =
        parse_grid(documentation->substr(at, documentation->find("```", at) - at), "grid.md");
    EXPECT_TRUE(grid) << grid.error().message();
  }
  EXPECT_GE(count, 2U);
}

constexpr const char* kTasks =
    "name: study\naxes:\n  model: models/a\n  sampler: ddim\n  steps: [4, 6]\n"
    "tasks:\n"
    "  cats: {prompts: [a cat], images: 128}\n"
    "  dogs:\n"
    "    prompts: [a dog]\n"
    "    metrics: [{fid: {reference: {folder: dogs}}}]\n"
    "images: 64\nmetrics: [clip_score]\n";

TEST(Tasks, HaveTheirOwnPromptsImagesAndMetrics) {
  const auto submission = expanded(kTasks);

  ASSERT_TRUE(submission) << submission.error().message();
  ASSERT_EQ(submission->cells.size(), 4U);
  EXPECT_THAT(submission->axes, ElementsAre("model", "sampler", "steps", "task"));
  const CellRequest& cats = submission->cells[0];
  const CellRequest& dogs = submission->cells[1];
  EXPECT_EQ(cats.labels["task"], "cats");
  EXPECT_EQ(cats.images.end, 128U);
  EXPECT_EQ(cats.scores[0].metric, "clip_score");
  EXPECT_EQ(dogs.labels["task"], "dogs");
  EXPECT_EQ(dogs.images.end, 64U);
  EXPECT_EQ(dogs.scores[0].metric, "fid");
  EXPECT_NE(cats.sample.prompts, dogs.sample.prompts);
  EXPECT_EQ(cats.sample.task, "text-to-image");
  EXPECT_EQ(submission->input_names.at(cats.sample.prompts), "prompts of the task cats");
}

TEST(Tasks, AreChosenByTheirAxis) {
  std::string text = kTasks;
  text.insert(text.find("tasks:"), "  task: dogs\n");
  // The grid's own metrics serve the task that is not chosen.
  const auto submission = expanded(text);

  ASSERT_TRUE(submission) << submission.error().message();
  EXPECT_EQ(submission->cells.size(), 2U);
  text.replace(text.find("task: dogs"), 10, "task: cows");
  EXPECT_THAT(fault_of(text),
              HasSubstr("g.yaml:6:9: unknown task \"cows\"; expected one of: cats, dogs"));
}

TEST(Tasks, SayWhatTheyLackAndWhatNoneOfThemUses) {
  EXPECT_THAT(fault_of("name: s\naxes:\n  model: models/a\n  sampler: ddim\n  steps: 4\n"
                       "tasks:\n  cats: {prompts: [a cat], metrics: [clip_score]}\n"),
              HasSubstr("g.yaml:7:3: the task 'cats' has no images"));
  EXPECT_THAT(fault_of(std::string(kTasks) + "prompts: [a cow]\n"),
              HasSubstr("g.yaml:13:10: no task uses 'prompts' of the grid"));
}

TEST(Metrics, AreCheckedWithTheirProtocols) {
  const auto with = [](const std::string& metrics) {
    return fault_of("name: s\naxes:\n" + std::string(kOneCell) +
                    "prompts: [a cat]\nimages: 64\nmetrics: " + metrics + "\n");
  };
  EXPECT_THAT(with("[]"), HasSubstr("g.yaml:8:10: metrics is empty"));
  EXPECT_THAT(with("[clip_score, clip_score]"),
              HasSubstr("g.yaml:8:23: clip_score is computed already"));
  EXPECT_THAT(with("[fid: {protocol: {replicats: 20}}]"),
              HasSubstr("unknown key 'replicats' in the protocol of fid; expected 'replicates'?"));
  EXPECT_THAT(
      with("[fid: {protocol: {replicates: 1}}]"),
      HasSubstr("'replicates' of fid does not fit; expected a whole number from 20 to 10000"));
  EXPECT_THAT(with("[fid: {reference: {folder: x, count: 9}}]"),
              HasSubstr("'count' has no effect beside 'folder'"));
}

// Of the first cell's scores, where the grid has these metrics.
Result<std::vector<ScoreSpec>> scores_of(const std::string& metrics) {
  testing::FakeCatalog catalog;
  const auto grid = parse_grid("name: s\naxes:\n" + std::string(kOneCell) +
                                   "prompts: [a cat]\nimages: 64\nmetrics: " + metrics + "\n",
                               "g.yaml");
  if (!grid) return fail(grid.error());
  const auto expanded = expand(*grid, catalog);
  if (!expanded) return fail(expanded.error());
  return expanded->cells.at(0).scores;
}

ScoreSpec score_of(const std::string& metric) {
  const auto scores = scores_of("[" + metric + "]");
  EXPECT_TRUE(scores) << (scores ? "" : scores.error().message());
  return scores ? scores->at(0) : ScoreSpec();
}

std::string fault_of_metric(const std::string& metric) {
  const auto scores = scores_of("[" + metric + "]");
  return scores ? "no fault" : scores.error().message();
}

TEST(Metrics, WriteTheirWholeProtocolIntoTheScore) {
  EXPECT_EQ(score_of("clip_score").protocol,
            Json::parse(R"({"scale": 1.0, "floor_at_zero": false})"));
  // 1 and 1.0 are one protocol, and so one key.
  EXPECT_EQ(canonical(score_of("clip_score: {protocol: {scale: 1}}").protocol),
            canonical(score_of("clip_score").protocol));
}

TEST(Metrics, WriteEveryOptionOfTheirExtractorIntoTheScore) {
  const Json written =
      Json::parse(R"({"resize": "none", "size": 299, "range": "bytes", "arguments": {}})");

  const ScoreSpec by_path = score_of("fid: {extractor: net.pt, reference: {folder: real}}");
  const ScoreSpec by_map =
      score_of("fid: {extractor: {torchscript: net.pt, size: 299.0}, reference: {folder: real}}");

  EXPECT_EQ(by_path.extractor.kind, "torchscript");
  EXPECT_EQ(by_path.extractor.options, written);
  const Digest sample = sha256("sample");
  EXPECT_EQ(score_key(sample, by_path).hex(), score_key(sample, by_map).hex());
  EXPECT_EQ(score_of("clip_score").extractor.options, Json::parse(R"({"prefix": ""})"));
  EXPECT_EQ(score_of("fid: {extractor: clip, reference: {folder: real}}").extractor.options,
            Json::parse(R"({"normalise": false})"));
}

TEST(Metrics, HandTheirOptionsToTheExtractor) {
  const auto fid = score_of(
      "fid: {extractor: {torchscript: net.pt, resize: clean, range: signed, "
      "arguments: {return_features: true}}, reference: {folder: real}}");
  const auto clip = score_of("clip_score: {extractor: {clip: clip, prefix: 'A photo depicts '}}");

  EXPECT_EQ(fid.extractor.options, Json::parse(R"({"resize": "clean", "size": 299,
      "range": "signed", "arguments": {"return_features": true}})"));
  EXPECT_EQ(clip.extractor.kind, "clip");
  EXPECT_EQ(clip.extractor.options.at("prefix"), "A photo depicts ");
}

TEST(Metrics, TakeProtocolsByTheNamesThatTheFieldGivesThem) {
  const auto fid =
      score_of("fid: {extractor: net.pt, reference: {folder: real}, protocol: pytorch-fid}");
  const auto clip = score_of("clip_score: {protocol: hessel}");

  EXPECT_EQ(fid.extractor.options,
            Json::parse(R"({"resize": "torch", "size": 299, "range": "unit", "arguments": {}})"));
  EXPECT_EQ(fid.protocol, score_of("fid: {reference: {folder: real}}").protocol);
  EXPECT_EQ(clip.protocol, Json::parse(R"({"scale": 2.5, "floor_at_zero": true})"));
}

TEST(Metrics, TakeTheFormOfExtractorThatTheyAreMadeOf) {
  EXPECT_EQ(score_of("clip_t: {extractor: b32}").extractor.kind, "clip-to-text");
  EXPECT_EQ(score_of("clip_t: {extractor: {clip: b32, without: sks}}").extractor.options,
            Json::parse(R"({"without": "sks"})"));
  EXPECT_EQ(score_of("dino: {extractor: vits16, reference: {folder: real}}").extractor.kind,
            "vit-features");
  EXPECT_EQ(score_of("fid: {extractor: {vit: vits16}, reference: {folder: real}}").extractor.kind,
            "vit-features");
  EXPECT_EQ(score_of("cmmd: {extractor: l14, reference: {folder: real}}").extractor.options,
            Json::parse(R"({"fit": "whole"})"));
  EXPECT_THAT(fault_of_metric("clip_t"),
              HasSubstr("clip_t needs an extractor; expected {clip: ...}"));
  EXPECT_THAT(fault_of_metric("dino: {extractor: {clip: b32}, reference: {folder: real}}"),
              HasSubstr("expected {vit: ...}"));
}

// Whatever compares pixels has no network, and its options stand in the protocol.
TEST(Metrics, SayInTheirProtocolHowPixelsAreCompared) {
  const auto draft_of = [](const std::string& metric) {
    return draft_grid("name: s\naxes:\n" + std::string(kOneCell) +
                          "prompts: [a cat]\nimages: 64\nmetrics: [" + metric + "]\n",
                      "g.yaml");
  };
  const auto metric_of = [&](const std::string& metric) {
    const auto draft = draft_of(metric);
    EXPECT_TRUE(draft.failure.is_empty()) << draft.failure.message();
    return draft.grid.tasks.at(0).metrics.at(0);
  };
  const auto fault_of = [&](const std::string& metric) {
    return draft_of(metric).failure.message();
  };

  EXPECT_EQ(metric_of("psnr").extractor.kind, "squared-error");
  EXPECT_EQ(metric_of("psnr").extractor.name, "");
  const Json luma = {{"crop_border", 4}, {"channels", "y"}};
  EXPECT_EQ(metric_of("ssim: {protocol: {crop_border: 4, channels: y}}").extractor.options, luma);
  EXPECT_EQ(metric_of("ssim: {extractor: {crop_border: 4, channels: y}}").extractor.options, luma);
  EXPECT_EQ(metric_of("psnr: {protocol: basicsr-x4-y}").extractor.options, luma);
  const auto outside = metric_of("outside_mask: {protocol: {margin: 2, distance: l2}}");
  EXPECT_EQ(outside.extractor.options, Json::parse(R"({"margin": 2})"));
  EXPECT_EQ(outside.protocol, Json::parse(R"({"distance": "l2"})"));
  EXPECT_THAT(fault_of("psnr: {protocol: {crop_border: -1}}"),
              HasSubstr("'crop_border' of psnr does not fit; expected a whole number from 0"));
  EXPECT_THAT(fault_of("psnr: {protocol: {crop_boarder: 4}}"),
              HasSubstr("expected 'crop_border'?"));
  EXPECT_THAT(fault_of("ssim: {extractor: net.pt}"),
              HasSubstr("ssim is not made of what net.pt gives; expected {crop_border, channels}"));
}

TEST(Metrics, RefuseExtractorsAndProtocolsThatDoNotFit) {
  EXPECT_THAT(fault_of_metric("fid: {extractor: {torchscript: a.pt, resise: clean}}"),
              HasSubstr("unknown key 'resise' in the extractor torchscript; expected 'resize'?"));
  EXPECT_THAT(
      fault_of_metric("fid: {extractor: {torchscript: a.pt, resize: bicubic}}"),
      HasSubstr("'resize' of the extractor torchscript does not fit; expected one of: none, "
                "tf1, torch, clean"));
  EXPECT_THAT(fault_of_metric("fid: {extractor: {torchscript: a.pt, arguments: {x: yes please}}}"),
              HasSubstr("the argument 'x' does not fit; expected true, false or a number"));
  EXPECT_THAT(fault_of_metric("fid: {extractor: {vgg: a.pt}}"),
              HasSubstr("this names no extractor of fid; expected mini, {clip: ...}, "
                        "{vit: ...}, {torchscript: ...}"));
  EXPECT_THAT(fault_of_metric("clip_score: {extractor: net.pt}"),
              HasSubstr("clip_score is not made of what net.pt gives; expected mini, {clip: ...}"));
  EXPECT_THAT(fault_of_metric("inception_score"),
              HasSubstr("inception_score needs an extractor; expected {torchscript: ...}"));
  EXPECT_THAT(fault_of_metric("inception_score: {extractor: clip}"),
              HasSubstr("inception_score is not made of what clip gives"));
  EXPECT_THAT(fault_of_metric("fid: {protocol: clean-fdi}"),
              HasSubstr("expected one of: pytorch-fid, clean-fid, torch-fidelity"));
  EXPECT_THAT(fault_of_metric("fid: {protocol: clean-fid}"),
              HasSubstr("the protocol clean-fid is about another extractor; expected one with the "
                        "option range: torchscript"));
  EXPECT_THAT(
      fault_of_metric("fid: {extractor: {torchscript: a.pt, resize: torch}, protocol: clean-fid}"),
      HasSubstr("the protocol clean-fid says resize, which is said besides; expected one of the "
                "two"));
}

TEST(Expand, LetsASpacingWinOverTheKarrasSigmasOfAModel) {
  struct KarrasCatalog : testing::FakeCatalog {
    Result<ModelEntry> model(const std::string& name, const std::string& variant,
                             const std::vector<std::string>& tasks,
                             const std::string& where) override {
      auto entry = FakeCatalog::model(name, variant, tasks, where);
      entry->scheduler_config["use_karras_sigmas"] = true;
      return entry;
    }
  } catalog;
  const auto grid = parse_grid(
      grid_text("  model: models/a\n  sampler: dpmpp-2m\n  steps: 10\n  timestep_spacing: "
                "[trailing, karras]\n"),
      "g.yaml");

  const auto submission = expand(*grid, catalog);

  ASSERT_TRUE(submission) << submission.error().message();
  EXPECT_EQ(submission->cells[0].sample.sampler["use_karras_sigmas"], false);
  EXPECT_EQ(submission->cells[1].sample.sampler["use_karras_sigmas"], true);
}

TEST(Expand, NamesTheModelAndTheFileOfASchedulersFaults) {
  struct SdeCatalog : testing::FakeCatalog {
    Result<ModelEntry> model(const std::string& name, const std::string& variant,
                             const std::vector<std::string>& tasks,
                             const std::string& where) override {
      auto entry = FakeCatalog::model(name, variant, tasks, where);
      entry->scheduler_file = name + "/scheduler/scheduler_config.json";
      if (name == "models/b") entry->scheduler_config["algorithm_type"] = "sde-dpmsolver++";
      return entry;
    }
  } catalog;
  const auto grid = parse_grid(
      grid_text("  model: [models/a, models/b]\n  sampler: dpmpp-2m\n  steps: [10, 20]\n"),
      "g.yaml");

  const auto submission = expand(*grid, catalog);

  ASSERT_FALSE(submission);
  EXPECT_EQ(submission.error().message(),
            "g.yaml:3:21: the model b: models/b/scheduler/scheduler_config.json: the "
            "algorithm_type 'sde-dpmsolver++' is not built; expected dpmsolver++");
}

TEST(Expand, ResolvesPatternsInConditionsToo) {
  const auto submission =
      expanded(grid_text("  model: [\"models/*\", other/a]\n  sampler: ddim\n  steps: [4, 6]\n",
                         "exclude: [{model: \"models/*\", steps: 6}]\n"
                         "include: [{model: \"models/*\", steps: 8}]\n"));

  ASSERT_TRUE(submission) << submission.error().message();
  EXPECT_EQ(submission->cells.size(), 2U + 2U + 2U);
}

// Measured: 100,000 cells in 0.8 s of one core, release. The limit leaves room for sanitizers and
// busy machines, and none for work that grows with the square.
TEST(Expand, TakesAHundredThousandCells) {
  const std::string text = grid_text(
      "  model: [models/a, models/b]\n  sampler: [ddim, dpmpp-2m]\n  steps: {from: 1, to: 50, "
      "step: "
      "1}\n  seed: {from: 1, to: 500, step: 1}\n",
      "include: [{seed: 501}, {seed: [502, 503]}]\n");

  const auto submission = expanded(text);

  ASSERT_TRUE(submission) << submission.error().message();
  EXPECT_EQ(submission->cells.size(), 2U * 2 * 50 * 503);
}

}  // namespace
}  // namespace isocost::experiments
