#include "schema/arch/perceptual.h"

#include "schema/arch/config_reader.h"

namespace isocost::arch {
namespace {

constexpr const char* kPerceptualClass = "IsocostPerceptualNetwork";

PerceptualLayer pool(std::int64_t index, std::int64_t kernel) {
  return {.kind = PerceptualLayer::Kind::kPool,
          .index = index,
          .kernel = kernel,
          .stride = 2,
          .padding = 0};
}

std::vector<PerceptualLayer> alex_layers() {
  return {{.index = 0,
           .in = 3,
           .out = 64,
           .kernel = 11,
           .stride = 4,
           .padding = 2,
           .is_measured = true},
          pool(2, 3),
          {.index = 3, .in = 64, .out = 192, .kernel = 5, .padding = 2, .is_measured = true},
          pool(5, 3),
          {.index = 6, .in = 192, .out = 384, .is_measured = true},
          {.index = 8, .in = 384, .out = 256, .is_measured = true},
          {.index = 10, .in = 256, .out = 256, .is_measured = true}};
}

// Blocks of two or three convolutions; the last of each is measured, and a pool follows it.
std::vector<PerceptualLayer> vgg_layers() {
  struct Block {
    std::int64_t convolutions, out;
  };
  std::vector<PerceptualLayer> layers;
  layers.reserve(17);
  std::int64_t index = 0, in = 3;
  for (const Block& block :
       {Block{2, 64}, Block{2, 128}, Block{3, 256}, Block{3, 512}, Block{3, 512}}) {
    if (!layers.empty()) layers.push_back(pool(index++, 2));
    for (std::int64_t i = 0; i < block.convolutions; ++i) {
      layers.push_back(
          {.index = index, .in = in, .out = block.out, .is_measured = i + 1 == block.convolutions});
      in = block.out;
      index += 2;
    }
  }
  return layers;
}

}  // namespace

Result<PerceptualConfig> perceptual_config_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  if (reader.get<std::string>("_class_name") != kPerceptualClass)
    reader.fault("_class_name", "this is no network of LPIPS",
                 std::string(kPerceptualClass) + ", as script/convert/lpips.py writes it");
  PerceptualConfig config{.net = reader.get<std::string>("net"), .layers = {}};
  if (config.net == "alex")
    config.layers = alex_layers();
  else if (config.net == "vgg")
    config.layers = vgg_layers();
  else
    reader.fault("net", "this is '" + config.net.substr(0, 40) + "'", "alex or vgg");
  supported(reader, "version", {Json("0.1")});
  if (!reader.ok()) return fail(reader.take());
  return config;
}

std::vector<TensorSpec> perceptual_tensors(const PerceptualConfig& config) {
  std::vector<TensorSpec> tensors;
  std::int64_t measured = 0;
  for (const PerceptualLayer& layer : config.layers) {
    if (layer.kind == PerceptualLayer::Kind::kPool) continue;
    const std::string name = "features." + std::to_string(layer.index);
    tensors.push_back({name + ".weight", {layer.out, layer.in, layer.kernel, layer.kernel}});
    tensors.push_back({name + ".bias", {layer.out}});
    if (layer.is_measured) tensors.push_back({"lin" + std::to_string(measured++), {layer.out}});
  }
  return tensors;
}

}  // namespace isocost::arch
