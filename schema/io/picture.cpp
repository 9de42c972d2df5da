#include "schema/io/picture.h"

#include <algorithm>

#include "schema/io/atomic_file.h"
#include "schema/io/picture_codec.h"

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

Result<std::vector<std::filesystem::path>> picture_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error, ignored;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string ending = entry->path().extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const bool is_picture = ending == ".png" || ending == ".jpg" || ending == ".jpeg";
    if (is_picture && entry->is_regular_file(ignored)) files.push_back(entry->path());
  }
  if (error) return fail(folder.string(), "the folder cannot be read: " + error.message());
  if (files.empty())
    return fail(folder.string(), "no picture is in this folder", "*.png, *.jpg or *.jpeg");
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) {
    return a.filename().native() < b.filename().native();
  });
  return files;
}

}  // namespace isocost::io
