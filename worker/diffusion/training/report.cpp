#include "worker/diffusion/training/report.h"

#include <algorithm>
#include <cstdint>
#include <iostream>

#include "base/check.h"
#include "base/io/picture.h"
#include "schema/arch/network.h"
#include "schema/metrics/metric.h"
#include "schema/samplers/resolve.h"
#include "worker/diffusion/image/tensors/picture_tensor.h"
#include "worker/diffusion/metrics/extractors/extractor.h"
#include "worker/diffusion/metrics/metric.h"
#include "worker/diffusion/metrics/score.h"
#include "worker/diffusion/models/feature_network.h"
#include "worker/diffusion/pipeline/pipeline.h"
#include "worker/diffusion/samplers/noise.h"
#include "worker/diffusion/tasks/task.h"
#include "worker/diffusion/training/clip_quality.h"
#include "worker/diffusion/training/family.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/reconstruction.h"
#include "worker/diffusion/training/task_samples.h"

namespace isocost::diffusion {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPictures = 2048;  // that features are compared on
constexpr std::uint64_t kOtherSeed = 1;    // of the pictures that stand for "real" a second time
constexpr std::int64_t kReportedTogether = 64;
constexpr std::int64_t kColumns = 8;
constexpr std::int64_t kGap = 2;  // pixels between pictures
constexpr std::uint64_t kSamples = 256;
constexpr std::int64_t kShownSamples = 32;
constexpr const char* kSampler = "ddim";
constexpr int kSteps = 20;
constexpr double kGuidance = 3;
constexpr double kImageGuidance = 1.5;
constexpr double kNoise = 0.05;  // deviation of what is added to pictures in [0, 1]

// uint8 [N, 3, S, S] side by side, on white.
void write_sheet(const fs::path& file, const at::Tensor& pictures) {
  const auto side = pictures.size(2);
  const auto rows = (pictures.size(0) + kColumns - 1) / kColumns;
  auto sheet =
      at::full({3, rows * (side + kGap) + kGap, kColumns * (side + kGap) + kGap}, 255, at::kByte);
  for (std::int64_t i = 0; i < pictures.size(0); ++i)
    sheet.narrow(1, kGap + i / kColumns * (side + kGap), side)
        .narrow(2, kGap + i % kColumns * (side + kGap), side)
        .copy_(pictures[i]);
  io::write_png(file, picture_of(sheet));
}

FeatureOutput read_features(FeatureNetwork& network, const at::Tensor& pictures) {
  std::vector<at::Tensor> features, answers;
  for (std::int64_t i = 0; i < pictures.size(0); i += kReportedTogether) {
    auto output = network->forward(to_unit_range(pictures.slice(0, i, i + kReportedTogether)));
    features.push_back(output.features);
    answers.push_back(output.answers);
  }
  return {at::cat(features), at::cat(answers), {}};
}

// Shares of right answers: of each attribute, and of pictures with all of them right.
Json accuracy(FeatureNetwork& network, const at::Tensor& answers,
              const std::vector<world::Scene>& scenes) {
  const auto right = network->likeliest(answers).eq(world_labels(scenes)).to(at::kDouble);
  Json shares = {{"all", right.amin(1).mean().item<double>()}};
  for (std::size_t i = 0; i < world::kAttributes; ++i)
    shares[world::attributes().at(i).name] =
        right.select(1, static_cast<std::int64_t>(i)).mean().item<double>();
  return shares;
}

std::vector<world::Scene> first_samples(const std::vector<world::Scene>& scenes) {
  return {scenes.begin(), scenes.begin() + kSamples};
}

// Of what captions tell, as the metric attribute_accuracy counts: the mean over pictures of the
// share that is right, the share of pictures where all is, and that of each attribute.
Result<Json> told_accuracy(Extractor& attributes, const at::Tensor& pictures,
                           const std::vector<world::Scene>& scenes) {
  std::vector<at::Tensor> rows;
  for (std::int64_t i = 0; i < pictures.size(0); i += kReportedTogether) {
    RowInput some{.pictures = pictures.slice(0, i, i + kReportedTogether), .prompts = {}};
    for (std::int64_t k = i; k < i + some.pictures.size(0); ++k)
      some.prompts.push_back(world::caption(scenes[static_cast<std::size_t>(k)]));
    auto row = attributes.extract(some);
    if (!row) return fail(row.error());
    rows.push_back(std::move(*row));
  }
  const auto& table = metrics::metrics();
  const auto metric = std::find_if(table.begin(), table.end(), [](const metrics::Metric& row) {
    return row.rows == metrics::Rows::kAnswers;
  });
  ISOCOST_CHECK(metric != table.end(), "a metric is the mean of such rows");
  const auto scored =
      score(metric->name,
            {.rows = at::cat(rows), .reference = nullptr, .protocol = {{"reduce", "mean"}}});
  if (!scored) return fail(scored.error());
  Json shares = {{"mean", scored->at("value")}, {"all", scored->at("all_right")}};
  for (std::size_t k = 0; k < world::kAttributes; ++k)
    shares[world::attributes().at(k).name] = scored->at("columns").at(k);
  return shares;
}

class Report {
 public:
  explicit Report(const FamilyReportOptions& options) : options_(options) {}

  Result<void> run() {
    const at::NoGradGuard no_grad;
    fs::create_directories(options_.out);
    auto network = load_feature_network(options_.family / "features");
    if (!network) return fail(network.error());
    network_ = *network;
    auto attributes =
        load_extractor({"mini-attributes", "", Json::object()}, options_.family / "features");
    if (!attributes) return fail(attributes.error());
    attributes_ = std::move(*attributes);
    scenes_ = world_scenes(world::Split::kValidation, kPictures);
    pictures_ = world_pictures(scenes_);
    other_scenes_ = world_scenes(world::Split::kValidation, kPictures, kOtherSeed);
    others_ = world_pictures(other_scenes_);
    write_sheet(options_.out / "world.png", pictures_.slice(0, 0, 48));
    for (const auto part :
         {&Report::features, &Report::autoencoder, &Report::clip, &Report::models}) {
      const auto done = (this->*part)();
      if (!done) return done;
    }
    write_json(options_.out / "quality.json", quality_);
    return {};
  }

 private:
  // What real pictures reach, as many as the autoencoder and as the models are judged on: the floor
  // of every distance. They are none of the reference's, as whatever is held against it.
  Result<void> features() {
    const auto output = read_features(network_, pictures_);
    auto reference = Reference::from_rows(output.features, false);
    if (!reference) return fail(reference.error());
    reference_ = *reference;
    const auto others = read_features(network_, others_).features;
    const auto told =
        told_accuracy(*attributes_, others_.slice(0, 0, kSamples), first_samples(other_scenes_));
    if (!told) return fail(told.error());
    quality_["features"] = {{"pictures", kPictures},
                            {"accuracy", accuracy(network_, output.answers, scenes_)},
                            {"frechet_distance_of_other_pictures", distance(others)},
                            {"frechet_distance_of_spoilt", distance_of_spoilt()},
                            {"samples",
                             {{"images", kSamples},
                              {"frechet_distance", distance(others.slice(0, 0, kSamples))},
                              {"told_accuracy", *told}}}};
    return {};
  }

  // Of pictures that are spoilt as a bad sampler might: what the measure must see.
  Json distance_of_spoilt() {
    const auto of = [&](const at::Tensor& pictures) {
      return distance(read_features(network_, pictures).features);
    };
    return {{"blurred", of(blurred_bytes(others_))},
            {"noisy", of(noisy_bytes(others_, kNoise, step_generator(kOtherSeed, 0)))},
            {"torn", of(torn_pictures(other_scenes_))}};
  }

  // On pictures that are none of the reference's, so that its distance has the floor of theirs.
  Result<void> autoencoder() {
    auto vae = load_autoencoder(options_.family / "models/shared/vae");
    if (!vae) return fail(vae.error());
    const auto reconstructed = reconstruct(*vae, others_);
    if (!reconstructed) return fail(reconstructed.error());
    const Reconstruction& made = *reconstructed;
    const auto output = read_features(network_, made.made);
    const auto told = told_accuracy(*attributes_, made.made, other_scenes_);
    const auto told_of_samples =
        told_accuracy(*attributes_, made.made.slice(0, 0, kSamples), first_samples(other_scenes_));
    if (!told || !told_of_samples) return fail((told ? told_of_samples : told).error());
    quality_["autoencoder"] = {
        {"pictures", kPictures},
        {"psnr", made.psnr},
        {"latent_deviation", made.latents.std().item<double>() * (*vae)->config.scaling_factor},
        {"frechet_distance", distance(output.features)},
        {"accuracy", accuracy(network_, output.answers, other_scenes_)},
        {"told_accuracy", *told},
        {"samples",
         {{"images", kSamples},
          {"frechet_distance", distance(output.features.slice(0, 0, kSamples))},
          {"told_accuracy", *told_of_samples}}}};
    std::vector<at::Tensor> pairs;
    for (std::int64_t row = 0; row < 3; ++row)
      for (const auto& pictures : {others_, made.made})
        pairs.push_back(pictures.slice(0, row * kColumns, (row + 1) * kColumns));
    write_sheet(options_.out / "reconstructions.png", at::cat(pairs));
    return {};
  }

  Result<void> clip() {
    auto model = load_clip(options_.family / "clip");
    if (!model) return fail(model.error());
    const auto encoder = read_caption_encoder(options_.family, (*model)->config.text);
    if (!encoder) return fail(encoder.error());
    const auto quality = clip_quality(*model, *encoder);
    quality_["clip"] = {{"pictures", quality.pictures},
                        {"retrieval", quality.retrieval},
                        {"swapped", quality.swapped},
                        {"matched_cosine", quality.matched_cosine},
                        {"other_cosine", quality.other_cosine}};
    return {};
  }

  Result<void> models() {
    std::vector<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(options_.family / "models"))
      if (fs::exists(entry.path() / "model_index.json")) folders.push_back(entry.path());
    std::sort(folders.begin(), folders.end());
    for (const auto& folder : folders) {
      const auto task = task_of_member(folder);
      if (!task) return fail(task.error());
      const auto done = task->empty() ? one_model(folder) : one_task_model(folder);
      if (!done) return done;
    }
    return {};
  }

  Result<void> one_model(const fs::path& folder) {
    const Pipeline::Folders parts{
        {folder / "unet", {}}, {folder / "vae", {}}, {folder / "text_encoder", {}}};
    auto pipeline = Pipeline::load(parts);
    if (!pipeline) return fail(pipeline.error());
    const auto sampler = sampler_of(folder);
    if (!sampler) return fail(sampler.error());
    const auto encoder = read_caption_encoder(options_.family, pipeline->text_config());
    if (!encoder) return fail(encoder.error());
    const auto drawn = draw(*pipeline, *sampler, *encoder);
    if (!drawn) return fail(drawn.error());
    const at::Tensor& made = *drawn;
    const auto output = read_features(network_, made);
    const auto told = told_accuracy(*attributes_, made, first_samples(scenes_));
    if (!told) return fail(told.error());
    const auto name = folder.filename().string();
    const auto& unet = pipeline->unet_config();
    const auto summary = arch::summarize_unet(
        unet,
        {unet.sample_height, unet.sample_width, pipeline->text_config().max_position_embeddings});
    quality_["models"][name] = {{"parameters", summary.parameters()},
                                {"gflops_per_call", summary.gflops()},
                                {"images", kSamples},
                                {"sampler", "ddim, trailing"},
                                {"steps", kSteps},
                                {"guidance", kGuidance},
                                {"frechet_distance", distance(output.features)},
                                {"told_accuracy", *told}};
    if (!is_snapshot(name))
      write_sheet(options_.out / ("samples-" + name + ".png"), made.slice(0, 0, kShownSamples));
    return {};
  }

  // "w16@1500"
  static bool is_snapshot(const std::string& name) { return name.find('@') != std::string::npos; }

  static Result<sampling::SamplerConfig> sampler_of(const fs::path& folder) {
    const auto config = read_json_file(folder / "scheduler/scheduler_config.json");
    if (!config) return fail(config.error());
    return sampling::resolve(
        sampling::stored_scheduler(*config, {}),
        {{"sampler", kSampler}, {"steps", kSteps}, {"timestep_spacing", "trailing"}}, "sampler");
  }

  Json judged(const at::Tensor& pictures, const std::vector<world::Scene>& shown) {
    const auto output = read_features(network_, pictures);
    return {{"frechet_distance", distance(output.features)},
            {"accuracy", accuracy(network_, output.answers, shown)}};
  }

  // Beside what it made, what would have been without it: the picture that it was given; and what
  // nothing can be better than: the target.
  Result<void> one_task_model(const fs::path& folder) {
    const auto sampler = sampler_of(folder);
    if (!sampler) return fail(sampler.error());
    const TaskSampling sampling{*sampler, kGuidance, kImageGuidance, kSamples};
    const auto samples = draw_task_samples(options_.family, folder, sampling);
    if (!samples) return fail(samples.error());
    const auto compared = [&](const at::Tensor& pictures) {
      Json all = judged(pictures, samples->items.shown);
      all["psnr"] = peak_signal_to_noise(pictures, samples->items.targets);
      return all;
    };
    const auto name = folder.filename().string();
    Json quality = compared(samples->made);
    quality.update({{"task", samples->task},
                    {"images", kSamples},
                    {"sampler", "ddim, trailing"},
                    {"steps", kSteps},
                    {"guidance", samples->guidance},
                    {"image_guidance", samples->image_guidance},
                    {"given", compared(samples->given)},
                    {"target", judged(samples->items.targets, samples->items.shown)}});
    quality_["models"][name] = quality;
    std::vector<at::Tensor> rows;
    for (std::int64_t row = 0; row < 3; ++row)
      for (const auto& pictures : {samples->given, samples->made, samples->items.targets})
        rows.push_back(pictures.slice(0, row * kColumns, (row + 1) * kColumns));
    write_sheet(options_.out / ("samples-" + name + ".png"), at::cat(rows));
    return {};
  }

  // The first captions of the validation split, drawn.
  Result<at::Tensor> draw(Pipeline& pipeline, const sampling::SamplerConfig& sampler,
                          const CaptionEncoder& encoder) const {
    const auto& unet = pipeline.unet_config();
    const std::vector<std::int64_t> shape = {unet.in_channels, unet.sample_height,
                                             unet.sample_width};
    std::vector<at::Tensor> made;
    for (std::uint64_t begin = 0; begin < kSamples; begin += kReportedTogether) {
      std::vector<std::uint64_t> images;
      std::vector<at::Tensor> rows;
      for (auto i = begin; i < begin + kReportedTogether; ++i) {
        images.push_back(i);
        rows.push_back(at::tensor(encoder.encode(world::caption(scenes_[i]))));
      }
      const auto text = pipeline.encode(at::stack(rows));
      const auto negative =
          pipeline.encode(at::tensor(encoder.encode("")).unsqueeze(0)).expand_as(text);
      const auto stepper = make_stepper(sampler);
      Trajectory start;
      start.x = stepper->init_sigma() * keyed_noise(0, images, kStartNoise, shape);
      auto drawn = pipeline.draw(*stepper, {start, guided(negative, text, kGuidance)});
      if (!drawn) return drawn;
      made.push_back(std::move(*drawn));
    }
    return at::cat(made);
  }

  [[nodiscard]] double distance(const at::Tensor& features) const {
    return frechet_distance(statistics_of(features), reference_);
  }

  FamilyReportOptions options_;
  FeatureNetwork network_{nullptr};
  Reference reference_;
  std::vector<world::Scene> scenes_;
  at::Tensor pictures_;  // of the reference
  std::vector<world::Scene> other_scenes_;
  at::Tensor others_;  // as real, and none of the reference's
  std::unique_ptr<Extractor> attributes_;
  Json quality_ = Json::object();
};

}  // namespace

int run_family_report(const FamilyReportOptions& options) {
  const auto done = Report(options).run();
  if (done) return 0;
  std::cerr << done.error().message() << '\n';
  return 1;
}

}  // namespace isocost::diffusion
