#include "worker/diffusion/metrics/extractors/networks.h"

#include "worker/diffusion/models/load.h"

namespace isocost::diffusion {
namespace {

// What lives still, else what `load` brings.
template <class Network, class Impl, class Load>
Result<Network> shared(std::map<std::string, std::weak_ptr<Impl>>& known,
                       const std::string& content, const Load& load) {
  if (auto living = known[content].lock()) return Network(std::move(living));
  auto loaded = load();
  if (loaded) known[content] = loaded->ptr();
  return loaded;
}

}  // namespace

Result<Clip> ExtractorNetworks::clip(const std::string& content,
                                     const std::filesystem::path& folder) {
  return shared<Clip>(clips_, content, [&] { return load_clip(folder); });
}

Result<Vit> ExtractorNetworks::vit(const std::string& content,
                                   const std::filesystem::path& folder) {
  return shared<Vit>(vits_, content, [&] { return load_vit(folder); });
}

}  // namespace isocost::diffusion
