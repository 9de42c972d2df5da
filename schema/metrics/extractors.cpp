#include "schema/metrics/extractor.h"

#include <algorithm>
#include <array>

namespace isocost::metrics {
namespace {

constexpr std::array<std::string_view, 4> kTorchScriptEndings = {".pt", ".pth", ".ts", ".jit"};

Extractor clip_cosine() {
  Extractor row;
  row.kind = "clip";
  row.rows = {Rows::kCosine};
  row.form = Form::kClipFolder;
  row.input = "a CLIP folder";
  row.mini = "mini/clip";
  row.member = "clip";
  row.options = {text("prefix", "", "stands before every prompt")};
  return row;
}

Extractor clip_features() {
  Extractor row;
  row.kind = "clip-features";
  row.form = Form::kClipFolder;
  row.input = "a CLIP folder";
  row.member = "clip";
  row.options = {flag("normalise", false, "features of unit length")};
  return row;
}

Extractor mini_features() {
  Extractor row;
  row.kind = "mini-features";
  row.input = "the mini family's feature network";
  row.mini = "mini/features";
  return row;
}

Extractor mini_attributes() {
  Extractor row;
  row.kind = "mini-attributes";
  row.rows = {Rows::kAnswers};
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
  static const std::vector<Extractor> kRows = {mini_features(), mini_attributes(), clip_cosine(),
                                               clip_features(), torchscript()};
  return kRows;
}

const Extractor* find_extractor(std::string_view kind) {
  for (const auto& row : extractors())
    if (row.kind == kind) return &row;
  return nullptr;
}

const Extractor* extractor_for(Rows rows, std::string_view member) {
  if (member.empty()) return nullptr;
  for (const auto& row : extractors()) {
    const bool is_asked = member == kMini ? !row.mini.empty() : row.member == member;
    if (row.makes(rows) && is_asked) return &row;
  }
  return nullptr;
}

std::string_view member_of_path(std::string_view path) {
  const bool is_file = std::any_of(kTorchScriptEndings.begin(), kTorchScriptEndings.end(),
                                   [&](std::string_view ending) { return path.ends_with(ending); });
  const Form form = is_file ? Form::kTorchScript : Form::kClipFolder;
  for (const auto& row : extractors())
    if (row.form == form) return row.member;
  return {};
}

std::vector<std::string> members_for(Rows rows) {
  std::vector<std::string> members;
  for (const auto& row : extractors())
    if (row.makes(rows) && !row.member.empty()) members.push_back(row.member);
  return members;
}

}  // namespace isocost::metrics
