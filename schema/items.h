// What the items of a task are made from, where they have pictures: a part of a sample's key.
//
//   spec.items = {.kind = "files", .inputs = {{"target", "sha256:..."}}, .fit = "crop",
//                 .factor = 4, .degradation = {{"name", "bicubic"}}};
//
// An input is an ordered list of pictures by their contents (base/io/item_files.h): names of files
// are in no key, and a picture that a sample does not read is not in its own. Image i uses item i
// modulo their number. Their prompts are the sample's. worker/diffusion/items loads them. Pure
// values, any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "schema/options.h"

namespace isocost {

struct ItemsSpec {
  std::string kind;  // who gives them: a row of worker/diffusion/items; empty: there are none
  std::map<std::string, std::string> inputs;  // a slot's name -> "sha256:..." of its pictures
  Json options = Json::object();              // of the kind
  std::string fit = "exact";                  // how a picture becomes as large as the sample's
  int factor = 1;  // how many times as high and wide a picture is as its source
  Json
      degradation;  // {"name": ..., its options}: sources are made of targets; null: they are there

  [[nodiscard]] bool is_empty() const { return kind.empty(); }
  bool operator==(const ItemsSpec&) const = default;
};
inline constexpr int kFactorMax = 64;

[[nodiscard]] Json to_json(const ItemsSpec& spec);
[[nodiscard]] Result<ItemsSpec> items_spec_from_json(const Json& json, const std::string& where);

// How a picture of a data set becomes as large as the sample's. Names are in keys: do not change.
struct Fit {
  std::string name;
  std::string meaning;  // for the docs, without its full stop
};
inline constexpr const char* kFitExact = "exact";
inline constexpr const char* kFitCrop = "crop";
inline constexpr const char* kFitResize = "resize";
inline constexpr const char* kFitResizeCrop = "resize-crop";
[[nodiscard]] const std::vector<Fit>& fits();
[[nodiscard]] std::vector<std::string> fit_names();

// How a small picture is made of a large one. To add one: a row here and a function under the same
// name in worker/diffusion/items/degrade.cpp; a test holds the two equal.
struct Degradation {
  std::string name;  // in keys: do not change
  std::string meaning;
  std::vector<Option> options;
};
[[nodiscard]] const std::vector<Degradation>& degradations();
[[nodiscard]] const Degradation* find_degradation(std::string_view name);
[[nodiscard]] std::vector<std::string> degradation_names();

}  // namespace isocost
