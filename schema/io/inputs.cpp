#include "schema/io/inputs.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <set>
#include <string_view>

#include "schema/io/atomic_file.h"
#include "schema/io/hash_file.h"
#include "schema/json.h"

namespace isocost::io {
namespace {

namespace fs = std::filesystem;

constexpr int kFolderDepthMax = 12;
constexpr std::array<std::string_view, 3> kPictureEndings = {".png", ".jpg", ".jpeg"};
// Files that are inputs by themselves: prompts, statistics, TorchScript.
constexpr std::array<std::string_view, 6> kFileEndings = {".jsonl", ".npz", ".pt",
                                                          ".pth",   ".ts",  ".jit"};
constexpr std::array<std::string_view, 4> kTokenizerFiles = {
    "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"};
// What transformers 5 saves instead: read, and so counted, only where the former are missing.
constexpr const char* kFastTokenizer = "tokenizer.json";
constexpr const char* kProcessor = "processor_config.json";

std::string lower_ending(const fs::path& file) {
  std::string ending = file.extension().string();
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return ending;
}

template <std::size_t n>
bool has_ending(const fs::path& file, const std::array<std::string_view, n>& endings) {
  return std::find(endings.begin(), endings.end(), lower_ending(file)) != endings.end();
}

// The names of the regular files of a folder, sorted.
std::vector<std::string> file_names(const fs::path& folder, std::error_code& error) {
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored)) names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool is_weights(const std::string& name) {
  return name.ends_with(".safetensors") ||
         (name.ends_with(".json") && name.find(".index") != std::string::npos);
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::binary_search(names.begin(), names.end(), name);
}

// CLIP's config.json describes both towers; the folder holds the tokenizer as well.
bool is_clip(const fs::path& folder) {
  const auto text = read_file(folder / "config.json", std::size_t{1} << 20);
  const auto json = text ? parse_json(*text, "config.json") : Result<Json>(Json());
  return json && json->is_object() && json->contains("text_config") &&
         json->contains("vision_config");
}

// The files of a folder that count, by what kind of folder it is; empty when it is none of them.
std::vector<std::string> loaded_files(const fs::path& folder,
                                      const std::vector<std::string>& names) {
  std::vector<std::string> loaded;
  const auto take_if = [&](const auto& condition) {
    std::copy_if(names.begin(), names.end(), std::back_inserter(loaded), condition);
  };
  const bool is_fast = !contains(names, "vocab.json");
  const auto is_of_tokenizer = [&](const std::string& name) {
    return (is_fast && name == kFastTokenizer) ||
           std::find(kTokenizerFiles.begin(), kTokenizerFiles.end(), name) != kTokenizerFiles.end();
  };
  const std::string preprocessing =
      contains(names, "preprocessor_config.json") ? "preprocessor_config.json" : kProcessor;
  const auto is_of_model = [](const std::string& name) {
    return name == "config.json" || is_weights(name);
  };
  if (contains(names, "config.json")) {
    const bool clip = is_clip(folder);
    take_if([&](const std::string& name) {
      return is_of_model(name) || (clip && (is_of_tokenizer(name) || name == preprocessing));
    });
  } else if (contains(names, "vocab.json") || contains(names, kFastTokenizer)) {
    take_if(is_of_tokenizer);
  } else {
    take_if([](const std::string& name) { return has_ending(fs::path(name), kPictureEndings); });
  }
  return loaded;
}

Result<Digest> folder_digest(const fs::path& folder) {
  std::error_code error;
  const auto names = file_names(folder, error);
  if (error) return fail(folder.string(), "the folder cannot be read: " + error.message());
  const auto loaded = loaded_files(folder, names);
  if (loaded.empty()) {
    return fail(folder.string(), "nothing in this folder can be loaded",
                "a model (config.json and *.safetensors), a tokenizer (vocab.json or "
                "tokenizer.json), or pictures "
                "(*.png, *.jpg)");
  }
  Json digests = Json::object();
  Failure failure;
  for (const std::string& name : loaded) {
    const auto digest = file_digest(folder / name);
    if (digest) {
      digests[name] = digest->hex();
    } else {
      failure.add(digest.error());
    }
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return canonical_digest(digests);
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
    const auto names = file_names(folder, error);
    if (error) {
      inventory_.skipped.push_back(folder.string() + ": " + error.message());
      return;
    }
    const auto loaded = loaded_files(folder, names);
    // A config.json alone (a scheduler's folder, any web project's) is nothing that a cell loads.
    const bool is_model = contains(names, "config.json");
    if (!loaded.empty() && (!is_model || std::any_of(loaded.begin(), loaded.end(), is_weights)))
      add(folder);
    for (const std::string& name : names) {
      if (has_ending(fs::path(name), kFileEndings)) add(folder / name);
    }
    for (const fs::path& below : folders_in(folder)) visit_folder(below, depth + 1);
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

  void add(const fs::path& path) {
    const auto digest = input_digest(path);
    if (digest) {
      // The first place in the order of the walk stays, so that the answer does not depend on
      // chance.
      inventory_.inputs.emplace(digest->name(), path);
    } else {
      inventory_.skipped.push_back(digest.error().message());
    }
  }

  Inventory inventory_;
  std::set<fs::path> visited_;
};

}  // namespace

Result<Digest> file_digest(const fs::path& file) {
  return hash_file(file, digest_cache_folder(), std::time(nullptr));
}

Result<Digest> input_digest(const fs::path& file_or_folder) {
  std::error_code error;
  return fs::is_directory(file_or_folder, error) ? folder_digest(file_or_folder)
                                                 : file_digest(file_or_folder);
}

Inventory scan_inputs(const std::vector<fs::path>& roots) {
  Scan scan;
  for (const fs::path& root : roots) scan.visit(root, 0);
  return scan.take();
}

}  // namespace isocost::io
