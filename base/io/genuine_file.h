// Files that are not what their names say, told by what they are: a Git LFS pointer, an HTML page
// that a failed download left, nothing at all.
//
//   if (auto failure = impostor(bytes, "unet/model.safetensors")) return fail(std::move(*failure));
//   auto text = read_genuine_file(folder / "vocab.json");      // read_file() and the check
//
// Thread: any.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isocost::io {

// So many bytes of a file's beginning tell.
inline constexpr std::size_t kImpostorBytes = 512;

// What these bytes, a file's first ones or all of them, give away.
[[nodiscard]] std::optional<Failure> impostor(std::string_view bytes, const std::string& where);

// Fails as read_file does, and with an impostor.
[[nodiscard]] Result<std::string> read_genuine_file(const std::filesystem::path& file,
                                                    std::size_t bytes_max);

// Whether the file's beginning gives it away.
[[nodiscard]] Result<void> check_genuine(const std::filesystem::path& file);

}  // namespace isocost::io
