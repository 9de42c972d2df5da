#include "worker/diffusion/models/perceptual.h"

#include "worker/diffusion/models/load.h"

namespace isocost::diffusion {
namespace {

using Layer = arch::PerceptualLayer;

// What the networks were trained with, for pixels in [-1, 1].
Tensor per_channel(double red, double green, double blue, const Tensor& like) {
  return at::tensor({red, green, blue}, like.options()).view({1, 3, 1, 1});
}

}  // namespace

PerceptualImpl::PerceptualImpl(arch::PerceptualConfig c) : config(std::move(c)) {
  // Registered as torchvision numbers them, so that its names are ours.
  auto features = std::make_shared<torch::nn::Module>();
  convolutions.reserve(config.layers.size());
  for (const Layer& layer : config.layers) {
    if (layer.kind == Layer::Kind::kPool) continue;
    convolutions.push_back(conv2d(layer.in, layer.out, layer.kernel, layer.stride, layer.padding));
    features->register_module(std::to_string(layer.index), convolutions.back().ptr());
    if (!layer.is_measured) continue;
    const std::string name = "lin" + std::to_string(heads.size());
    heads.push_back(register_parameter(name, at::zeros({layer.out})));
  }
  register_module("features", features);
}

std::vector<Tensor> PerceptualImpl::features(const Tensor& x) {
  Tensor h = (x - per_channel(-.030, -.088, -.188, x)) / per_channel(.458, .448, .450, x);
  std::vector<Tensor> measured;
  measured.reserve(heads.size());
  auto convolution = convolutions.begin();
  for (const Layer& layer : config.layers) {
    if (layer.kind == Layer::Kind::kPool) {
      h = at::max_pool2d(h, {layer.kernel, layer.kernel}, {layer.stride, layer.stride});
      continue;
    }
    h = at::relu((*convolution++)(h));
    if (layer.is_measured) measured.push_back(unit_length_a_pixel(h));
  }
  return measured;
}

Tensor PerceptualImpl::distance(const Tensor& x, const Tensor& y) {
  return perceptual_distance(features(x), features(y), heads);
}

Result<Perceptual> load_perceptual_network(const std::filesystem::path& folder) {
  const auto json = read_json_file(folder / "config.json");
  if (!json) return fail(json.error());
  auto config = arch::perceptual_config_from_json(*json, (folder / "config.json").string());
  if (!config) return fail(config.error());
  const auto weights = io::SafetensorsFolder::read(folder, io::kTransformersBase);
  if (!weights) return fail(weights.error());
  Perceptual network(std::move(*config));
  if (auto loaded = load_weights(*network, weights->tensors(), folder.string()); !loaded)
    return fail(loaded.error());
  for (const Tensor& head : network->heads)
    if (head.min().item<float>() < 0)
      return fail(folder.string(), "a weight of lin0 to lin4 is negative", "weights of 0 or more");
  network->eval();
  for (Tensor& parameter : network->parameters()) parameter.requires_grad_(false);
  return network;
}

}  // namespace isocost::diffusion
