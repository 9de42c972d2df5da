#include "base/io/picture.h"

#include <algorithm>

#include "base/io/atomic_file.h"
#include "base/io/genuine_file.h"
#include "base/io/picture_codec.h"
#include "base/io/presence.h"

namespace isocost::io {

Result<void> check_picture_size(std::uint64_t width, std::uint64_t height,
                                const std::string& where) {
  if (width >= 1 && height >= 1 && width <= kPictureSideMax && height <= kPictureSideMax &&
      width * height <= kPicturePixelsMax) {
    return {};
  }
  return fail(
      where,
      "the picture has " + std::to_string(width) + " x " + std::to_string(height) + " pixels",
      "sides of 1 to " + std::to_string(kPictureSideMax) + " and at most " +
          std::to_string(kPicturePixelsMax) + " pixels");
}

Result<Picture> parse_picture(std::string_view bytes, const std::string& where) {
  if (bytes.starts_with("\x89PNG")) return parse_png(bytes, where);
  if (bytes.starts_with("\xFF\xD8")) return parse_jpeg(bytes, where);
  if (auto failure = impostor(bytes.substr(0, kImpostorBytes), where))
    return fail(std::move(*failure));
  return fail(where, "this is neither a PNG nor a JPEG picture");
}

Result<Picture> read_picture(const std::filesystem::path& file) {
  const auto bytes = read_file(file, kPictureFileBytesMax);
  if (!bytes) return fail(bytes.error());
  return parse_picture(*bytes, file.string());
}

void write_png(const std::filesystem::path& file, const Picture& picture, const PngTexts& texts) {
  write_file_atomically(file, png_bytes(picture, texts));
}

std::string size_text(int width, int height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

bool is_picture(std::string_view name) {
  if (name.starts_with('.')) return false;
  std::string ending = std::filesystem::path(name).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

Result<std::vector<std::filesystem::path>> picture_files(const std::filesystem::path& folder) {
  const auto names = names_in(folder);
  if (!names) return fail(names.error());
  std::vector<std::filesystem::path> files;
  Failure failure;
  for (const std::string& name : *names) {
    std::error_code ignored;
    if (!is_picture(name) || std::filesystem::is_directory(folder / name, ignored)) continue;
    // A link to nothing is no absent picture: without it the set would be another.
    const auto is_there = has_file(folder / name);
    if (!is_there)
      failure.add(is_there.error());
    else if (*is_there)
      files.push_back(folder / name);
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  if (!files.empty()) return files;
  if (const std::uint64_t below = pictures_below(folder); below > 0)
    return fail(folder.string(),
                "no picture is at the top of this folder; " + std::to_string(below) +
                    (below == 1 ? " is" : " are") + " in its sub-folders",
                "*.png, *.jpg or *.jpeg at the top: sub-folders are not read");
  return fail(folder.string(), "no picture is in this folder", "*.png, *.jpg or *.jpeg");
}

std::uint64_t pictures_below(const std::filesystem::path& folder) {
  constexpr int kDepthMax = 12;
  std::uint64_t count = 0;
  std::error_code error;
  // Links to folders are not followed, which ends every walk.
  for (std::filesystem::recursive_directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    const bool is_folder = entry->is_directory(ignored);
    if (is_folder && (name.starts_with('.') || entry.depth() >= kDepthMax))
      entry.disable_recursion_pending();
    if (!is_folder && entry.depth() > 0 && is_picture(name)) ++count;
  }
  return count;
}

}  // namespace isocost::io
