// The U-Nets: Stable Diffusion's schedule, epsilon prediction or, with a schedule that ends in
// noise alone, v-prediction (objective.h); conditioned on the frozen text encoder's states, one
// caption in ten replaced by the empty one. Pictures and captions go through autoencoder and text
// encoder once; a step costs the U-Net.
//
// With a task the network goes on from a finished one of its size, whose first convolution grows by
// the task's channels; text, picture and both are dropped for shares of the examples, as Brooks et
// al. 2023, section 3.2.1, do it.
#include <algorithm>
#include <sstream>

#include "base/io/inputs.h"
#include "base/json_reader.h"
#include "experiments/world/chance.h"
#include "schema/items.h"
#include "schema/tasks/task.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/models/unet.h"
#include "worker/diffusion/training/encoded_world.h"
#include "worker/diffusion/training/family.h"
#include "worker/diffusion/training/objective.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kUNetStream = 0x55u;  // of batch order
constexpr std::uint64_t kUnseenItems = 1024;

// Shares of the examples that a condition is taken from.
struct Dropped {
  double text = 0.1;
  double picture = 0;  // the channels beside the latents
  double both = 0;
};

struct Options {
  Objective objective;
  Dropped dropped;
  double misdescribed = 0;
  std::string task;                       // empty: text-to-image
  std::string from;                       // the member that it is finetuned from
  std::vector<std::string> degradations;  // of small pictures
};

[[nodiscard]] WorldChoice choice_of(const Options& options, world::Split split, std::uint64_t count,
                                    double misdescribed) {
  return {split, count, misdescribed, options.task, options.degradations};
}

// A network to begin with, and the digest of the member that it comes from; empty: drawn.
struct Beginning {
  UNet unet{nullptr};
  std::string digest;
};

// A residual branch that begins at zero leaves a deep network trainable from its first step.
void zero_last_layers(UNet& unet) {
  const at::NoGradGuard no_grad;
  for (auto& item : unet->named_parameters()) {
    const auto& name = item.key();
    for (const char* last : {"conv2.", "proj_out.", "conv_out."})
      if (name.find(last) != std::string::npos) item.value().zero_();
  }
}

// The diffusers pipeline that the folder is for.
std::string pipeline_of(const std::string& task) {
  return task.empty() ? "StableDiffusionPipeline" : tasks::find_task(task)->runs_as;
}

class UNetTraining : public Training {
 public:
  UNetTraining(const Recipe& recipe, const TrainingPlaces& places, const Options& options,
               Beginning beginning, EncodedWorld data, EncodedWorld unseen)
      : recipe_(recipe),
        places_(places),
        options_(options),
        built_on_(data.made_by + beginning.digest),
        model_(std::move(beginning.unet)),
        data_(std::move(data)),
        unseen_(std::move(unseen)),
        alphas_(alphas_cumulated(options.objective)) {}

  torch::nn::Module& module() override { return *model_; }
  [[nodiscard]] std::string built_on() const override { return built_on_; }

  at::Tensor loss(std::int64_t step) override {
    const auto count = data_.latents.size(0);
    const auto indices = batch_indices(recipe_.seed ^ kUNetStream, step, recipe_.batch, count);
    return loss_on(data_, indices, step, options_.dropped);
  }

  Result<void> snapshot(std::int64_t steps_done) override {
    write(recipe_.name + "@" + std::to_string(steps_done));
    return {};
  }

  Result<std::string> finish() override {
    round_to_half(*model_);
    write(recipe_.name);
    std::int64_t parameters = 0;
    for (const auto& parameter : model_->parameters()) parameters += parameter.numel();
    std::ostringstream note;
    note << parameters << " parameters, loss on unseen captions " << unseen_loss();
    return note.str();
  }

 private:
  // Weights are rounded to float16 as they are written.
  void write(const std::string& name) {
    write_model(*model_, {places_.family / "models" / name / "unet", "diffusion_pytorch_model",
                          recipe_.config});
    write_pipeline(places_.family, name, {options_.objective, pipeline_of(options_.task)});
  }

  // Timesteps are spread evenly over the batch: less noise in the gradient at no cost.
  [[nodiscard]] at::Tensor draw_timesteps(std::int64_t batch, world::Chance& chance) const {
    auto timesteps = at::empty({batch}, at::kLong);
    for (std::int64_t i = 0; i < batch; ++i) {
      const double place = (static_cast<double>(i) + chance.uniform()) / static_cast<double>(batch);
      timesteps.data_ptr<std::int64_t>()[i] = std::min(
          kTimesteps - 1, static_cast<std::int64_t>(place * static_cast<double>(kTimesteps)));
    }
    return timesteps;
  }

  at::Tensor loss_on(const EncodedWorld& data, const at::Tensor& indices, std::int64_t step,
                     const Dropped& dropped) {
    const auto batch = indices.size(0);
    world::Chance chance(~recipe_.seed, static_cast<std::uint64_t>(step));
    const auto timesteps = draw_timesteps(batch, chance);
    auto text = data.text.index_select(0, indices);  // [B, L, C]
    at::Tensor channels;                             // [B, K, h, w]
    if (data.channels.defined()) channels = data.channels.index_select(0, indices);
    for (std::int64_t i = 0; i < batch; ++i) {
      const double drawn = chance.uniform();
      if (drawn < dropped.text + dropped.both) text[i].copy_(data.empty_text);
      if (drawn >= dropped.text && drawn < dropped.text + dropped.both + dropped.picture)
        channels[i].zero_();
    }
    const auto latents = data.latents.index_select(0, indices).to(at::kFloat);
    const auto epsilon = at::randn(latents.sizes(), step_generator(recipe_.seed, step));
    const auto alpha = alphas_.index_select(0, timesteps).view({-1, 1, 1, 1});
    const auto noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * epsilon;
    const auto target = target_of(options_.objective, alpha, latents, epsilon);
    const auto seen = channels.defined() ? at::cat({noisy, channels.to(at::kFloat)}, 1) : noisy;
    const auto made = model_->forward(seen.contiguous(at::MemoryFormat::ChannelsLast), timesteps,
                                      text.to(at::kFloat));
    return (loss_weights(options_.objective, alpha) * (made - target).square()).mean();
  }

  double unseen_loss() {
    const at::NoGradGuard no_grad;
    double sum = 0;
    std::int64_t chunks = 0;
    for (std::int64_t i = 0; i < unseen_.latents.size(0); i += recipe_.batch, ++chunks) {
      const auto end = std::min(i + recipe_.batch, unseen_.latents.size(0));
      sum += loss_on(unseen_, at::arange(i, end, at::kLong), chunks, {0, 0, 0}).item<double>();
    }
    return sum / static_cast<double>(std::max<std::int64_t>(1, chunks));
  }

  Recipe recipe_;
  TrainingPlaces places_;
  Options options_;
  std::string built_on_;
  UNet model_;
  EncodedWorld data_, unseen_;
  at::Tensor alphas_;
};

void read_task(JsonReader& reader, Options& options) {
  options.task = reader.get_or<std::string>("task", "");
  options.from = reader.get_or<std::string>("from", "");
  if (options.task.empty() != options.from.empty())
    reader.fault(options.task.empty() ? "from" : "task", "it stands alone",
                 "\"task\" and \"from\" together, or neither");
  const auto* task = find_item_task(options.task);
  if (!options.task.empty() && task == nullptr)
    reader.fault("task", "no network is finetuned for '" + options.task + "'",
                 "one of: " + joined(item_task_names()));
  if (reader.has("degradations"))
    options.degradations = reader.get<std::vector<std::string>>("degradations");
  if ((task != nullptr && task->is_of_small_pictures) == options.degradations.empty())
    reader.fault("degradations", "they are what makes small pictures",
                 "at least one for super-resolution, none for other tasks");
  for (const auto& name : options.degradations)
    if (find_degradation(name) == nullptr)
      reader.fault("degradations", "'" + name + "' is unknown",
                   "one of: " + joined(degradation_names()));
}

void read_shares(JsonReader& reader, Options& options) {
  auto& dropped = options.dropped;
  for (const auto& [name, share] : {std::pair{"empty_prompts", &dropped.text},
                                    {"empty_pictures", &dropped.picture},
                                    {"empty_both", &dropped.both},
                                    {"misdescribed", &options.misdescribed}}) {
    *share = reader.get_or<double>(name, *share);
    if (!(*share >= 0 && *share <= 1)) reader.fault(name, "this is no share", "0 to 1");
  }
  if (dropped.text + dropped.picture + dropped.both > 1)
    reader.fault("empty_both", "with the others this is more than all", "at most 1 in all");
  if (options.task.empty() && dropped.picture + dropped.both > 0)
    reader.fault("empty_pictures", "text-to-image has none to drop", "a task that begins with one");
}

Result<Options> read_options(const Recipe& recipe) {
  JsonReader reader(recipe.options, recipe.name + ": options");
  Options options;
  const auto prediction = reader.get_or<std::string>("prediction", "epsilon");
  if (prediction != "epsilon" && prediction != "v_prediction")
    reader.fault("prediction", "it is '" + prediction + "'", "epsilon or v_prediction");
  options.objective.predicts_v = prediction == "v_prediction";
  options.objective.zero_terminal_snr = reader.get_or<bool>("zero_terminal_snr", false);
  if (options.objective.zero_terminal_snr && !options.objective.predicts_v)
    reader.fault("zero_terminal_snr", "epsilon says nothing of the picture where all is noise",
                 "\"prediction\": \"v_prediction\" beside it");
  auto& min_snr = options.objective.min_snr;
  min_snr = reader.get_or<double>("min_snr", 0);
  if (!(min_snr >= 0)) reader.fault("min_snr", "this is below 0", "0 or more");
  // Its weight is min(SNR, gamma) / (SNR + 1), and SNR is 0 there.
  if (min_snr > 0 && options.objective.zero_terminal_snr)
    reader.fault("min_snr", "with zero_terminal_snr the last timestep would count nothing",
                 "0 or none beside it");
  read_task(reader, options);
  read_shares(reader, options);
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  return options;
}

// What the frozen halves of the family make, from their configurations alone.
struct Shapes {
  std::int64_t latent_channels = 0;
  std::int64_t latent_side = 0;
  std::int64_t text_width = 0;
};
Result<Shapes> shapes_of(const fs::path& family) {
  const auto read = [&](const char* part, auto parse) -> decltype(parse(Json(), "")) {
    const auto file = family / "models/shared" / part / "config.json";
    const auto json = read_json_file(file);
    if (!json) return fail(json.error());
    return parse(*json, file.string());
  };
  const auto vae = read("vae", arch::vae_config_from_json);
  const auto text = read("text_encoder", arch::clip_text_config_from_json);
  Failure failure;
  if (!vae) failure.add(vae.error());
  if (!text) failure.add(text.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  return Shapes{vae->latent_channels, world::kSide / vae->factor(), text->tower.hidden_size};
}

// Whether the network takes and makes what the family's parts will show it: told before minutes of
// encoding, and not as a fault of LibTorch after them.
void check_shapes(const Recipe& recipe, const arch::UNetConfig& config, const Options& options,
                  const Shapes& shapes, Failure& failure) {
  const auto latents = shapes.latent_channels;
  const auto differs = [&](const char* key, std::int64_t is, std::int64_t wanted,
                           const std::string& what) {
    if (is == wanted) return;
    failure.add(recipe.name + ": config." + key, c10::str("this is ", is),
                c10::str(wanted, ", ", what));
  };
  const auto joined_by_task = options.task.empty()
                                  ? latents
                                  : tasks::find_task(options.task)->input_channels(latents).back();
  differs("in_channels", config.in_channels, joined_by_task,
          options.task.empty() ? "the latents' channels"
                               : "the latents' channels and what " + options.task + " joins");
  differs("out_channels", config.out_channels, latents, "the latents' channels");
  differs("sample_size", config.sample_height, shapes.latent_side, "the latents' side");
  if (config.sample_width != config.sample_height)
    differs("sample_size", config.sample_width, shapes.latent_side, "the latents' side");
  differs("cross_attention_dim", config.context_width(), shapes.text_width,
          "the text encoder's width");
}

// A network learns to predict what its weights predict already.
Result<void> check_prediction(const Recipe& recipe, const fs::path& member,
                              const Options& options) {
  const auto file = member / "scheduler/scheduler_config.json";
  const auto json = read_json_file(file);
  if (!json) return fail(json.error());
  JsonReader reader(*json, file.string());
  const auto predicts = reader.get_or<std::string>("prediction_type", "epsilon");
  const auto ends_in_noise = reader.get_or<bool>("rescale_betas_zero_snr", false);
  if (!reader.ok()) return fail(reader.take());
  const std::string wanted = options.objective.predicts_v ? "v_prediction" : "epsilon";
  Failure failure;
  if (predicts != wanted)
    failure.add(recipe.name + ": options.prediction", "it is '" + wanted + "'",
                predicts + ", as " + options.from + " predicts");
  if (ends_in_noise != options.objective.zero_terminal_snr)
    failure.add(recipe.name + ": options.zero_terminal_snr",
                options.objective.zero_terminal_snr ? "this is true" : "this is false",
                "as the schedule of " + options.from + " has it");
  if (!failure.is_empty()) return fail(std::move(failure));
  return {};
}

// A finished network, grown by the channels of the task.
Result<Beginning> go_on_from(const Recipe& recipe, const fs::path& member,
                             const arch::UNetConfig& config, const Options& options,
                             const Shapes& shapes) {
  const auto folder = member / "unet";
  auto finished = load_unet(folder);
  if (!finished) return fail(finished.error());
  const auto said = read_json_file(folder / "config.json");
  if (!said) return fail(said.error());
  Failure failure;
  if (const auto has = (*finished)->config.in_channels; has != shapes.latent_channels)
    failure.add(recipe.name + ": options.from", c10::str(options.from, " takes ", has, " channels"),
                c10::str("a member for text-to-image, of ", shapes.latent_channels));
  auto same = *said;
  same["in_channels"] = config.in_channels;
  if (same != recipe.config)
    failure.add(recipe.name + ": config", "it is not that of " + options.from,
                "the same but for in_channels");
  if (const auto fits = check_prediction(recipe, member, options); !fits) failure.add(fits.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  const auto digest = io::input_digest(folder);
  if (!digest) return fail(digest.error());
  return Beginning{grown(*finished, config.in_channels), digest->hex()};
}

// Drawn weights, or a finished network's. Whatever does not fit together is told here.
Result<Beginning> begin(const Recipe& recipe, const TrainingPlaces& places,
                        const arch::UNetConfig& config, const Options& options) {
  const auto shapes = shapes_of(places.family);
  if (!shapes) return fail(shapes.error());
  Failure failure;
  check_shapes(recipe, config, options, *shapes, failure);
  if (!failure.is_empty()) return fail(std::move(failure));
  if (options.task.empty()) {
    Beginning drawn{UNet(config), {}};
    zero_last_layers(drawn.unet);
    return drawn;
  }
  return go_on_from(recipe, places.family / "models" / options.from, config, options, *shapes);
}

}  // namespace

Result<std::unique_ptr<Training>> make_unet_training(const Recipe& recipe,
                                                     const TrainingPlaces& places) {
  const auto config = arch::unet_config_from_json(recipe.config, recipe.name + ": config");
  const auto options = read_options(recipe);
  Failure failure;
  if (!config) failure.add(config.error());
  if (!options) failure.add(options.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  at::manual_seed(recipe.seed);
  auto beginning = begin(recipe, places, *config, *options);
  if (!beginning) return fail(beginning.error());
  auto data = encode_world(
      places, choice_of(*options, world::Split::kTrain, recipe.pictures, options->misdescribed));
  if (!data) return fail(data.error());
  auto unseen = encode_world(places, choice_of(*options, world::Split::kValidation,
                                               std::min(kUnseenItems, recipe.pictures), 0));
  if (!unseen) return fail(unseen.error());
  return std::make_unique<UNetTraining>(recipe, places, *options, std::move(*beginning),
                                        std::move(*data), std::move(*unseen));
}

}  // namespace isocost::diffusion
