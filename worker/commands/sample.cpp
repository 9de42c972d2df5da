#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/command_line.h"
#include "base/io/picture.h"
#include "base/io/presence.h"
#include "base/text.h"
#include "model_folder/check_runs.h"
#include "schema/samplers/resolve.h"
#include "worker/commands/commands.h"
#include "worker/commands/output.h"
#include "worker/diffusion/image/tensors/picture_tensor.h"
#include "worker/diffusion/models/device.h"
#include "worker/diffusion/pipeline/pipeline.h"
#include "worker/diffusion/samplers/noise.h"
#include "worker/diffusion/tokenizer/tokenizer.h"

namespace isocost::commands {
namespace {

using namespace diffusion;  // everything here is about its words

struct SampleArguments {
  std::string model;
  std::string variant;
  std::vector<std::string> prompts;
  std::string negative;
  std::string out = ".";
  std::string sampler = sampling::sampler_names().front();
  std::string spacing;
  std::string device = "cpu";
  std::uint64_t seed = 0;
  std::uint64_t count = 1;
  std::uint64_t batch = 16;
  int steps = 20;
  double guidance = 3.0;
  int height = 0;
  int width = 0;
};

// What this command does: what a grid means that says no kind of task.
const tasks::TaskKind& text_to_image() { return tasks::task_kinds().front(); }

Result<sampling::SamplerConfig> resolve_sampler(const SampleArguments& arguments,
                                                const arch::ModelFolder& model) {
  Json choice = {{"sampler", arguments.sampler}, {"steps", arguments.steps}};
  if (!arguments.spacing.empty()) choice["timestep_spacing"] = arguments.spacing;
  return sampling::resolve(
      sampling::stored_scheduler(model.scheduler_config, text_to_image().runs_as), choice,
      "sampler");
}

class Sampling {
 public:
  Sampling(const SampleArguments& arguments, Pipeline& pipeline, const Tokenizer& tokenizer,
           sampling::SamplerConfig sampler)
      : arguments_(arguments),
        pipeline_(pipeline),
        tokenizer_(tokenizer),
        sampler_(std::move(sampler)) {}

  // Files of images [begin, end), named by their number. Fails with: they are not finite.
  Result<void> run(std::uint64_t begin, std::uint64_t end) {
    std::vector<std::uint64_t> images;
    std::vector<std::string> prompts;
    for (auto i = begin; i < end; ++i) {
      images.push_back(i);
      prompts.push_back(arguments_.prompts[i % arguments_.prompts.size()]);
    }
    const auto shape = latent_shape();
    const Tensor text = encode(prompts);
    Tensor negative;
    if (arguments_.guidance > 1)
      negative = encode(std::vector<std::string>(prompts.size(), arguments_.negative));
    const auto stepper = make_stepper(sampler_);
    Trajectory start;
    start.x = stepper->init_sigma() * keyed_noise(arguments_.seed, images, 0, shape);
    start.draw = [&](int k) {
      return keyed_noise(arguments_.seed, images, static_cast<std::uint32_t>(k) + 1, shape);
    };
    const auto pictures =
        pipeline_.draw(*stepper, {start, guided(negative, text, arguments_.guidance)});
    if (!pictures) {
      Failure failure = pictures.error();
      for (Error& error : failure.errors)
        error.where = arguments_.model + ", images " + std::to_string(begin) + " to " +
                      std::to_string(end - 1) + ", " + error.where;
      return fail(std::move(failure));
    }
    for (std::size_t i = 0; i < images.size(); ++i)
      write(images[i], prompts[i], (*pictures)[static_cast<std::int64_t>(i)]);
    return {};
  }

 private:
  [[nodiscard]] std::vector<std::int64_t> latent_shape() const {
    const auto& unet = pipeline_.unet_config();
    const auto factor = pipeline_.vae_config().factor();
    return {pipeline_.vae_config().latent_channels,
            arguments_.height > 0 ? arguments_.height / factor : unet.sample_height,
            arguments_.width > 0 ? arguments_.width / factor : unet.sample_width};
  }

  [[nodiscard]] Tensor encode(const std::vector<std::string>& prompts) {
    std::vector<Tensor> rows;
    rows.reserve(prompts.size());
    for (const auto& prompt : prompts) rows.push_back(at::tensor(tokenizer_.encode_prompt(prompt)));
    return pipeline_.encode(at::stack(rows));
  }

  void write(std::uint64_t image, const std::string& prompt, const Tensor& bytes) {
    char name[32];
    std::snprintf(name, sizeof name, "%06llu.png", static_cast<unsigned long long>(image));
    const auto file = std::filesystem::path(arguments_.out) / name;
    io::write_png(file, picture_of(bytes),
                  {{"prompt", prompt}, {"seed", std::to_string(arguments_.seed)}});
    std::printf("%s\n", file.c_str());
  }

  const SampleArguments& arguments_;
  Pipeline& pipeline_;
  const Tokenizer& tokenizer_;
  sampling::SamplerConfig sampler_;
};

Result<void> check_texts(const SampleArguments& arguments) {
  Failure failure;
  const auto check = [&](const std::string& where, const std::string& text) {
    if (!is_utf8(text)) failure.add(where, "this is no text in UTF-8");
  };
  for (std::size_t i = 0; i < arguments.prompts.size(); ++i)
    check("--prompt " + std::to_string(i + 1), arguments.prompts[i]);
  check("--negative", arguments.negative);
  if (!failure.is_empty()) return fail(std::move(failure));
  return {};
}

int check_size(const SampleArguments& arguments, std::int64_t factor) {
  const bool fits = arguments.height % factor == 0 && arguments.width % factor == 0;
  if (fits) return 0;
  Failure failure;
  failure.add("--height, --width", "the autoencoder has no such size",
              "multiples of " + std::to_string(factor));
  return report_failure(failure);
}

int run_sample(const SampleArguments& arguments) {
  if (const auto good = check_texts(arguments); !good) return report_failure(good.error());
  if (const auto made = io::make_folder(arguments.out); !made) return report_failure(made.error());
  const auto device = open_device(arguments.device);
  if (!device) return report_failure(device.error());
  const auto model = arch::ModelFolder::open(arguments.model, arguments.variant);
  if (!model) return report_failure(model.error());
  if (const auto runs = arch::check_runs(*model, text_to_image()); !runs)
    return report_failure(runs.error());
  auto sampler = resolve_sampler(arguments, *model);
  if (!sampler) return report_failure(sampler.error());
  const auto& text = model->text_encoder->config;
  auto tokenizer =
      Tokenizer::load_for({text.max_position_embeddings, text.vocab_size}, *model->tokenizer);
  if (!tokenizer) return report_failure(tokenizer.error());
  auto pipeline = Pipeline::load(*model, {*device, at::kFloat});
  if (!pipeline) return report_failure(pipeline.error());
  if (const int code = check_size(arguments, pipeline->vae_config().factor()); code != 0)
    return code;
  Sampling sampling(arguments, *pipeline, *tokenizer, std::move(*sampler));
  for (std::uint64_t begin = 0; begin < arguments.count; begin += arguments.batch) {
    const auto drawn = sampling.run(begin, std::min(begin + arguments.batch, arguments.count));
    if (!drawn) return report_failure(drawn.error());
  }
  return 0;
}

}  // namespace

void add_sample(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<SampleArguments>();
  auto* command = app.add_subcommand("sample", "Pictures of a prompt, as PNG files");
  command->add_option("model", arguments->model, "A model folder in the diffusers layout")
      ->required();
  command
      ->add_option("--prompt", arguments->prompts, "What to draw; several serve the images in turn")
      ->required();
  command->add_option("--negative", arguments->negative, "What guidance leads away from");
  command->add_option("--out", arguments->out, "Where the files go")->required();
  command->add_option("--count", arguments->count, "Number of images")
      ->check(kWholeNumber)
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command->add_option("--batch", arguments->batch, "Images computed together")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "Of the noise; image i has its own")
      ->check(kWholeNumber)
      ->capture_default_str();
  command->add_option("--sampler", arguments->sampler, joined(sampling::sampler_names()))
      ->capture_default_str();
  command->add_option("--steps", arguments->steps, "Network calls")
      ->check(kWholeNumber)
      ->capture_default_str();
  command->add_option("--timestep-spacing", arguments->spacing,
                      "leading, trailing or linspace (default: the model's)");
  command->add_option("--guidance", arguments->guidance, "Classifier-free guidance; 1 is none")
      ->check(kFiniteNumber)
      ->capture_default_str();
  command->add_option("--height", arguments->height, "In pixels (default: the model's)")
      ->check(CLI::Range(1, 8192));
  command->add_option("--width", arguments->width, "In pixels (default: the model's)")
      ->check(CLI::Range(1, 8192));
  command->add_option("--variant", arguments->variant, "The weights' variant, such as fp16");
  command->add_option("--device", arguments->device, "auto, cpu or cuda:N")->capture_default_str();
  command->callback([arguments, &exit_code] { exit_code = run_sample(*arguments); });
}

}  // namespace isocost::commands
