#include "worker/diffusion/metrics/extractors/extractor.h"

#include <cstring>
#include <map>

#include "worker/diffusion/metrics/extractors/kinds.h"

namespace isocost::diffusion {
namespace {

const std::map<std::string, ExtractorLoader>& loaders() {
  static const std::map<std::string, ExtractorLoader> kLoaders = {
      {"clip", load_clip_score},
      {"clip-features", load_clip_features},
      {"mini-attributes", load_mini_attributes},
      {"mini-features", load_mini_features},
      {"torchscript", load_torchscript},
  };
  return kLoaders;
}

}  // namespace

Result<std::unique_ptr<Extractor>> load_extractor(const ExtractorSpec& spec,
                                                  const std::filesystem::path& input,
                                                  const ExtractorSettings& settings) {
  const auto loader = loaders().find(spec.kind);
  if (loader == loaders().end()) {
    std::string known;
    for (const auto& [kind, unused] : loaders()) known += (known.empty() ? "" : ", ") + kind;
    return fail("extractor", "the kind '" + spec.kind + "' is unknown", known);
  }
  JsonReader options(spec.options, "extractor " + spec.kind);
  return loader->second({spec.kind, input, settings}, options);
}

std::vector<std::string> extractor_kinds() {
  std::vector<std::string> kinds;
  for (const auto& [kind, unused] : loaders()) kinds.push_back(kind);
  return kinds;
}

io::Picture picture_of(const at::Tensor& pictures, std::int64_t index) {
  const at::Tensor last = pictures[index].permute({1, 2, 0}).contiguous();  // [H, W, 3]
  io::Picture picture{static_cast<int>(last.size(1)), static_cast<int>(last.size(0)), {}};
  picture.rgb.resize(static_cast<std::size_t>(last.numel()));
  std::memcpy(picture.rgb.data(), last.data_ptr(), picture.rgb.size());
  return picture;
}

}  // namespace isocost::diffusion
