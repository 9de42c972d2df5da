#include "experiments/grid/catalog.h"

#include <fnmatch.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>

#include "schema/io/atomic_file.h"
#include "schema/io/inputs.h"

namespace isocost::experiments {
namespace {

namespace fs = std::filesystem;

// Numbers by their value: w8 before w16.
bool comes_before(const fs::path& a, const fs::path& b) {
  return ::strverscmp(a.c_str(), b.c_str()) < 0;
}

// Paths that match a pattern whose parts may hold * and ?, in the order of their names.
std::vector<fs::path> matches(const fs::path& pattern) {
  std::vector<fs::path> found = {pattern.root_path()};
  if (pattern.root_path().empty()) found = {"."};
  for (const fs::path& part : pattern.relative_path()) {
    std::vector<fs::path> next;
    for (const fs::path& base : found) {
      if (part.string().find_first_of("*?[") == std::string::npos) {
        if (fs::exists(base / part)) next.push_back(base / part);
        continue;
      }
      std::error_code error;
      for (const auto& entry : fs::directory_iterator(base, error)) {
        const std::string name = entry.path().filename().string();
        if (fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) == 0) next.push_back(base / name);
      }
    }
    std::sort(next.begin(), next.end(), comes_before);
    found = std::move(next);
  }
  return found;
}

class DiskCatalog : public Catalog {
 public:
  explicit DiskCatalog(fs::path folder) : folder_(std::move(folder)) {}

  Result<std::vector<std::string>> models(const std::string& name,
                                          const std::string& where) override {
    if (name.find_first_of("*?[") == std::string::npos) return std::vector<std::string>{name};
    std::vector<std::string> names;
    const fs::path pattern = resolve(name);
    for (const fs::path& path : matches(pattern)) {
      if (!fs::is_directory(path) || !fs::exists(path / "unet")) continue;
      names.push_back(name.starts_with("mini/")
                          ? "mini/" + path.filename().string()
                          : fs::relative(path, folder_.empty() ? "." : folder_).string());
    }
    if (names.empty())
      return fail(where, "the pattern '" + name + "' matches no model folder",
                  "a folder with unet/ in it");
    return names;
  }

  Result<ModelEntry> model(const std::string& name, const std::string& where) override {
    const fs::path path = resolve(name);
    if (!fs::is_directory(path)) {
      return fail(where, "the model '" + name + "' is missing: there is no folder " + path.string(),
                  "a diffusers folder");
    }
    const auto folder = arch::ModelFolder::open(path);
    places_.insert(path);
    if (!folder) return fail(at(where, folder.error()));
    Failure failure;
    if (!folder->unet)
      failure.add(where, path.string() + " has no unet", "unet/config.json and its weights");
    if (!folder->vae)
      failure.add(where, path.string() + " has no vae", "vae/config.json and its weights");
    if (!folder->text_encoder)
      failure.add(where, path.string() + " has no text_encoder",
                  "text_encoder/config.json and its weights");
    if (!folder->tokenizer)
      failure.add(where, path.string() + " has no tokenizer",
                  "tokenizer/vocab.json or tokenizer/tokenizer.json");
    if (!folder->scheduler_config.is_object())
      failure.add(where, path.string() + " has no scheduler", "scheduler/scheduler_config.json");
    if (!failure.is_empty()) return fail(std::move(failure));

    ModelEntry entry;
    const std::map<std::string, fs::path> parts = {{"unet", folder->unet->folder},
                                                   {"vae", folder->vae->folder},
                                                   {"text_encoder", folder->text_encoder->folder},
                                                   {"tokenizer", *folder->tokenizer}};
    for (const auto& [part, place] : parts) {
      const auto digest = io::input_digest(place);
      if (!digest) {
        failure.add(at(where, digest.error()));
        continue;
      }
      entry.inputs[part] = digest->name();
      entry.names[digest->name()] = name + "/" + part;
    }
    if (!failure.is_empty()) return fail(std::move(failure));
    entry.scheduler_config = folder->scheduler_config;
    entry.unet = folder->unet->config;
    entry.vae = folder->vae->config;
    entry.vae_factor = 1 << (entry.vae.block_out_channels.size() - 1);
    const arch::CallShape call = folder->default_call();
    entry.default_height = static_cast<int>(call.height) * entry.vae_factor;
    entry.default_width = static_cast<int>(call.width) * entry.vae_factor;
    entry.text_tokens = call.context_tokens;
    entry.parameters = arch::summarize_unet(entry.unet, call).parameters();
    entry.gflops_text = arch::summarize_clip_text(folder->text_encoder->config).gflops();
    entry.weight_bytes = folder->weight_bytes();
    return entry;
  }

  Result<std::string> input(const std::string& name, const std::string& where) override {
    const fs::path path = resolve(name);
    if (!fs::exists(path))
      return fail(where, "'" + name + "' is missing: there is no " + path.string(),
                  "a file or folder");
    const auto digest = io::input_digest(path);
    if (!digest) return fail(at(where, digest.error()));
    places_.insert(path);
    return digest->name();
  }

  Result<std::string> text_file(const std::string& name, const std::string& where) override {
    auto text = io::read_file(resolve(name), std::size_t{64} << 20U);
    if (!text) return fail(at(where, text.error()));
    return text;
  }

  [[nodiscard]] std::vector<fs::path> places() const override {
    return {places_.begin(), places_.end()};
  }

 private:
  static Failure at(const std::string& where, const Failure& failure) {
    Failure placed;
    for (const Error& error : failure.errors)
      placed.add(where + ": " + error.where, error.what, error.expected);
    return placed;
  }

  [[nodiscard]] fs::path resolve(const std::string& name) const {
    if (name.starts_with("mini/")) {
      const std::string rest = name.substr(5);
      return mini_folder() /
             (rest == "features" || rest == "clip" ? fs::path(rest) : fs::path("models") / rest);
    }
    const fs::path path(name);
    return path.is_absolute() ? path : folder_ / path;
  }

  fs::path folder_;
  std::set<fs::path> places_;
};

}  // namespace

double ModelEntry::gflops_per_call(int height, int width) const {
  return arch::summarize_unet(unet, {height / vae_factor, width / vae_factor, text_tokens})
      .gflops();
}

double ModelEntry::gflops_decode(int height, int width) const {
  return arch::summarize_vae(vae, {height / vae_factor, width / vae_factor, text_tokens},
                             arch::VaeHalf::kDecode)
      .gflops();
}

std::unique_ptr<Catalog> disk_catalog(fs::path grid_folder) {
  return std::make_unique<DiskCatalog>(std::move(grid_folder));
}

fs::path mini_folder() {
  if (const char* given = std::getenv("ISOCOST_MINI"); given != nullptr && *given != '\0')
    return given;
  std::error_code error;
  fs::path place = fs::read_symlink("/proc/self/exe", error).parent_path();
  while (!error && place.has_relative_path()) {
    if (fs::exists(place / "experiments" / "mini")) return place / "experiments" / "mini";
    if (fs::exists(place / "share" / "isocost" / "experiments" / "mini"))
      return place / "share/isocost/experiments/mini";
    place = place.parent_path();
  }
  return fs::path("experiments") / "mini";
}

}  // namespace isocost::experiments
