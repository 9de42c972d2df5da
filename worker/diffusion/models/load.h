// Weights and configurations from disk into modules, checked before anything large is allocated.
//
//   Result<UNet> unet = load_unet("model/unet");
//
// A folder holds config.json and safetensors (one file, a variant's, or sharded with an index).
// Stored types are widened to float32. Fails with every tensor that is missing, unexpected or
// misshaped, and every fault of the configuration. The modules come in evaluation mode and ask for
// no gradients. Thread: any.
#pragma once

#include <filesystem>
#include <functional>
#include <map>

#include "base/io/safetensors.h"
#include "worker/diffusion/models/autoencoder.h"
#include "worker/diffusion/models/clip.h"
#include "worker/diffusion/models/unet.h"

namespace isocost::diffusion {

using TensorMap = std::map<std::string, Tensor, std::less<>>;

// A copy with the file's own type. Fails with: a type that LibTorch's CPU side does not hold
// (sub-byte floats, ...).
[[nodiscard]] Result<Tensor> to_tensor(const io::TensorView& view, const std::string& where);

// Maps a name in a file to the module's name; an empty result drops the tensor.
using Rename = std::function<std::string(std::string_view)>;

// Copies into parameters and buffers of the same names, widening or narrowing to their type.
// Fails, the module unchanged, with every tensor that is missing, extra, misshaped, twice there
// after renaming, or not finite.
[[nodiscard]] Result<void> load_weights(torch::nn::Module& module, const io::TensorViews& tensors,
                                        const std::string& where, const Rename& rename = {});

// config.json and the like. Fails with: missing, not JSON.
[[nodiscard]] Result<Json> read_json_file(const std::filesystem::path& file);

[[nodiscard]] Result<UNet> load_unet(const std::filesystem::path& folder,
                                     const std::string& variant = {});
[[nodiscard]] Result<Autoencoder> load_autoencoder(const std::filesystem::path& folder,
                                                   const std::string& variant = {});
[[nodiscard]] Result<ClipText> load_clip_text(const std::filesystem::path& folder,
                                              const std::string& variant = {});
[[nodiscard]] Result<Clip> load_clip(const std::filesystem::path& folder,
                                     const std::string& variant = {});

}  // namespace isocost::diffusion
