#include "worker/diffusion/models/feature_network.h"

#include "base/json_reader.h"

namespace isocost::diffusion {
namespace {

constexpr const char* kClassName = "IsocostFeatureNetwork";
constexpr std::int64_t kSizeMax = 4096;
constexpr double kDeviationFloor = 1e-6;  // a variance of 0 has no slope

std::int64_t sides_after(const FeatureNetworkConfig& config) {
  return config.image_size >> config.channels.size();
}

void check(const FeatureNetworkConfig& config, JsonReader& reader) {
  const auto in_range = [&](const char* key, std::int64_t value) {
    if (value < 1 || value > kSizeMax)
      reader.fault(key, "it is " + std::to_string(value), "1 to " + std::to_string(kSizeMax));
  };
  in_range("image_size", config.image_size);
  in_range("norm_groups", config.norm_groups);
  in_range("hidden", config.hidden);
  in_range("features", config.features);
  if (config.channels.empty() || config.channels.size() > 8)
    reader.fault("channels", "it is no list of 1 to 8 widths");
  for (const std::int64_t width : config.channels) {
    in_range("channels", width);
    if (config.norm_groups > 0 && width % config.norm_groups != 0) {
      reader.fault("channels", std::to_string(width) + " is no multiple of norm_groups");
    }
  }
  if (config.channels.size() <= 8 &&
      sides_after(config) << config.channels.size() != config.image_size) {
    reader.fault("image_size", "it is " + std::to_string(config.image_size),
                 "a multiple of 2 to the number of channels");
  }
  if (config.channels.size() <= 8 && sides_after(config) < 1)
    reader.fault("image_size", "nothing is left of the picture");
}

}  // namespace

std::int64_t FeatureNetworkConfig::answers() const {
  std::int64_t sum = 0;
  for (const Attribute& attribute : attributes) sum += attribute.classes;
  return sum;
}

// Each level's two convolutions.
std::int64_t FeatureNetworkConfig::pooled() const {
  std::int64_t sum = 0;
  for (const std::int64_t width : channels) sum += 4 * width;
  return sum;
}

Result<FeatureNetworkConfig> feature_network_config_from_json(const Json& json,
                                                              const std::string& where) {
  JsonReader reader(json, where);
  FeatureNetworkConfig config;
  if (reader.get<std::string>("_class_name") != kClassName)
    reader.fault("_class_name", "this is another kind of model", kClassName);
  config.image_size = reader.get<std::int64_t>("image_size");
  config.channels = reader.get<std::vector<std::int64_t>>("channels");
  config.norm_groups = reader.get<std::int64_t>("norm_groups");
  config.hidden = reader.get<std::int64_t>("hidden");
  config.features = reader.get<std::int64_t>("features");
  const auto attributes = reader.get<std::vector<Json>>("attributes");
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    JsonReader attribute(attributes[i], where + ".attributes[" + std::to_string(i) + "]");
    FeatureNetworkConfig::Attribute one;
    one.name = attribute.get<std::string>("name");
    one.classes = attribute.get<std::int64_t>("classes");
    if (one.classes < 2 || one.classes > 1000)
      attribute.fault("classes", "it is " + std::to_string(one.classes), "2 to 1000");
    attribute.finish();
    if (!attribute.ok()) (void)reader.take<int>(fail(attribute.take()));
    config.attributes.push_back(one);
  }
  if (config.attributes.empty() || config.attributes.size() > 100)
    reader.fault("attributes", "there are none, or too many", "1 to 100");
  check(config, reader);
  if (!reader.ok()) return fail(reader.take());
  return config;
}

Json to_json(const FeatureNetworkConfig& config) {
  Json attributes = Json::array();
  for (const auto& attribute : config.attributes)
    attributes.push_back({{"name", attribute.name}, {"classes", attribute.classes}});
  return {{"_class_name", kClassName},   {"image_size", config.image_size},
          {"channels", config.channels}, {"norm_groups", config.norm_groups},
          {"hidden", config.hidden},     {"features", config.features},
          {"attributes", attributes}};
}

FeatureBlockImpl::FeatureBlockImpl(std::int64_t in, std::int64_t out, std::int64_t norm_groups)
    : conv1(register_module(
          "conv1", torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(2).padding(1)))),
      conv2(register_module("conv2",
                            torch::nn::Conv2d(torch::nn::Conv2dOptions(out, out, 3).padding(1)))),
      norm1(register_module("norm1", torch::nn::GroupNorm(norm_groups, out))),
      norm2(register_module("norm2", torch::nn::GroupNorm(norm_groups, out))) {}

Tensor FeatureBlockImpl::forward(const Tensor& x, std::vector<Tensor>& pooled) {
  const auto look = [&](const Tensor& seen) {
    pooled.push_back(seen.mean({2, 3}));
    pooled.push_back((seen.var({2, 3}, /*correction=*/0) + kDeviationFloor).sqrt());
  };
  const Tensor half = conv1(x);
  look(half);
  const Tensor seen = conv2(at::silu(norm1(half)));
  look(seen);
  return at::silu(norm2(seen));
}

FeatureNetworkImpl::FeatureNetworkImpl(FeatureNetworkConfig config_in)
    : config(std::move(config_in)),
      block_list(register_module("blocks", torch::nn::ModuleList())),
      hidden(register_module(
          "hidden",
          torch::nn::Linear(config.channels.back() * sides_after(config) * sides_after(config),
                            config.hidden))),
      answer(register_module("answer", torch::nn::Linear(config.hidden, config.answers()))),
      project(register_module("project", torch::nn::Linear(config.pooled(), config.features))) {
  std::int64_t in = 3;
  for (const std::int64_t out : config.channels) {
    blocks.emplace_back(in, out, config.norm_groups);
    block_list->push_back(blocks.back());
    in = out;
  }
}

FeatureOutput FeatureNetworkImpl::forward(const Tensor& pixels) {
  std::vector<Tensor> looks;
  Tensor x = pixels;  // [B, 3, S, S]
  for (FeatureBlock& block : blocks) x = block->forward(x, looks);
  const Tensor pooled = at::cat(looks, 1);  // [B, P]
  return {project(pooled), answer(at::silu(hidden(x.flatten(1)))), pooled};
}

std::vector<Tensor> FeatureNetworkImpl::levels(const Tensor& pixels) {
  std::vector<Tensor> pooled, seen;
  seen.reserve(blocks.size());
  Tensor x = pixels;
  for (FeatureBlock& block : blocks) {
    x = block->forward(x, pooled);
    seen.push_back(unit_length_a_pixel(x));
  }
  return seen;
}

Tensor FeatureNetworkImpl::distance(const Tensor& x, const Tensor& y) {
  return perceptual_distance(levels(x), levels(y));
}

Tensor FeatureNetworkImpl::likeliest(const Tensor& answers) const {
  std::vector<Tensor> best;
  std::int64_t offset = 0;
  for (const auto& attribute : config.attributes) {
    best.push_back(answers.narrow(1, offset, attribute.classes).argmax(1));
    offset += attribute.classes;
  }
  return at::stack(best, 1);
}

Tensor FeatureNetworkImpl::loss(const Tensor& answers, const Tensor& labels) const {
  Tensor sum = at::zeros({}, answers.options());
  std::int64_t offset = 0, column = 0;
  for (const auto& attribute : config.attributes) {
    sum = sum + at::cross_entropy_loss(answers.narrow(1, offset, attribute.classes),
                                       labels.select(1, column++));
    offset += attribute.classes;
  }
  return sum / static_cast<double>(config.attributes.size());
}

Result<FeatureNetwork> load_feature_network(const std::filesystem::path& folder) {
  const auto json = read_json_file(folder / "config.json");
  if (!json) return fail(json.error());
  auto config = feature_network_config_from_json(*json, (folder / "config.json").string());
  if (!config) return fail(config.error());
  const auto weights = io::SafetensorsFolder::read(folder, "model");
  if (!weights) return fail(weights.error());
  FeatureNetwork network(std::move(*config));
  if (auto loaded = load_weights(*network, weights->tensors(), folder.string()); !loaded)
    return fail(loaded.error());
  network->eval();
  for (Tensor& parameter : network->parameters()) parameter.requires_grad_(false);
  return network;
}

}  // namespace isocost::diffusion
