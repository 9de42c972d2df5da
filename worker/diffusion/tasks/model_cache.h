// What a worker keeps warm between units: pipelines, tokenizers, text states, extractors.
//
// Everything is keyed by content, so a cell that names the same inputs finds them loaded. The least
// recently used pipelines and extractors go when there are too many. Text states are computed one
// prompt at a time, so that they depend on the prompt alone and not on which prompts stood beside
// it. Thread: one.
#pragma once

#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "schema/io/inputs.h"
#include "schema/spec.h"
#include "worker/diffusion/metrics/extractors/extractor.h"
#include "worker/diffusion/pipeline/pipeline.h"
#include "worker/diffusion/tokenizer/tokenizer.h"

namespace isocost::diffusion {

struct WarmModel {
  Pipeline pipeline;
  Tokenizer tokenizer;
  std::map<std::string, at::Tensor> texts;  // prompt -> [S, D]

  // The states of these prompts, [B, S, D].
  [[nodiscard]] at::Tensor encode(const std::vector<std::string>& prompts);
};

class ModelCache {
 public:
  static constexpr std::size_t kPipelinesMax = 4;
  static constexpr std::size_t kExtractorsMax = 8;

  ModelCache(std::vector<std::filesystem::path> roots, at::Device device);

  // Looks through the roots again. Digest names -> where the content lies.
  const io::Inventory& rescan();
  [[nodiscard]] Result<std::filesystem::path> find(const std::string& input) const;

  // Fails with: an input that is not under the roots, a model that does not load.
  [[nodiscard]] Result<WarmModel*> model(const SampleSpec& spec);
  [[nodiscard]] Result<Extractor*> extractor(const ExtractorSpec& spec);
  // Digests of the U-Nets that are loaded.
  [[nodiscard]] std::vector<std::string> warm_unets() const;

 private:
  struct Entry {
    std::string key;
    std::string unet;
    std::unique_ptr<WarmModel> model;
  };
  std::vector<std::filesystem::path> roots_;
  at::Device device_;
  io::Inventory inventory_;
  std::list<Entry> models_;  // most recently used first
  std::list<std::pair<std::string, std::unique_ptr<Extractor>>> extractors_;
};

}  // namespace isocost::diffusion
