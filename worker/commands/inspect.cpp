#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "model_folder/check_runs.h"
#include "worker/commands/commands.h"
#include "worker/commands/output.h"
#include "worker/diffusion/tokenizer/tokenizer.h"

namespace isocost::commands {
namespace {

struct InspectArguments {
  std::string model;
  std::string variant;
  arch::ArchitectureChoice architecture{.name = "", .width = 320, .context = 768, .latent = 64};
  bool is_json = false;
};

Json summary_json(const arch::NetworkSummary& summary, std::uint64_t bytes) {
  return {{"parameters", summary.parameters()},
          {"tensors", summary.tensors.size()},
          {"gflops", summary.gflops()},
          {"gflops_conv", 2e-9 * summary.macs_conv},
          {"gflops_linear", 2e-9 * summary.macs_linear},
          {"gflops_attention", 2e-9 * summary.macs_attention},
          {"bytes", bytes}};
}

Json call_json(const arch::CallShape& call) {
  return {{"height", call.height}, {"width", call.width}, {"context_tokens", call.context_tokens}};
}

template <class Component>
Json component_json(const Component& component, const arch::NetworkSummary& summary) {
  Json json = summary_json(summary, component.weights.bytes);
  json["variant"] = component.weights.variant;
  json["files"] = Json::array();
  for (const auto& file : component.weights.files)
    json["files"].push_back(file.filename().string());
  return json;
}

Json components_json(const arch::ModelFolder& model) {
  const auto call = model.default_call();
  Json components = Json::object();
  if (model.unet)
    components["unet"] =
        component_json(*model.unet, arch::summarize_unet(model.unet->config, call));
  if (model.vae) {
    const auto& vae = *model.vae;
    components["vae"] =
        component_json(vae, arch::summarize_vae(vae.config, call, arch::VaeHalf::kDecode));
    components["vae"]["gflops_encode"] =
        arch::summarize_vae(vae.config, call, arch::VaeHalf::kEncode).gflops();
  }
  if (model.text_encoder)
    components["text_encoder"] =
        component_json(*model.text_encoder, arch::summarize_clip_text(model.text_encoder->config));
  if (model.clip)
    components["clip"] = component_json(*model.clip, arch::summarize_clip(model.clip->config));
  return components;
}

// Of the weights' headers, and of the tokenizer beside its text encoder.
Result<void> check(const arch::ModelFolder& model) {
  Failure failure;
  if (const auto checked = model.check_weights(); !checked) failure.add(checked.error());
  const arch::ClipTextConfig* text = nullptr;
  if (model.text_encoder) text = &model.text_encoder->config;
  if (model.clip) text = &model.clip->config.text;
  if (model.tokenizer && text != nullptr) {
    const auto tokenizer = diffusion::Tokenizer::load_for(
        {text->max_position_embeddings, text->vocab_size}, *model.tokenizer);
    if (!tokenizer) failure.add(tokenizer.error());
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return {};
}

// Which kinds of tasks run with a pipeline, each with what keeps it from running.
Json tasks_json(const arch::ModelFolder& model) {
  Json json = Json::object();
  for (const auto& kind : tasks::task_kinds()) {
    json[kind.name] = Json::array();
    const auto runs = arch::check_runs(model, kind);
    if (runs) continue;
    for (const Error& error : runs.error().errors) json[kind.name].push_back(error.message());
  }
  return json;
}

Json unknown_keys_json(const arch::ModelFolder& model) {
  Json json = Json::object();
  for (const auto& [file, keys] : model.unknown_keys()) json[file] = keys;
  return json;
}

// The part that a study varies stands at the top level: the U-Net, or what the folder has instead.
Json model_json(const arch::ModelFolder& model) {
  const Json components = components_json(model);
  Json json;
  for (const char* name : {"unet", "clip", "vae", "text_encoder"}) {
    if (!components.contains(name)) continue;
    json = components.at(name);
    json["component"] = name;
    break;
  }
  json["model"] = model.root.string();
  json["pipeline"] = model.pipeline_class;
  json["call"] = call_json(model.default_call());
  json["components"] = components;
  if (model.unet) json["faults_by_task"] = tasks_json(model);
  json["unknown_keys"] = unknown_keys_json(model);
  json["total_bytes"] = model.weight_bytes();
  json["weights_fit"] = true;  // what does not fit is a fault
  return json;
}

void print_row(const std::string& name, const Json& part) {
  std::printf("%-14s %16llu %8llu %14.6g %14llu\n", name.c_str(),
              static_cast<unsigned long long>(part.at("parameters").get<std::uint64_t>()),
              static_cast<unsigned long long>(part.at("tensors").get<std::uint64_t>()),
              part.at("gflops").get<double>(),
              static_cast<unsigned long long>(part.at("bytes").get<std::uint64_t>()));
}

void print_tasks(const Json& json) {
  const Json tasks = json.value("faults_by_task", Json::object());
  const Json unknown = json.value("unknown_keys", Json::object());
  for (const auto& [task, faults] : tasks.items()) {
    if (faults.empty()) std::printf("%s: runs\n", task.c_str());
    for (const Json& fault : faults)
      std::printf("%s: does not run: %s\n", task.c_str(),
                  fault.get_ref<const std::string&>().c_str());
  }
  for (const auto& [file, keys] : unknown.items())
    for (const Json& key : keys)
      std::printf("note: %s: '%s' is neither read here nor known to be without effect\n",
                  file.c_str(), key.get_ref<const std::string&>().c_str());
}

void print_text(const Json& json) {
  const Json& call = json.at("call");
  std::printf("%-14s %16s %8s %14s %14s\n", "component", "parameters", "tensors", "gflops a call",
              "bytes");
  for (const auto& [name, part] : json.at("components").items()) print_row(name, part);
  std::printf(
      "a call: batch 1, latents %lldx%lld, %lld text tokens; 2 x multiply-adds, attention "
      "included\n",
      static_cast<long long>(call.at("height").get<std::int64_t>()),
      static_cast<long long>(call.at("width").get<std::int64_t>()),
      static_cast<long long>(call.at("context_tokens").get<std::int64_t>()));
  if (json.contains("weights_fit"))
    std::printf("weights: the tensors in the files' headers are those of the configurations\n");
  print_tasks(json);
}

Result<Json> architecture_json(const arch::ArchitectureChoice& choice) {
  const auto config = arch::named_unet(choice);
  if (!config) return fail(config.error());
  const arch::CallShape call{config->sample_height, config->sample_width, 77};
  const auto summary = arch::summarize_unet(*config, call);
  constexpr std::uint64_t kFloat32Bytes = 4;
  Json json = summary_json(summary, kFloat32Bytes * summary.parameters());
  const Json components = {{"unet", json}};
  json["architecture"] = choice.name;
  json["call"] = call_json(call);
  json["components"] = components;
  return json;
}

Result<Json> inspect(const InspectArguments& arguments) {
  if (!arguments.architecture.name.empty()) return architecture_json(arguments.architecture);
  if (arguments.model.empty())
    return fail("inspect", "neither a model nor --arch is given", "one of them");
  const auto model = arch::ModelFolder::open(arguments.model, arguments.variant);
  if (!model) return fail(model.error());
  if (const auto checked = check(*model); !checked) return fail(checked.error());
  return model_json(*model);
}

int run_inspect(const InspectArguments& arguments) {
  const auto json = inspect(arguments);
  if (!json) return report_failure(json.error());
  if (arguments.is_json) {
    print_json(*json);
  } else {
    print_text(*json);
  }
  return 0;
}

}  // namespace

void add_inspect(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<InspectArguments>();
  auto& architecture = arguments->architecture;
  auto* command = app.add_subcommand("inspect", "What a model is and what a call of it costs");
  auto* model = command->add_option("model", arguments->model, "A model folder");
  command->add_option("--variant", arguments->variant, "The weights' variant, such as fp16");
  command->add_option("--arch", architecture.name, "An architecture alone: sd-v1")->excludes(model);
  command->add_option("--width", architecture.width, "Its base width")->capture_default_str();
  command->add_option("--context", architecture.context, "The width of its text context")
      ->capture_default_str();
  command->add_option("--latent", architecture.latent, "The side of its latents")
      ->capture_default_str();
  command->add_flag("--json", arguments->is_json, "Print JSON");
  command->callback([arguments, &exit_code] { exit_code = run_inspect(*arguments); });
}

}  // namespace isocost::commands
