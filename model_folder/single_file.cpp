#include "model_folder/single_file.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include "base/io/safetensors.h"

namespace isocost::arch {
namespace {

namespace fs = std::filesystem;

// What a checkpoint is by its tensors, and the class of diffusers that reads it.
struct Kind {
  std::string what;
  std::string pipeline;  // empty: none of ours
};

bool has_prefix(const io::TensorInfos& tensors, std::string_view prefix) {
  const auto at = tensors.lower_bound(prefix);
  return at != tensors.end() && at->first.starts_with(prefix);
}

// Of a U-Net in CompVis' names: its first convolution is [channels, inputs, 3, 3].
std::int64_t input_channels(const io::TensorInfos& tensors) {
  const auto first = tensors.find("model.diffusion_model.input_blocks.0.0.weight");
  return first == tensors.end() || first->second.shape.size() != 4 ? 0 : first->second.shape[1];
}

Kind kind_of(const io::TensorInfos& tensors) {
  if (has_prefix(tensors, "lora_") || has_prefix(tensors, "unet.lora"))
    return {"a LoRA, which changes a model and is none", {}};
  if (has_prefix(tensors, "model.diffusion_model.double_blocks.") ||
      has_prefix(tensors, "double_blocks.") ||
      has_prefix(tensors, "model.diffusion_model.joint_blocks."))
    return {"a transformer, whose kind does not run here", {}};
  if (has_prefix(tensors, "conditioner.embedders.1."))
    return {"a checkpoint of Stable Diffusion XL in one file", "StableDiffusionXLPipeline"};
  if (!has_prefix(tensors, "model.diffusion_model.")) {
    if (has_prefix(tensors, "down_blocks.") || has_prefix(tensors, "encoder."))
      return {"one part of a model", {}};
    return {};
  }
  const std::string family = has_prefix(tensors, "cond_stage_model.model.") ? "2.x" : "1.x";
  const std::string what = "a checkpoint of Stable Diffusion " + family + " in one file";
  switch (input_channels(tensors)) {
    case 9:
      return {what + ", for inpainting", "StableDiffusionInpaintPipeline"};
    case 8:
      return {what + ", for instructions", "StableDiffusionInstructPix2PixPipeline"};
    case 7:
      return {what + ", for upscaling", "StableDiffusionUpscalePipeline"};
    default:
      return {what, "StableDiffusionPipeline"};
  }
}

bool is_pickle(const std::string& extension) {
  return extension == ".ckpt" || extension == ".pt" || extension == ".pth" || extension == ".bin";
}

// For a shell: as it is, or within quotes.
std::string shell_word(const std::string& text) {
  const bool is_plain = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("/._-+=:@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (is_plain && !text.empty()) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string command_for(const fs::path& file, const std::string& pipeline) {
  const fs::path folder = file.parent_path() / file.stem();
  return "a folder in the diffusers layout; this makes one, with diffusers:\n  python3 -c 'import "
         "sys; from diffusers import " +
         pipeline + " as P; P.from_single_file(sys.argv[1]).save_pretrained(sys.argv[2])' " +
         shell_word(file.string()) + " " + shell_word(folder.string());
}

}  // namespace

std::optional<Error> single_file_fault(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return std::nullopt;
  const std::string extension = file.extension().string();
  if (is_pickle(extension))
    return Error{file.string(), "this is a checkpoint in one file, as a pickle, which can run code",
                 command_for(file, "StableDiffusionPipeline")};
  if (extension != ".safetensors") return std::nullopt;
  const auto tensors = io::read_tensor_infos(file);
  if (!tensors) return tensors.error().errors.front();
  const Kind kind = kind_of(*tensors);
  if (kind.what.empty())
    return Error{file.string(), "these are weights in one file, of no model that is known here",
                 "a folder in the diffusers layout"};
  return Error{file.string(), "this is " + kind.what,
               kind.pipeline.empty() ? "a model's folder in the diffusers layout"
                                     : command_for(file, kind.pipeline)};
}

std::optional<Error> single_file_in(const fs::path& folder) {
  std::error_code error;
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".safetensors" || extension == ".ckpt") files.insert(entry.path());
  }
  for (const fs::path& file : files)
    if (auto fault = single_file_fault(file)) return fault;
  return std::nullopt;
}

}  // namespace isocost::arch
