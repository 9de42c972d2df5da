// What a grid's names stand for: model folders, data, extractors. The port between the grid
// language and the disk.
//
// Names that begin with "mini/" are members of the mini family: the folder experiments/mini beside
// the program, or $ISOCOST_MINI. Other names are paths relative to the grid file's folder; '*' and
// '?' match names of folders. Thread: one.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "experiments/world/mini_folder.h"
#include "model_folder/model_folder.h"
#include "schema/items.h"
#include "schema/tasks/task.h"

namespace isocost::experiments {

struct ModelEntry {
  std::map<std::string, std::string> inputs;  // unet, vae, text_encoder, tokenizer -> "sha256:..."
  std::map<std::string, std::string> names;   // "sha256:..." -> path, for messages
  Json scheduler_config = Json::object();     // scheduler_config.json
  std::string scheduler_file;                 // for messages
  int vae_factor = 8;                         // picture pixels a latent pixel
  int default_height = 64;                    // in pixels
  int default_width = 64;
  std::uint64_t parameters = 0;  // of the U-Net
  std::uint64_t weight_bytes = 0;
  double gflops_text = 0;
  arch::UNetConfig unet;  // for the price of a call at a size
  arch::VaeConfig vae;
  std::int64_t text_tokens = 77;
  // How many tokens a prompt has, without those that begin and end it, and how many of them the
  // text encoder takes.
  std::function<std::size_t(std::string_view)> prompt_tokens;
  std::size_t prompt_tokens_max = 75;
  tasks::ModelFacts facts;         // what else of its folder moves pixels
  std::vector<std::string> notes;  // what a user should know of its files, each without a subject

  [[nodiscard]] double gflops_per_call(int height, int width) const;
  [[nodiscard]] double gflops_encode(int height, int width) const;
  [[nodiscard]] double gflops_decode(int height, int width) const;
};

struct ExtractorEntry {
  std::string input;         // "sha256:..."
  int side = 0;              // that pictures must have, both ways; 0: any size
  std::int64_t columns = 0;  // of its rows; 0: not known before it runs
};

struct PicturesEntry {
  std::string input;
  std::uint64_t count = 0;
  std::uint64_t below = 0;  // in sub-folders, which nothing reads
  // Width and height -> the first picture of that size.
  std::map<std::pair<int, int>, std::string> sizes;
};

struct StatisticsEntry {
  std::string input;
  std::int64_t columns = 0;
};

// What items are checked for.
struct ItemsCheck {
  int height = 0;  // of the pictures that a cell draws
  int width = 0;
  // Of a metric that looks at what masks keep: each must keep a pixel beyond it.
  std::optional<std::int64_t> kept_margin{};
};

// What is asked of a folder of items: members of metadata.jsonl.
struct ItemMembers {
  std::vector<std::string> files{};  // that name pictures
  std::vector<std::string> texts{};
  std::vector<std::string> optional_texts{};  // where there is a metadata.jsonl
};

struct ItemsEntry {
  std::map<std::string, std::string> columns;             // member -> "sha256:..."
  std::map<std::string, std::vector<std::string>> texts;  // member -> those of the items
  std::vector<std::string> names;                         // of the files of its first column
  std::uint64_t unnamed = 0;                              // pictures that no line names
};

class Catalog {
 public:
  virtual ~Catalog() = default;
  // The model folders that a name or pattern means, in the order of their names (numbers by
  // value: w8 before w16).
  [[nodiscard]] virtual Result<std::vector<std::string>> models(const std::string& name,
                                                                const std::string& where) = 0;
  // `variant`: of its weights; empty: those that are loaded without naming one. `tasks`: kinds of
  // tasks that are to run with it. Fails with: what keeps one of them from running, or its parts
  // from being loaded.
  [[nodiscard]] virtual Result<ModelEntry> model(const std::string& name,
                                                 const std::string& variant,
                                                 const std::vector<std::string>& tasks,
                                                 const std::string& where) = 0;
  // An extractor of one of ExtractorSpec's kinds, looked at as far as it can be without running.
  [[nodiscard]] virtual Result<ExtractorEntry> extractor(const std::string& kind,
                                                         const std::string& name,
                                                         const std::string& where) = 0;
  // A folder of pictures.
  [[nodiscard]] virtual Result<PicturesEntry> pictures(const std::string& name,
                                                       const std::string& where) = 0;
  // A .npz file of mu and sigma.
  [[nodiscard]] virtual Result<StatisticsEntry> statistics(const std::string& name,
                                                           const std::string& where) = 0;
  // A folder of items (base/io/item_files.h). What could be read of it, for its other faults to be
  // told too; every fault goes to `failure`.
  [[nodiscard]] virtual ItemsEntry items(const std::string& name, const ItemMembers& members,
                                         const std::string& where, Failure& failure) = 0;
  // Reads every picture of such items, as a cell of that size will: whether any is resized or cut.
  // `more`: columns besides, as ExtractorSpec has them. Requires: their folders were asked for.
  [[nodiscard]] virtual Result<bool> check_items(const ItemsSpec& spec,
                                                 const std::map<std::string, std::string>& more,
                                                 const ItemsCheck& check,
                                                 const std::string& where) = 0;
  [[nodiscard]] virtual Result<std::string> text_file(const std::string& name,
                                                      const std::string& where) = 0;
  // Where the models and inputs that were asked for lie: what local workers are pointed at.
  [[nodiscard]] virtual std::vector<std::filesystem::path> places() const = 0;
};

[[nodiscard]] std::unique_ptr<Catalog> disk_catalog(std::filesystem::path grid_folder);

}  // namespace isocost::experiments
