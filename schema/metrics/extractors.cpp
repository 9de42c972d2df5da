#include <algorithm>
#include <array>

#include "schema/arch/perceptual.h"
#include "schema/metrics/extractor.h"

namespace isocost::metrics {
namespace {

constexpr std::array<std::string_view, 4> kTorchScriptEndings = {".pt", ".pth", ".ts", ".jit"};

Extractor of_clip(std::string kind, std::vector<Rows> rows) {
  Extractor row;
  row.kind = std::move(kind);
  row.rows = std::move(rows);
  row.form = Form::kClipFolder;
  row.input = "a CLIP folder";
  row.member = "clip";
  return row;
}

Extractor clip_cosine() {
  Extractor row = of_clip("clip", {Rows::kCosine});
  row.mini = "mini/clip";
  row.options = {text("prefix", "", "stands before every prompt")};
  return row;
}

Extractor clip_features() {
  Extractor row = of_clip("clip-features", {Rows::kFeatures, Rows::kClipFeatures});
  row.options = {flag("normalise", false, "features of unit length")};
  return row;
}

Extractor clip_whole() {
  Extractor row = of_clip("clip-whole", {Rows::kWholeFeatures});
  row.options = {
      choice("fit", "whole", {"whole", "crop"},
             "pictures are resized from edge to edge, by floats, or as the folder says")};
  return row;
}

Extractor clip_to_text() {
  Extractor row = of_clip("clip-to-text", {Rows::kClipToText});
  row.options = {text("without", "", "is taken out of every text: a subject's rare word")};
  return row;
}

Extractor of_vit(std::string kind, std::vector<Rows> rows) {
  Extractor row;
  row.kind = std::move(kind);
  row.rows = std::move(rows);
  row.form = Form::kVitFolder;
  row.input = "a transformers folder of a ViT, as facebook/dino-vits16";
  row.member = "vit";
  row.options = {choice("preprocess", "dreambooth", {"dreambooth", "folder"},
                        "the shorter edge to 256 and the middle 224, or as the folder says")};
  return row;
}

Extractor perceptual() {
  Extractor row;
  row.kind = "perceptual";
  row.rows = {Rows::kPerceptual};
  row.form = Form::kPerceptualFolder;
  row.input = "a folder that script/convert/lpips.py makes";
  row.member = "network";
  row.least_side_of = [](const Json&) { return arch::kPerceptualSideMin; };
  return row;
}

// Of a picture within its border, such a square at least.
template <std::int64_t kSide>
std::int64_t side_with_border(const Json& options) {
  return 2 * options.at("crop_border").get<std::int64_t>() + kSide;
}

Extractor of_pixels(std::string kind, Rows rows, std::int64_t (*least_side_of)(const Json&)) {
  Extractor row;
  row.kind = std::move(kind);
  row.rows = {rows};
  row.form = Form::kNothing;
  row.input = "nothing";
  row.least_side_of = least_side_of;
  row.options = {
      whole("crop_border", 0, {0, 1024}, "pixels that are left out along each edge"),
      choice("channels", "rgb", {"rgb", "y"}, "all three, or the luma of BT.601 in 16 to 235")};
  return row;
}

Extractor outside_mask() {
  Extractor row;
  row.kind = "outside-mask";
  row.rows = {Rows::kOutsideMask};
  row.form = Form::kNothing;
  row.input = "nothing";
  row.options = {whole("margin", 0, {0, 1024}, "pixels that the mask is widened by")};
  row.kept_margin_of = [](const Json& options) { return options.at("margin").get<std::int64_t>(); };
  return row;
}

Extractor of_mini(std::string kind, std::vector<Rows> rows) {
  Extractor row;
  row.kind = std::move(kind);
  row.rows = std::move(rows);
  row.input = "the mini family's feature network";
  row.mini = "mini/features";
  return row;
}

Extractor torchscript() {
  Extractor row;
  row.kind = "torchscript";
  row.rows = {Rows::kFeatures, Rows::kLogits};
  row.form = Form::kTorchScript;
  row.input = "a TorchScript file, uint8 [B, 3, H, W] to float [B, D]";
  row.member = "torchscript";
  row.options = {choice("resize", "none", {"none", "tf1", "torch", "clean"},
                        "as TensorFlow 1, PyTorch or clean-fid do it, before the network"),
                 whole("size", 299, {1, 4096}, "pixels a side after it"),
                 choice("range", "bytes", {"bytes", "unit", "signed"},
                        "what the network sees: 0 to 255, 0 to 1, or (x - 128) / 128")};
  row.takes_arguments = true;
  return row;
}

}  // namespace

const std::vector<Extractor>& extractors() {
  static const std::vector<Extractor> kRows = {
      of_mini("mini-features", {Rows::kFeatures}),
      of_mini("mini-attributes", {Rows::kAnswers}),
      of_mini("mini-perceptual", {Rows::kMiniPerceptual}),
      of_mini("mini-edits", {Rows::kEditAnswers}),
      clip_cosine(),
      clip_features(),
      clip_whole(),
      of_clip("clip-to-source", {Rows::kClipToSource}),
      of_clip("clip-to-target", {Rows::kClipToTarget}),
      clip_to_text(),
      of_clip("clip-direction", {Rows::kClipDirection}),
      of_vit("vit-features", {Rows::kFeatures, Rows::kVitFeatures}),
      of_vit("vit-to-source", {Rows::kVitToSource}),
      of_vit("vit-to-target", {Rows::kVitToTarget}),
      perceptual(),
      of_pixels("squared-error", Rows::kSquaredError, side_with_border<1>),
      of_pixels("structure", Rows::kStructure, side_with_border<kStructureWindow>),
      outside_mask(),
      torchscript()};
  return kRows;
}

const Extractor* find_extractor(std::string_view kind) {
  for (const auto& row : extractors())
    if (row.kind == kind) return &row;
  return nullptr;
}

const Extractor* extractor_for(Rows rows, std::string_view member) {
  const auto is_asked = [&](const Extractor& row) {
    if (member == kMini) return !row.mini.empty();
    return member.empty() ? !row.has_input() : row.member == member;
  };
  for (const auto& row : extractors())
    if (row.makes(rows) && is_asked(row)) return &row;
  return nullptr;
}

const Extractor* usual_extractor_for(Rows rows) {
  const Extractor* mini = extractor_for(rows, kMini);
  return mini != nullptr ? mini : extractor_for(rows, {});
}

std::string_view member_of_path(Rows rows, std::string_view path) {
  const bool is_file = std::any_of(kTorchScriptEndings.begin(), kTorchScriptEndings.end(),
                                   [&](std::string_view ending) { return path.ends_with(ending); });
  for (const auto& row : extractors()) {
    const bool takes_file = row.form == Form::kTorchScript;
    if (row.makes(rows) && !row.member.empty() && takes_file == is_file) return row.member;
  }
  return {};
}

std::vector<std::string> members_for(Rows rows) {
  std::vector<std::string> members;
  for (const auto& row : extractors())
    if (row.makes(rows) && !row.member.empty()) members.push_back(row.member);
  return members;
}

std::vector<std::string> members() {
  std::vector<std::string> all;
  for (const auto& row : extractors())
    if (!row.member.empty() && std::find(all.begin(), all.end(), row.member) == all.end())
      all.push_back(row.member);
  return all;
}

Result<Json> whole_options(const Extractor& row, const Json& said, const std::string& where) {
  if (!row.takes_arguments || !said.is_object()) return completed(row.options, said, where);
  Json others = said;
  others.erase(kArguments);
  auto whole = completed(row.options, others, where);
  Failure failure;
  if (!whole) failure.add(whole.error());
  const Json arguments = said.value(kArguments, Json::object());
  if (!arguments.is_object())
    failure.add(where + "." + kArguments, "it is no object", "names and values");
  for (const auto& [name, value] : arguments.items())
    if (arguments.is_object() && !value.is_boolean() && !value.is_number())
      failure.add(where + "." + kArguments, "'" + name + "' is " + canonical(value).substr(0, 40),
                  "true, false or a number");
  if (!failure.is_empty()) return fail(std::move(failure));
  (*whole)[kArguments] = arguments;
  return whole;
}

}  // namespace isocost::metrics
