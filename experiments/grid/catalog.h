// What a grid's names stand for: model folders, data, extractors. The port between the grid
// language and the disk.
//
// Names that begin with "mini/" are members of the mini family: the folder experiments/mini beside
// the program, or $ISOCOST_MINI. Other names are paths relative to the grid file's folder; '*' and
// '?' match names of folders. Thread: one.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "schema/arch/model_folder.h"
#include "schema/json.h"
#include "schema/result.h"

namespace isocost::experiments {

struct ModelEntry {
  std::map<std::string, std::string> inputs;  // unet, vae, text_encoder, tokenizer -> "sha256:..."
  std::map<std::string, std::string> names;   // "sha256:..." -> path, for messages
  Json scheduler_config;
  int vae_factor = 8;       // picture pixels a latent pixel
  int default_height = 64;  // in pixels
  int default_width = 64;
  std::uint64_t parameters = 0;  // of the U-Net
  std::uint64_t weight_bytes = 0;
  double gflops_text = 0;
  arch::UNetConfig unet;  // for the price of a call at a size
  arch::VaeConfig vae;
  std::int64_t text_tokens = 77;

  [[nodiscard]] double gflops_per_call(int height, int width) const;
  [[nodiscard]] double gflops_decode(int height, int width) const;
};

class Catalog {
 public:
  virtual ~Catalog() = default;
  // The model folders that a name or pattern means, in the order of their names (numbers by
  // value: w8 before w16).
  [[nodiscard]] virtual Result<std::vector<std::string>> models(const std::string& name,
                                                                const std::string& where) = 0;
  [[nodiscard]] virtual Result<ModelEntry> model(const std::string& name,
                                                 const std::string& where) = 0;
  // "sha256:..." of a file or folder that a grid names.
  [[nodiscard]] virtual Result<std::string> input(const std::string& name,
                                                  const std::string& where) = 0;
  [[nodiscard]] virtual Result<std::string> text_file(const std::string& name,
                                                      const std::string& where) = 0;
  // Where the models and inputs that were asked for lie: what local workers are pointed at.
  [[nodiscard]] virtual std::vector<std::filesystem::path> places() const = 0;
};

[[nodiscard]] std::unique_ptr<Catalog> disk_catalog(std::filesystem::path grid_folder);

// The folder of the mini family: $ISOCOST_MINI, or experiments/mini found from the program's own
// place upwards.
[[nodiscard]] std::filesystem::path mini_folder();

}  // namespace isocost::experiments
