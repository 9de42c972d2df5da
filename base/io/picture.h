// Pictures: 8-bit RGB in memory, PNG and JPEG files outside.
//
//   auto picture = io::read_picture("reference/000001.jpg");
//   if (!picture) return fail(picture.error());
//   std::uint8_t red = picture->rgb[3 * (y * picture->width + x)];
//   artifact = store.put(io::png_bytes(*picture));
//
// Whatever a file holds becomes RGB as PIL's Image.open(file).convert("RGB") makes it: grey is
// repeated, alpha is dropped (not blended), palettes are looked up, 16-bit colour keeps its high
// byte, 16-bit grey is clipped at 255, CMYK is multiplied out, orientation tags are ignored. Fails
// with: not a picture, cut short, damaged, larger than the limits. Never crashes on hostile bytes.
// Equal pictures give equal PNG bytes (with the same libpng and zlib). Thread: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace isocost::io {

struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;  // [height][width][3]
  bool operator==(const Picture&) const = default;
};

// "640 x 480", for messages.
[[nodiscard]] std::string size_text(int width, int height);

inline constexpr std::uint32_t kPictureSideMax = 1U << 15;      // pixels
inline constexpr std::uint64_t kPicturePixelsMax = 1ULL << 26;  // 192 MiB as RGB
inline constexpr std::uint64_t kPictureFileBytesMax = 1ULL << 28;

[[nodiscard]] Result<Picture> read_picture(const std::filesystem::path& file);
// `where` stands for the file's name in messages.
[[nodiscard]] Result<Picture> parse_picture(std::string_view bytes, const std::string& where);

// Keyword and text, as "prompt", "seed": shown by many viewers. Keywords have 1 to 79 Latin-1
// characters.
using PngTexts = std::vector<std::pair<std::string, std::string>>;
// Requires: sides of at least one pixel, and 3 x width x height bytes.
[[nodiscard]] std::string png_bytes(const Picture& picture, const PngTexts& texts = {});
// Throws std::system_error on I/O faults.
void write_png(const std::filesystem::path& file, const Picture& picture,
               const PngTexts& texts = {});

// Whether a file of this name counts as a picture: *.png, *.jpg, *.jpeg, endings in either case;
// hidden files (._photo.jpg) do not.
[[nodiscard]] bool is_picture(std::string_view name);
// The pictures at the top of a folder, in the order of their names by bytes. Fails with: the folder
// is missing, unreadable or holds no picture at its top; pictures that are links to nothing.
[[nodiscard]] Result<std::vector<std::filesystem::path>> picture_files(
    const std::filesystem::path& folder);
// How many lie in sub-folders, which nothing reads.
[[nodiscard]] std::uint64_t pictures_below(const std::filesystem::path& folder);

}  // namespace isocost::io
