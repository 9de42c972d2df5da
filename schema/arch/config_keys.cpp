#include "schema/arch/config_keys.h"

#include <algorithm>
#include <span>

namespace isocost::arch {
namespace {

using Keys = std::span<const std::string_view>;

// What the libraries note of a file itself.
constexpr std::string_view kNotes[] = {"_class_name", "_diffusers_version", "_name_or_path"};

constexpr std::string_view kUNet[] = {
    "dropout",                                // of training
    "resnet_out_scale_factor",                // of kinds of blocks that are refused
    "addition_embed_type_num_heads",          // of the kind "text", which is refused
    "addition_time_embed_dim",                // of text_time, which reads them where it is chosen
    "projection_class_embeddings_input_dim",  // likewise
    // What diffusers' EMAModel leaves in the configuration of the weights that it averaged.
    "decay", "inv_gamma", "min_decay", "optimization_step", "power", "update_after_step",
    "use_ema_warmup"};

constexpr std::string_view kVae[] = {
    "force_upcast",   // of halves; the autoencoder computes in float32
    "shift_factor"};  // which Stable Diffusion's pipelines leave alone

// What every configuration of transformers may have, and does not change what a tower computes
// once it is trained.
constexpr std::string_view kTransformers[] = {
    "architectures", "model_type", "transformers_version", "dtype", "torch_dtype",
    // Of training.
    "attention_dropout", "dropout", "initializer_factor", "initializer_range",
    "gradient_checkpointing",
    // Of what a call returns, and of how it is computed.
    "chunk_size_feed_forward", "output_attentions", "output_hidden_states", "return_dict",
    "torchscript", "use_bfloat16", "use_cache", "tf_legacy_loss",
    // Of texts that are generated, classes and decoders, which no tower of CLIP has.
    "add_cross_attention", "bad_words_ids", "begin_suppress_tokens", "cross_attention_hidden_size",
    "decoder_start_token_id", "diversity_penalty", "do_sample", "early_stopping",
    "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "finetuning_task",
    "forced_bos_token_id", "forced_eos_token_id", "id2label", "is_decoder", "is_encoder_decoder",
    "label2id", "length_penalty", "max_length", "min_length", "no_repeat_ngram_size",
    "num_beam_groups", "num_beams", "num_labels", "num_return_sequences", "output_scores", "prefix",
    "problem_type", "remove_invalid_values", "repetition_penalty", "return_dict_in_generate",
    "sep_token_id", "suppress_tokens", "task_specific_params", "temperature", "tie_encoder_decoder",
    "tie_word_embeddings", "tokenizer_class", "top_k", "top_p", "typical_p",
    // Heads that were taken out change the weights' shapes, which are checked.
    "pruned_heads"};

// The tokenizer sets where a text begins and how it is filled up.
constexpr std::string_view kClipText[] = {"bos_token_id", "pad_token_id"};

constexpr std::string_view kClip[] = {"logit_scale_init_value",  // the scale itself is a weight
                                      "text_config", "vision_config", "text_config_dict",
                                      "vision_config_dict"};

// Every parameter of a scheduler of diffusers that Stable Diffusion's pipelines take: a sampler
// reads those of its class and leaves the others alone, as from_config does.
constexpr std::string_view kScheduler[] = {"algorithm_type",
                                           "beta_end",
                                           "beta_schedule",
                                           "beta_start",
                                           "clip_sample",
                                           "clip_sample_range",
                                           "disable_corrector",
                                           "dynamic_thresholding_ratio",
                                           "euler_at_final",
                                           "final_sigmas_type",
                                           "flow_shift",
                                           "interpolation_type",
                                           "lambda_min_clipped",
                                           "lower_order_final",
                                           "num_train_timesteps",
                                           "original_inference_steps",
                                           "predict_x0",
                                           "prediction_type",
                                           "rescale_betas_zero_snr",
                                           "sample_max_value",
                                           "set_alpha_to_one",
                                           "shift_terminal",
                                           "sigma_max",
                                           "sigma_min",
                                           "skip_prk_steps",
                                           "solver_order",
                                           "solver_p",
                                           "solver_type",
                                           "steps_offset",
                                           "thresholding",
                                           "time_shift_type",
                                           "timestep_scaling",
                                           "timestep_spacing",
                                           "timestep_type",
                                           "trained_betas",
                                           "use_beta_sigmas",
                                           "use_dynamic_shifting",
                                           "use_exponential_sigmas",
                                           "use_flow_sigmas",
                                           "use_karras_sigmas",
                                           "use_lu_lambdas",
                                           "variance_type"};

constexpr std::string_view kPipeline[] = {"unet",
                                          "vae",
                                          "text_encoder",
                                          "tokenizer",
                                          "scheduler",
                                          "image_encoder",  // of picture prompts, which no task has
                                          "feature_extractor",  // of the safety checker
                                          "safety_checker",  // no picture is judged: docs/models.md
                                          "requires_safety_checker"};

bool is_in(Keys keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::vector<std::string> unknown_of(ConfigFile file, const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items())
    if (!is_without_effect(file, key)) keys.push_back(key);
  return keys;
}

}  // namespace

bool is_without_effect(ConfigFile file, std::string_view key) {
  if (is_in(kNotes, key)) return true;
  switch (file) {
    case ConfigFile::kUNet:
      return is_in(kUNet, key);
    case ConfigFile::kVae:
      return is_in(kVae, key);
    case ConfigFile::kClipText:
      return is_in(kTransformers, key) || is_in(kClipText, key);
    case ConfigFile::kClipVision:
      return is_in(kTransformers, key);
    case ConfigFile::kClip:
      return is_in(kTransformers, key) || is_in(kClip, key);
    case ConfigFile::kScheduler:
      return is_in(kScheduler, key);
    case ConfigFile::kPipeline:
      return is_in(kPipeline, key);
  }
  return false;
}

std::vector<std::string> unknown_scheduler_keys(const Json& config) {
  return unknown_of(ConfigFile::kScheduler, config);
}

std::vector<std::string> unknown_pipeline_members(const Json& index) {
  auto members = unknown_of(ConfigFile::kPipeline, index);
  std::erase_if(members, [&](const std::string& member) {
    return index.at(member) == Json::array({nullptr, nullptr});
  });
  return members;
}

}  // namespace isocost::arch
