#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "base/check.h"
#include "base/io/picture_codec.h"

// libpng reports a fault by longjmp, which skips destructors: everything that owns memory lives in
// a struct outside the function that calls setjmp, and that function itself holds plain values
// alone.

namespace isocost::io {
namespace {

struct PngReader {
  std::string_view left;
  std::string fault;
  Picture picture;
  std::vector<std::uint8_t> samples;  // as decoded, where RGB is made of them afterwards
  std::vector<png_bytep> rows;
  png_structp png = nullptr;
  png_infop info = nullptr;

  PngReader() = default;
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
};

void note_fault(png_structp png, png_const_charp message) {
  auto* fault = static_cast<std::string*>(png_get_error_ptr(png));
  if (fault->empty()) *fault = message;
  png_longjmp(png, 1);
}
void ignore_warning(png_structp, png_const_charp) {}

void give_bytes(png_structp png, png_bytep into, std::size_t n) {
  auto& left = *static_cast<std::string_view*>(png_get_io_ptr(png));
  if (left.size() < n) png_error(png, "the file is cut short");
  std::memcpy(into, left.data(), n);
  left.remove_prefix(n);
}

// Makes every kind of PNG come out as 8-bit RGB, but for 16-bit grey. Returns whether it is that.
bool set_transformations(png_structp png, png_infop info) {
  const int type = png_get_color_type(png, info);
  const int depth = png_get_bit_depth(png, info);
  const bool is_grey = (type & PNG_COLOR_MASK_COLOR) == 0;
  const bool is_wide_grey = type == PNG_COLOR_TYPE_GRAY && depth == 16;
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (is_grey && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
  if (depth == 16 && !is_wide_grey) png_set_strip_16(png);
  // Also drops the alpha that a palette's transparency gave.
  png_set_strip_alpha(png);
  if (is_grey && !is_wide_grey) png_set_gray_to_rgb(png);
  return is_wide_grey;
}

// The part under setjmp. False when libpng found a fault.
bool decode(PngReader& reader, bool* is_wide_grey, Result<void>& size, const std::string& where) {
  png_structp png = reader.png;
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_read_fn(png, &reader.left, give_bytes);
  png_set_user_limits(png, kPictureSideMax, kPictureSideMax);
  png_set_chunk_cache_max(png, 256);
  png_set_chunk_malloc_max(png, png_alloc_size_t{1} << 24);
  png_read_info(png, reader.info);
  const std::uint32_t width = png_get_image_width(png, reader.info);
  const std::uint32_t height = png_get_image_height(png, reader.info);
  size = check_picture_size(width, height, where);
  if (!size) return false;
  *is_wide_grey = set_transformations(png, reader.info);
  png_set_interlace_handling(png);
  png_read_update_info(png, reader.info);
  const std::size_t row_bytes = png_get_rowbytes(png, reader.info);
  const std::size_t expected = std::size_t{width} * (*is_wide_grey ? 2 : 3);
  if (row_bytes != expected) png_error(png, "its kind of pixels is not supported");
  reader.picture.width = static_cast<int>(width);
  reader.picture.height = static_cast<int>(height);
  auto& bytes = *is_wide_grey ? reader.samples : reader.picture.rgb;
  bytes.resize(row_bytes * height);
  reader.rows.resize(height);
  for (std::size_t y = 0; y < height; ++y) reader.rows[y] = bytes.data() + y * row_bytes;
  png_read_image(png, reader.rows.data());
  png_read_end(png, nullptr);
  return true;
}

void clip_wide_grey(PngReader& reader) {
  const std::size_t pixels = reader.samples.size() / 2;
  reader.picture.rgb.resize(3 * pixels);
  for (std::size_t i = 0; i < pixels; ++i) {
    const int value = reader.samples[2 * i] * 256 + reader.samples[2 * i + 1];
    std::fill_n(reader.picture.rgb.begin() + static_cast<std::ptrdiff_t>(3 * i), 3,
                static_cast<std::uint8_t>(std::min(value, 255)));
  }
}

struct Writer {
  std::string bytes;
  std::string fault;
  std::vector<png_text> texts;
  std::vector<png_bytep> rows;
  png_structp png = nullptr;
  png_infop info = nullptr;

  Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() { png_destroy_write_struct(&png, &info); }
};

void take_bytes(png_structp png, png_bytep bytes, std::size_t n) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<const char*>(bytes), n);
}
void flush_nothing(png_structp) {}

bool encode(Writer& writer, const Picture& picture) {
  png_structp png = writer.png;
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_write_fn(png, &writer.bytes, take_bytes, flush_nothing);
  png_set_compression_level(png, 6);
  png_set_IHDR(png, writer.info, static_cast<png_uint_32>(picture.width),
               static_cast<png_uint_32>(picture.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!writer.texts.empty())
    png_set_text(png, writer.info, writer.texts.data(), static_cast<int>(writer.texts.size()));
  png_write_info(png, writer.info);
  png_write_image(png, writer.rows.data());
  png_write_end(png, writer.info);
  return true;
}

}  // namespace

Result<Picture> parse_png(std::string_view bytes, const std::string& where) {
  PngReader reader;
  reader.left = bytes;
  reader.png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader.fault, note_fault, ignore_warning);
  ISOCOST_CHECK(reader.png != nullptr, "libpng's header and library must be of one version");
  reader.info = png_create_info_struct(reader.png);
  ISOCOST_CHECK(reader.info != nullptr, "libpng gave no memory for a header");
  bool is_wide_grey = false;
  Result<void> size;
  if (!decode(reader, &is_wide_grey, size, where)) {
    if (!size) return fail(size.error());
    return fail(where, "the PNG picture cannot be read: " + reader.fault);
  }
  if (is_wide_grey) clip_wide_grey(reader);
  return std::move(reader.picture);
}

std::string png_bytes(const Picture& picture, const PngTexts& texts) {
  const auto width = static_cast<std::size_t>(picture.width),
             height = static_cast<std::size_t>(picture.height);
  ISOCOST_CHECK(picture.width > 0 && picture.height > 0,
                "a picture to write has at least one pixel");
  ISOCOST_CHECK(picture.rgb.size() == 3 * width * height, "a picture has three bytes a pixel");
  Writer writer;
  for (const auto& [keyword, text] : texts) {
    png_text entry{};
    // International text: UTF-8, where plain PNG text is Latin-1.
    entry.compression = PNG_ITXT_COMPRESSION_NONE;
    entry.key = const_cast<char*>(keyword.c_str());
    entry.text = const_cast<char*>(text.c_str());
    entry.itxt_length = text.size();
    writer.texts.push_back(entry);
  }
  for (std::size_t y = 0; y < height; ++y) {
    // libpng's interface takes rows as writable and leaves them as they are.
    writer.rows.push_back(const_cast<png_bytep>(picture.rgb.data() + 3 * width * y));
  }
  writer.png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer.fault, note_fault, ignore_warning);
  ISOCOST_CHECK(writer.png != nullptr, "libpng's header and library must be of one version");
  writer.info = png_create_info_struct(writer.png);
  ISOCOST_CHECK(writer.info != nullptr, "libpng gave no memory for a header");
  ISOCOST_CHECK(encode(writer, picture), writer.fault.c_str());
  return std::move(writer.bytes);
}

}  // namespace isocost::io
