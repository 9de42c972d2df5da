#include "base/io/inputs.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <set>
#include <string_view>

#include "base/io/atomic_file.h"
#include "base/io/clip_files.h"
#include "base/io/hash_file.h"
#include "base/io/item_files.h"
#include "base/io/picture.h"
#include "base/io/presence.h"
#include "base/json.h"

namespace isocost::io {
namespace {

namespace fs = std::filesystem;

constexpr int kFolderDepthMax = 12;
// Files that are inputs by themselves: prompts, statistics, TorchScript.
constexpr std::array<std::string_view, 6> kFileEndings = {".jsonl", ".npz", ".pt",
                                                          ".pth",   ".ts",  ".jit"};

bool is_file_input(const fs::path& file) {
  if (file.filename().string().starts_with('.')) return false;
  std::string ending = file.extension().string();
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::find(kFileEndings.begin(), kFileEndings.end(), ending) != kFileEndings.end();
}

// Of which bases a component's folder holds weights, in any variant.
std::vector<std::string> weight_bases(const std::vector<std::string>& names) {
  std::vector<std::string> bases;
  for (const std::string base : {kDiffusersBase, kTransformersBase}) {
    const bool is_there = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return name.starts_with(base) && name.find(".safetensors") != std::string::npos;
    });
    if (is_there) bases.push_back(base);
  }
  return bases;
}

// A component's config.json; empty where it is no object.
Json config_of(const fs::path& folder) {
  const auto text = read_file(folder / "config.json", std::size_t{1} << 20);
  auto json = text ? parse_python_json(*text, "config.json") : Result<Json>(Json());
  return json && json->is_object() ? std::move(*json) : Json::object();
}

// CLIP's config.json describes both towers; the folder holds the tokenizer as well.
bool is_clip(const Json& config) {
  return config.contains("text_config") && config.contains("vision_config");
}

// A vision transformer's folder says how its pictures are made ready.
bool is_vit(const Json& config) {
  return config.contains("model_type") && config.at("model_type") == "vit";
}

Result<Digest> digest_of(const std::vector<fs::path>& files) {
  Json digests = Json::object();
  Failure failure;
  for (const fs::path& file : files) {
    const auto digest = file_digest(file);
    if (digest) {
      digests[file.filename().string()] = digest->hex();
    } else {
      failure.add(digest.error());
    }
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return canonical_digest(digests);
}

Result<std::vector<fs::path>> clip_files(const fs::path& folder) {
  const auto tokenizer = find_tokenizer_files(folder);
  const auto preprocessing = find_preprocessing_file(folder);
  Failure failure;
  if (!tokenizer) failure.add(tokenizer.error());
  if (!preprocessing) failure.add(preprocessing.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  std::vector<fs::path> files;
  if (*tokenizer) files = (*tokenizer)->all();
  if (*preprocessing) files.push_back((*preprocessing)->file);
  return files;
}

Result<Digest> folder_digest(const fs::path& folder, const std::string& variant) {
  const auto names = names_in(folder);
  if (!names) return fail(names.error());
  const auto has_config = has_file(folder / "config.json");
  if (!has_config) return fail(has_config.error());
  if (*has_config) {
    const auto bases = weight_bases(*names);
    const auto weights =
        find_weight_files(folder, bases.empty() ? kTransformersBase : bases.front(), variant);
    if (!weights) return fail(weights.error());
    return component_digest(folder, *weights);
  }
  const auto tokenizer = find_tokenizer_files(folder);
  if (!tokenizer) return fail(tokenizer.error());
  if (*tokenizer) return digest_of((*tokenizer)->all());
  const auto pictures = picture_files(folder);
  if (!pictures) return fail(pictures.error());
  return digest_of(*pictures);
}

// Walks the folders below the roots, each real folder once, however many links lead to it.
class Scan {
 public:
  void visit(const fs::path& path, int depth) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (fs::is_regular_file(status)) {
      add(path);
    } else if (fs::is_directory(status)) {
      visit_folder(path, depth);
    } else if (depth == 0) {
      inventory_.skipped.push_back(path.string() + ": " +
                                   (error ? error.message() : "no file and no folder"));
    }
  }

  Inventory take() { return std::move(inventory_); }

 private:
  void visit_folder(const fs::path& folder, int depth) {
    std::error_code error;
    const auto real = fs::canonical(folder, error);
    if (error || !visited_.insert(real).second) return;
    if (depth > kFolderDepthMax) {
      inventory_.skipped.push_back(folder.string() + ": nested too deeply");
      return;
    }
    const auto names = names_in(folder);
    if (!names) {
      inventory_.skipped.push_back(names.error().message());
      return;
    }
    add_folder(folder, *names);
    for (const std::string& name : *names) {
      std::error_code ignored;
      if (is_file_input(name) && fs::is_regular_file(folder / name, ignored)) add(folder / name);
    }
    for (const fs::path& below : folders_in(folder)) visit_folder(below, depth + 1);
  }

  void add_folder(const fs::path& folder, const std::vector<std::string>& names) {
    const auto holds = [&](const char* name) {
      return std::binary_search(names.begin(), names.end(), name);
    };
    if (holds("config.json")) {
      // A config.json alone (a scheduler's folder, any web project's) is nothing that a cell loads.
      for (const std::string& base : weight_bases(names)) add_component(folder, base);
      return;
    }
    const bool has_pictures =
        std::any_of(names.begin(), names.end(), [](const auto& name) { return is_picture(name); });
    if (holds("vocab.json") || holds("tokenizer.json")) {
      add(folder);
    } else if (holds(kMetadataFile)) {
      add_items(folder);
      if (has_pictures) add(folder);
    } else if (has_pictures && add(folder) && !has_unread_metadata(names)) {
      add_items(folder);  // which are nothing but these pictures
    }
  }

  // Each column of a folder of items.
  void add_items(const fs::path& folder) {
    const auto table = read_item_table(folder);
    if (!table) {
      inventory_.skipped.push_back(table.error().message());
      return;
    }
    for (const std::string& member : column_members(*table)) {
      const auto column = read_column(*table, member);
      if (column)
        inventory_.inputs.emplace(column->digest.name(), Place{folder, {}, member});
      else
        inventory_.skipped.push_back(column.error().message());
    }
  }

  // What is loaded where a grid names no variant, and each variant that it may name.
  void add_component(const fs::path& folder, const std::string& base) {
    std::vector<std::string> variants = weight_variants(folder, base);
    variants.insert(variants.begin(), "");
    bool is_found = false;
    Failure failure;
    for (const std::string& variant : variants) {
      const auto weights = find_weight_files(folder, base, variant);
      const auto digest =
          weights ? component_digest(folder, *weights) : Result<Digest>(fail(weights.error()));
      is_found |= digest.has_value();
      if (digest)
        inventory_.inputs.emplace(digest->name(), Place{folder, variant, {}});
      else
        failure.add(digest.error());
    }
    if (!is_found) inventory_.skipped.push_back(failure.message());
  }

  std::vector<fs::path> folders_in(const fs::path& folder) {
    std::vector<fs::path> folders;
    std::error_code error, ignored;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
      const bool is_hidden = entry->path().filename().string().starts_with('.');
      if (!is_hidden && entry->is_directory(ignored)) folders.push_back(entry->path());
    }
    std::sort(folders.begin(), folders.end());
    return folders;
  }

  // Whether it could be read.
  bool add(const fs::path& path) {
    const auto digest = input_digest(path);
    if (digest) {
      // The first place in the order of the walk stays, so that the answer does not depend on
      // chance.
      inventory_.inputs.emplace(digest->name(), Place{path, {}, {}});
    } else {
      inventory_.skipped.push_back(digest.error().message());
    }
    return digest.has_value();
  }

  Inventory inventory_;
  std::set<fs::path> visited_;
};

}  // namespace

Result<Digest> file_digest(const fs::path& file) {
  return hash_file(file, digest_cache_folder(), std::time(nullptr));
}

Result<Digest> input_digest(const fs::path& file_or_folder, const std::string& variant) {
  std::error_code error;
  return fs::is_directory(file_or_folder, error) ? folder_digest(file_or_folder, variant)
                                                 : file_digest(file_or_folder);
}

Result<Digest> component_digest(const fs::path& folder, const WeightFiles& weights) {
  std::vector<fs::path> files = weights.files;
  files.push_back(folder / "config.json");
  if (weights.index) files.push_back(*weights.index);
  const Json config = config_of(folder);
  if (is_clip(config)) {
    const auto more = clip_files(folder);
    if (!more) return fail(more.error());
    files.insert(files.end(), more->begin(), more->end());
  } else if (is_vit(config)) {
    const auto preprocessing = find_preprocessing_file(folder);
    if (!preprocessing) return fail(preprocessing.error());
    if (*preprocessing) files.push_back((*preprocessing)->file);
  }
  return digest_of(files);
}

Inventory scan_inputs(const std::vector<fs::path>& roots) {
  Scan scan;
  for (const fs::path& root : roots) scan.visit(root, 0);
  return scan.take();
}

}  // namespace isocost::io
