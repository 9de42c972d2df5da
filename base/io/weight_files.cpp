#include "base/io/weight_files.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "base/io/genuine_file.h"
#include "base/io/presence.h"
#include "base/json.h"

namespace isocost::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPartsMax = 1024;
constexpr std::size_t kIndexBytesMax = std::size_t{64} << 20;
constexpr std::string_view kEnd = ".safetensors";
// The same weights in another precision.
constexpr std::array<std::string_view, 6> kPrecisions = {"fp16",    "bf16",     "fp32",
                                                         "float16", "bfloat16", "float32"};

std::string dotted(const std::string& variant) { return variant.empty() ? "" : "." + variant; }

bool is_precision(const std::string& variant) {
  return std::find(kPrecisions.begin(), kPrecisions.end(), variant) != kPrecisions.end();
}

// "-00001-of-00002"
bool is_part_number(std::string_view text) {
  constexpr std::string_view kForm = "-00000-of-00000";
  return text.size() == kForm.size() &&
         std::equal(text.begin(), text.end(), kForm.begin(), [](char c, char form) {
           return form == '0' ? c >= '0' && c <= '9' : c == form;
         });
}

// Takes a part's number away from the text's end.
std::string_view without_part_number(std::string_view text) {
  constexpr std::size_t kLength = 15;
  if (text.size() < kLength || !is_part_number(text.substr(text.size() - kLength))) return text;
  return text.substr(0, text.size() - kLength);
}

// "fp16" of every spelling of a variant's weights or index; empty: plain weights, or no weights.
std::string variant_of(std::string_view name, const std::string& base) {
  if (!name.starts_with(base)) return {};
  std::string_view rest = name.substr(base.size());
  const auto between = [&](std::string_view begin, std::string_view end) -> std::string {
    if (rest.size() <= begin.size() + end.size() || !rest.starts_with(begin) ||
        !rest.ends_with(end))
      return {};
    const auto middle = rest.substr(begin.size(), rest.size() - begin.size() - end.size());
    return middle.find('.') == std::string_view::npos ? std::string(middle) : std::string();
  };
  if (auto found = between(".safetensors.index.", ".json"); !found.empty()) return found;
  if (auto found = between(".safetensors.", ".index.json"); !found.empty()) return found;
  if (rest.size() > 15 && is_part_number(rest.substr(0, 15))) rest.remove_prefix(15);
  return std::string(without_part_number(between(".", kEnd)));
}

class Finder {
 public:
  Finder(const fs::path& folder, const std::string& base, const std::string& variant)
      : folder_(folder), base_(base), variant_(variant) {}

  Result<WeightFiles> run() {
    // The order is the library's own.
    const bool is_diffusers = base_ == kDiffusersBase;
    std::vector<std::string> indexes = {base_ + ".safetensors.index" + dotted(variant_) + ".json"};
    if (is_diffusers && !variant_.empty())
      indexes.push_back(base_ + ".safetensors." + variant_ + ".index.json");
    auto found = is_diffusers ? from_index(indexes) : single();
    if (found && found->files.empty()) found = is_diffusers ? single() : from_index(indexes);
    if (!found || !found->files.empty()) return found;
    return none(indexes.front());
  }

 private:
  [[nodiscard]] std::string single_name() const {
    return base_ + dotted(variant_) + std::string(kEnd);
  }

  // No files where there is nothing.
  Result<WeightFiles> single() {
    const auto file = folder_ / single_name();
    const auto is_there = has_file(file);
    if (!is_there) return fail(is_there.error());
    return *is_there ? measured({.files = {file}, .variant = variant_}) : WeightFiles{};
  }

  Result<WeightFiles> from_index(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const auto is_there = has_file(folder_ / name);
      if (!is_there) return fail(is_there.error());
      if (*is_there) return read_index(folder_ / name);
    }
    return WeightFiles{};
  }

  Result<WeightFiles> read_index(const fs::path& index) {
    const std::string where = index.string();
    const auto text = read_genuine_file(index, kIndexBytesMax);
    if (!text) return fail(text.error());
    const auto json = parse_json(*text, where, {.depth_max = 4});
    if (!json) return fail(json.error());
    if (!json->is_object() || !json->contains("weight_map") ||
        !json->at("weight_map").is_object() || json->at("weight_map").empty()) {
      return fail(where, "the member 'weight_map' is missing",
                  "an object of tensor names and file names");
    }
    WeightFiles found{.variant = variant_, .index = index};
    std::set<std::string> parts;
    for (const auto& [tensor, file] : json->at("weight_map").items()) {
      const std::string part = file.is_string() ? file.get<std::string>() : "";
      // A name with a slash could reach outside the folder.
      if (part.empty() || part.find('/') != std::string::npos || part == "." || part == "..")
        return fail(where + ": weight_map." + tensor,
                    "this is no name of a file in the same folder", "a file name");
      found.weight_map[tensor] = part;
      parts.insert(part);
    }
    if (parts.size() > kPartsMax)
      return fail(where, "it names " + std::to_string(parts.size()) + " files",
                  "at most " + std::to_string(kPartsMax));
    for (const std::string& part : parts) found.files.push_back(folder_ / part);
    return measured(std::move(found));
  }

  static Result<WeightFiles> measured(WeightFiles found) {
    Failure failure;
    for (const fs::path& file : found.files) {
      const auto is_there = has_file(file);
      if (!is_there) {
        failure.add(is_there.error());
      } else if (!*is_there) {
        failure.add(file.string(), "the file is missing",
                    "this part of the weights, as " + found.index->filename().string() + " says");
      } else {
        std::error_code error;
        found.bytes += fs::file_size(file, error);
        if (error) failure.add(file.string(), "the file cannot be read: " + error.message());
      }
    }
    if (!failure.is_empty()) return fail(std::move(failure));
    return found;
  }

  // Nothing has the names that upstream looks for.
  Result<WeightFiles> none(const std::string& index) {
    const auto names = names_in(folder_);
    if (!names) return fail(names.error());
    if (const auto pickle = pickled(*names); !pickle.empty())
      return fail((folder_ / pickle).string(), "these weights are a pickle, which could run code",
                  single_name() +
                      "; save_pretrained(..., safe_serialization=True) of diffusers and "
                      "transformers writes it");
    const auto others = weight_variants(folder_, base_);
    if (variant_.empty() && others.size() == 1 && is_precision(others.front()))
      return Finder(folder_, base_, others.front()).run();
    std::string expected = "this file, or its parts with " + index;
    std::string listed;
    for (const std::string& other : others)
      if (other != variant_) listed += (listed.empty() ? "" : ", ") + other;
    if (!listed.empty())
      expected += "; or, named as the variant of the model, what there is of: " + listed;
    const auto part = std::find_if(names->begin(), names->end(), [&](const std::string& name) {
      return is_part(name) && variant_of(name, base_) == variant_;
    });
    if (part != names->end())
      return fail((folder_ / *part).string(), "this is a part of weights without their index",
                  index + ", which names all parts");
    return fail((folder_ / single_name()).string(), "the weight file is missing",
                std::move(expected));
  }

  [[nodiscard]] bool is_part(const std::string& name) const {
    return name.starts_with(base_) && name.ends_with(kEnd) &&
           name.find("-of-") != std::string::npos;
  }

  [[nodiscard]] std::string pickled(const std::vector<std::string>& names) const {
    const std::string base = base_ == kTransformersBase ? "pytorch_model" : base_;
    for (const std::string& pickle :
         {base + dotted(variant_) + ".bin", base + ".bin.index" + dotted(variant_) + ".json"})
      if (std::find(names.begin(), names.end(), pickle) != names.end()) return pickle;
    return {};
  }

  const fs::path& folder_;
  const std::string& base_;
  const std::string& variant_;
};

}  // namespace

Result<WeightFiles> find_weight_files(const fs::path& folder, const std::string& base,
                                      const std::string& variant) {
  return Finder(folder, base, variant).run();
}

std::vector<std::string> weight_variants(const fs::path& folder, const std::string& base) {
  std::set<std::string> found;
  const auto names = names_in(folder);
  if (!names) return {};
  for (const std::string& name : *names)
    if (auto variant = variant_of(name, base); !variant.empty()) found.insert(std::move(variant));
  return {found.begin(), found.end()};
}

bool asks_for_variant(const fs::path& component, const std::string& variant) {
  const auto names = names_in(component);
  if (!names) return false;
  return std::any_of(names->begin(), names->end(), [&](const std::string& name) {
    const auto dot = name.find('.');
    return dot != std::string::npos && name.compare(dot + 1, variant.size(), variant) == 0;
  });
}

}  // namespace isocost::io
