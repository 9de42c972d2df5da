#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <new>

#include <jerror.h>
#include <jpeglib.h>

#include "base/check.h"
#include "base/io/picture_codec.h"

// As with libpng: a fault comes by longjmp, so what owns memory lives outside the function that
// calls setjmp.

namespace isocost::io {
namespace {

// A progressive file may name any number of passes over the whole picture, each cheap to write and
// dear to decode.
constexpr int kScansMax = 200;

struct JpegReader {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  std::string fault;
  Picture picture;
  std::vector<std::uint8_t> row;

  JpegReader() = default;
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&jpeg); }
};

JpegReader& reader_of(j_common_ptr jpeg) { return *static_cast<JpegReader*>(jpeg->client_data); }

void note_fault(j_common_ptr jpeg) {
  char message[JMSG_LENGTH_MAX];
  jpeg->err->format_message(jpeg, message);
  JpegReader& reader = reader_of(jpeg);
  if (reader.fault.empty()) reader.fault = message;
  std::longjmp(reader.jump, 1);
}

// Most warnings are about files that every program shows; one that ends early is not among them.
void note_warning(j_common_ptr jpeg, int level) {
  if (level < 0 && (jpeg->err->msg_code == JWRN_JPEG_EOF || jpeg->err->msg_code == JWRN_HIT_MARKER))
    note_fault(jpeg);
}

void limit_scans(j_common_ptr jpeg) {
  if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number <= kScansMax) return;
  JpegReader& reader = reader_of(jpeg);
  reader.fault = "it has more than " + std::to_string(kScansMax) + " passes";
  std::longjmp(reader.jump, 1);
}

// One row as decoded -> RGB. CMYK as PIL multiplies it out; Adobe's files hold the complement.
void take_row(const JpegReader& reader, std::uint8_t* rgb) {
  const std::size_t width = reader.jpeg.output_width;
  const std::uint8_t* in = reader.row.data();
  if (reader.jpeg.output_components == 3) {
    std::copy_n(in, 3 * width, rgb);
  } else if (reader.jpeg.output_components == 1) {
    for (std::size_t x = 0; x < width; ++x) std::fill_n(rgb + 3 * x, 3, in[x]);
  } else {
    const int flip = reader.jpeg.saw_Adobe_marker != 0 ? 255 : 0;
    for (std::size_t x = 0; x < width; ++x) {
      const int white = 255 - (in[4 * x + 3] ^ flip);
      for (std::size_t c = 0; c < 3; ++c) {
        const int product = (in[4 * x + c] ^ flip) * white + 128;
        rgb[3 * x + c] =
            static_cast<std::uint8_t>(std::clamp(white - ((product >> 8) + product) / 256, 0, 255));
      }
    }
  }
}

// The part under setjmp. False when libjpeg found a fault.
bool decode(JpegReader& reader, std::string_view bytes, Result<void>& size,
            const std::string& where) {
  if (setjmp(reader.jump) != 0) return false;
  jpeg_decompress_struct& jpeg = reader.jpeg;
  jpeg_create_decompress(&jpeg);
  jpeg.progress = &reader.progress;
  jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&jpeg, TRUE);
  size = check_picture_size(jpeg.image_width, jpeg.image_height, where);
  if (!size) return false;
  const bool is_cmyk = jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK;
  const bool is_grey = jpeg.jpeg_color_space == JCS_GRAYSCALE;
  jpeg.out_color_space = is_cmyk ? JCS_CMYK : is_grey ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&jpeg);
  reader.picture.width = static_cast<int>(jpeg.output_width);
  reader.picture.height = static_cast<int>(jpeg.output_height);
  reader.picture.rgb.resize(std::size_t{3} * jpeg.output_width * jpeg.output_height);
  reader.row.resize(std::size_t{jpeg.output_width} *
                    static_cast<std::size_t>(jpeg.output_components));
  while (jpeg.output_scanline < jpeg.output_height) {
    std::uint8_t* rgb =
        reader.picture.rgb.data() + std::size_t{3} * jpeg.output_width * jpeg.output_scanline;
    JSAMPROW row = reader.row.data();
    if (jpeg_read_scanlines(&jpeg, &row, 1) == 1) take_row(reader, rgb);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

// Its own destination: jpeg_mem_dest frees its first buffer as it grows and tells where the new one
// is only at the end, so that after a fault in between nobody could free the right one.
struct JpegWriter {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_destination_mgr destination{};
  std::jmp_buf jump{};
  std::vector<JOCTET> piece = std::vector<JOCTET>(std::size_t{1} << 16U);
  std::string bytes;

  JpegWriter() = default;
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;
  ~JpegWriter() { jpeg_destroy_compress(&jpeg); }
};

JpegWriter& writer_of(j_compress_ptr jpeg) { return *static_cast<JpegWriter*>(jpeg->client_data); }

void begin_piece(j_compress_ptr jpeg) {
  JpegWriter& writer = writer_of(jpeg);
  writer.destination.next_output_byte = writer.piece.data();
  writer.destination.free_in_buffer = writer.piece.size();
}

// An exception must not pass through libjpeg. False when memory is out.
bool keep_piece(JpegWriter& writer, std::size_t size) {
  try {
    writer.bytes.append(reinterpret_cast<const char*>(writer.piece.data()), size);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// libjpeg asks for more room only when the piece is full, whatever free_in_buffer says.
boolean end_piece(j_compress_ptr jpeg) {
  JpegWriter& writer = writer_of(jpeg);
  if (!keep_piece(writer, writer.piece.size())) std::longjmp(writer.jump, 1);
  begin_piece(jpeg);
  return TRUE;
}

void end_last_piece(j_compress_ptr jpeg) {
  JpegWriter& writer = writer_of(jpeg);
  if (!keep_piece(writer, writer.piece.size() - writer.destination.free_in_buffer))
    std::longjmp(writer.jump, 1);
}

// The part under setjmp. False when libjpeg found a fault, which can only be that memory is out.
bool encode(JpegWriter& writer, const Picture& picture, int quality) {
  if (setjmp(writer.jump) != 0) return false;
  jpeg_compress_struct& jpeg = writer.jpeg;
  jpeg_create_compress(&jpeg);
  jpeg.dest = &writer.destination;
  jpeg.image_width = static_cast<JDIMENSION>(picture.width);
  jpeg.image_height = static_cast<JDIMENSION>(picture.height);
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);  // which halve the chroma's sides
  jpeg_set_quality(&jpeg, quality, TRUE);
  jpeg.dct_method = JDCT_ISLOW;
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    // libjpeg's rows are not const, but it only reads them.
    auto* row = const_cast<std::uint8_t*>(picture.rgb.data()) +
                std::size_t{3} * jpeg.image_width * jpeg.next_scanline;
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  return true;
}

}  // namespace

std::string jpeg_bytes(const Picture& picture, int quality) {
  ISOCOST_CHECK(picture.width > 0 && picture.height > 0 &&
                    picture.rgb.size() == std::size_t{3} * static_cast<std::size_t>(picture.width) *
                                              static_cast<std::size_t>(picture.height),
                "a picture has pixels");
  JpegWriter writer;
  writer.jpeg.err = jpeg_std_error(&writer.errors);
  writer.jpeg.client_data = &writer;
  writer.errors.error_exit = [](j_common_ptr jpeg) {
    std::longjmp(static_cast<JpegWriter*>(jpeg->client_data)->jump, 1);
  };
  writer.errors.output_message = [](j_common_ptr) {};
  writer.destination.init_destination = begin_piece;
  writer.destination.empty_output_buffer = end_piece;
  writer.destination.term_destination = end_last_piece;
  if (!encode(writer, picture, quality)) throw std::bad_alloc();
  return std::move(writer.bytes);
}

Result<Picture> parse_jpeg(std::string_view bytes, const std::string& where) {
  JpegReader reader;
  reader.jpeg.err = jpeg_std_error(&reader.errors);
  reader.jpeg.client_data = &reader;
  reader.errors.error_exit = note_fault;
  reader.errors.emit_message = note_warning;
  reader.errors.output_message = [](j_common_ptr) {};
  reader.progress.progress_monitor = limit_scans;
  Result<void> size;
  if (!decode(reader, bytes, size, where)) {
    if (!size) return fail(size.error());
    return fail(where, "the JPEG picture cannot be read: " + reader.fault);
  }
  return std::move(reader.picture);
}

}  // namespace isocost::io
