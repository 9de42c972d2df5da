// What a worker keeps warm between units: pipelines, tokenizers, text states, extractors,
// references.
//
// Everything is keyed by content, so a cell that names the same inputs finds them loaded, and a
// network of the same autoencoder and text encoder costs its U-Net alone. The least recently used
// pipelines go when their weights fill too much of the device's memory, the least
// recently used extractors and references when there are too many. Text states are computed one
// prompt at a time, so that they depend on the prompt alone and not on which prompts stood beside
// it. Thread: one.
#pragma once

#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/io/artifact_store.h"
#include "base/io/inputs.h"
#include "schema/spec.h"
#include "worker/diffusion/metrics/extractors/extractor.h"
#include "worker/diffusion/metrics/extractors/networks.h"
#include "worker/diffusion/metrics/reference.h"
#include "worker/diffusion/pipeline/pipeline.h"
#include "worker/diffusion/tokenizer/tokenizer.h"

namespace isocost::diffusion {

// Of a text encoder with its tokenizer.
struct WarmTexts {
  Tokenizer tokenizer;
  std::map<std::string, at::Tensor> states;  // prompt -> [S, D]
};

struct WarmModel {
  Pipeline pipeline;
  std::shared_ptr<WarmTexts> texts;
  std::string folder;  // for messages

  // The states of these prompts, [B, S, D]; of the layer before the last `clip_skip`.
  [[nodiscard]] at::Tensor encode(const std::vector<std::string>& prompts,
                                  std::int64_t clip_skip = 0);
};

// "float32" or "fp32" and so on.
[[nodiscard]] Result<at::ScalarType> parse_dtype(const std::string& name);

// Of an extractor, whatever columns of items it reads: one network serves all data sets.
[[nodiscard]] std::string network_id(ExtractorSpec spec);

class ModelCache {
 public:
  static constexpr std::size_t kPipelinesMax = 32;
  // Of the device's memory, for the weights of all pipelines that are warm; one always may be.
  static constexpr double kWarmShareMax = 0.4;
  static constexpr std::size_t kExtractorsMax = 8;
  static constexpr std::size_t kReferencesMax = 8;

  // `dtype`: what U-Nets compute in, whatever a cell says; empty: what the cell says.
  ModelCache(std::vector<std::filesystem::path> roots, at::Device device, std::string dtype);

  // Looks through the roots again. Digest names -> where the content lies.
  const io::Inventory& rescan();
  // Looks through the roots once more before it fails: a folder may have come since.
  [[nodiscard]] Result<io::Place> find(const std::string& input);

  // Fails with: an input that is not under the roots, a model that does not load.
  [[nodiscard]] Result<WarmModel*> model(const SampleSpec& spec);
  // The autoencoder of a sample that needs no other network; one that a warm model has is shared.
  [[nodiscard]] Result<std::shared_ptr<SharedAutoencoder>> autoencoder(const SampleSpec& spec);
  // Lives on with whoever holds it when the cache lets go.
  [[nodiscard]] Result<std::shared_ptr<Extractor>> extractor(const ExtractorSpec& spec);
  // The reference that is this artifact of the store.
  [[nodiscard]] Result<std::shared_ptr<const Reference>> reference(const Digest& artifact,
                                                                   const io::ArtifactStore& store);
  // Lets go of everything that is loaded.
  void clear();
  // Digests of the U-Nets that are loaded.
  [[nodiscard]] std::vector<std::string> warm_unets() const;
  // Of the weights of all pipelines that are warm, as they lie on disk; what they share counts
  // once.
  [[nodiscard]] std::uint64_t warm_bytes() const;

 private:
  using Bytes = std::map<std::string, std::uint64_t>;  // of parts, by their keys
  struct Entry {
    std::string key;
    std::string unet;
    Bytes bytes;
    std::unique_ptr<WarmModel> model;
  };
  using Folders = std::map<std::string, io::Place>;
  // Parts that live as long as a pipeline has them.
  template <class Part>
  using Lent = std::map<std::string, std::weak_ptr<Part>>;

  [[nodiscard]] Result<Folders> folders_of(const SampleSpec& spec,
                                           const std::vector<std::string>& parts);
  [[nodiscard]] Result<WarmModel> load(const SampleSpec& spec, const Folders& folders,
                                       at::ScalarType dtype, const Bytes& parts);
  [[nodiscard]] std::uint64_t bytes_with(Bytes parts) const;
  void make_room(const Bytes& parts);

  std::vector<std::filesystem::path> roots_;
  at::Device device_;
  std::string dtype_;
  std::uint64_t bytes_max_;
  io::Inventory inventory_;
  std::list<Entry> models_;  // most recently used first
  Lent<UNetImpl> unets_;
  Lent<SharedAutoencoder> autoencoders_;
  Lent<ClipTextImpl> text_encoders_;
  Lent<WarmTexts> texts_;
  std::shared_ptr<SharedAutoencoder> last_autoencoder_;  // that was asked for alone
  ExtractorNetworks extractor_networks_;
  std::list<std::pair<std::string, std::shared_ptr<Extractor>>> extractors_;
  std::list<std::pair<Digest, std::shared_ptr<const Reference>>> references_;
};

}  // namespace isocost::diffusion
