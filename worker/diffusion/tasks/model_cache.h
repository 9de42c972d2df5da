// What a worker keeps warm between units: pipelines, tokenizers, text states, extractors,
// references.
//
// Everything is keyed by content, so a cell that names the same inputs finds them loaded. The least
// recently used pipelines go when their weights fill too much of the device's memory, the least
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
#include "worker/diffusion/metrics/reference.h"
#include "worker/diffusion/pipeline/pipeline.h"
#include "worker/diffusion/tokenizer/tokenizer.h"

namespace isocost::diffusion {

struct WarmModel {
  Pipeline pipeline;
  Tokenizer tokenizer;
  std::string folder;                       // for messages
  std::map<std::string, at::Tensor> texts;  // prompt -> [S, D]

  // The states of these prompts, [B, S, D].
  [[nodiscard]] at::Tensor encode(const std::vector<std::string>& prompts);
};

// "float32" or "fp32" and so on.
[[nodiscard]] Result<at::ScalarType> parse_dtype(const std::string& name);

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
  // Lives on with whoever holds it when the cache lets go.
  [[nodiscard]] Result<std::shared_ptr<Extractor>> extractor(const ExtractorSpec& spec);
  // The reference that is this artifact of the store.
  [[nodiscard]] Result<std::shared_ptr<const Reference>> reference(const Digest& artifact,
                                                                   const io::ArtifactStore& store);
  // Lets go of everything that is loaded.
  void clear();
  // Digests of the U-Nets that are loaded.
  [[nodiscard]] std::vector<std::string> warm_unets() const;

 private:
  struct Entry {
    std::string key;
    std::string unet;
    std::uint64_t bytes = 0;
    std::unique_ptr<WarmModel> model;
  };
  using Folders = std::map<std::string, io::Place>;
  [[nodiscard]] Result<Folders> folders_of(const SampleSpec& spec);
  void make_room(std::uint64_t bytes);

  std::vector<std::filesystem::path> roots_;
  at::Device device_;
  std::string dtype_;
  std::uint64_t bytes_max_;
  io::Inventory inventory_;
  std::list<Entry> models_;  // most recently used first
  std::list<std::pair<std::string, std::shared_ptr<Extractor>>> extractors_;
  std::list<std::pair<Digest, std::shared_ptr<const Reference>>> references_;
};

}  // namespace isocost::diffusion
