// A family of small parts with drawn weights, for tests of training: nothing in it is good.
//
//   write_family(folder / "family");
//   write_member(folder / "family", "w16", 4);
//   auto recipe = shrunk("w16-sr.json", 3);   // steps
//
// Thread: one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "worker/diffusion/training/recipe.h"

namespace isocost::diffusion {

[[nodiscard]] Recipe shipped_recipe(const std::string& name);
// The same on so little that it takes a second.
[[nodiscard]] Recipe shrunk(const std::string& name, std::int64_t steps);
// Autoencoder, tokenizer, text encoder.
void write_family(const std::filesystem::path& family);
void write_text_encoder(const std::filesystem::path& family, std::uint64_t seed);
// For text-to-image.
void write_member(const std::filesystem::path& family, const std::string& name, std::uint64_t seed);

}  // namespace isocost::diffusion
