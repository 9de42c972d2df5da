#include "base/io/npz.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/io/genuine_file.h"

namespace isocost::io {
namespace {

static_assert(std::endian::native == std::endian::little,
              "values are copied as they lie in the file");

// --- zip
// ----------------------------------------------------------------------------------------------------------

// The little-endian number at `at`. Requires: it lies within the bytes.
template <class T>
T number_at(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

struct Member {
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t packed = 0;
  std::uint64_t unpacked = 0;
  std::uint64_t local = 0;  // where its local header lies
};

// The end record lies in the last 64 KiB, behind which only its comment may follow.
std::optional<std::size_t> find_end_record(std::string_view bytes) {
  if (bytes.size() < 22) return std::nullopt;
  const std::size_t lowest = bytes.size() - std::min<std::size_t>(bytes.size(), 22 + 65535);
  for (std::size_t at = bytes.size() - 22 + 1; at-- > lowest;) {
    if (number_at<std::uint32_t>(bytes, at) == 0x06054b50) return at;
  }
  return std::nullopt;
}

Result<std::map<std::string, Member>> read_directory(std::string_view bytes,
                                                     const std::string& where) {
  const auto end = find_end_record(bytes);
  if (!end)
    return fail(where, "this is no zip file, or it is cut short",
                "a .npz file of numpy.savez, a .pt file of torch.jit.save");
  const std::size_t count = number_at<std::uint16_t>(bytes, *end + 10);
  std::size_t at = number_at<std::uint32_t>(bytes, *end + 16);
  std::map<std::string, Member> members;
  for (std::size_t i = 0; i < count; ++i) {
    if (at > *end || *end - at < 46 || number_at<std::uint32_t>(bytes, at) != 0x02014b50) {
      return fail(where, "the zip file's directory is damaged");
    }
    const std::size_t name_bytes = number_at<std::uint16_t>(bytes, at + 28);
    const std::size_t more = name_bytes + number_at<std::uint16_t>(bytes, at + 30) +
                             number_at<std::uint16_t>(bytes, at + 32);
    if (*end - at - 46 < more) return fail(where, "the zip file's directory is damaged");
    Member member;
    member.flags = number_at<std::uint16_t>(bytes, at + 8);
    member.method = number_at<std::uint16_t>(bytes, at + 10);
    member.crc = number_at<std::uint32_t>(bytes, at + 16);
    member.packed = number_at<std::uint32_t>(bytes, at + 20);
    member.unpacked = number_at<std::uint32_t>(bytes, at + 24);
    member.local = number_at<std::uint32_t>(bytes, at + 42);
    if (!members.emplace(bytes.substr(at + 46, name_bytes), member).second) {
      return fail(where, "two members of the zip file have one name");
    }
    at += 46 + more;
  }
  return members;
}

// Unpacks exactly `member.unpacked` bytes, which were checked against the limit before.
bool inflate_member(std::string_view packed, std::string& out) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = inflate(&stream, Z_FINISH);
  const bool is_whole = status == Z_STREAM_END && stream.avail_out == 0;
  inflateEnd(&stream);
  return is_whole;
}

Result<std::string> unpack(std::string_view bytes, const Member& member, const std::string& where) {
  if (member.unpacked > kNpyBytesMax) {
    return fail(where, "it has " + std::to_string(member.unpacked) + " bytes",
                "at most " + std::to_string(kNpyBytesMax));
  }
  if ((member.flags & 1) != 0) return fail(where, "it is encrypted");
  const auto damaged = [&] { return fail(where, "the zip file is damaged here"); };
  if (member.local > bytes.size() || bytes.size() - member.local < 30) return damaged();
  if (number_at<std::uint32_t>(bytes, member.local) != 0x04034b50) return damaged();
  const std::uint64_t begin = member.local + 30 +
                              number_at<std::uint16_t>(bytes, member.local + 26) +
                              number_at<std::uint16_t>(bytes, member.local + 28);
  if (begin > bytes.size() || bytes.size() - begin < member.packed) return damaged();
  const std::string_view packed = bytes.substr(begin, member.packed);
  std::string out;
  if (member.method == 0) {
    if (member.packed != member.unpacked) return damaged();
    out = packed;
  } else if (member.method == 8) {
    // Deflate packs at most 1032 to 1: what claims more lies, and gets no memory.
    if (member.unpacked / 1040 > member.packed) return damaged();
    out.resize(member.unpacked);
    if (!inflate_member(packed, out)) return damaged();
  } else {
    return fail(where,
                "its compression method " + std::to_string(member.method) + " is not supported",
                "stored or deflated");
  }
  if (crc32(0, reinterpret_cast<const Bytef*>(out.data()), static_cast<uInt>(out.size())) !=
      member.crc) {
    return fail(where, "its check sum is wrong: the file is damaged");
  }
  return out;
}

// --- npy
// ----------------------------------------------------------------------------------------------------------

constexpr std::size_t kHeaderBytesMax = 65536;
constexpr std::size_t kDimensionsMax = 8;

// The Python dictionary {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }, and nothing
// else of Python.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  struct Header {
    std::string descr;
    bool is_fortran = false;
    std::vector<std::int64_t> shape;
  };

  std::optional<Header> parse() {
    Header header;
    int seen = 0;
    if (!take('{')) return std::nullopt;
    while (!take('}')) {
      const auto key = take_text();
      if (!key || !take(':')) return std::nullopt;
      const bool ok = *key == "descr"           ? mark(seen, 1) && take_descr(header)
                      : *key == "fortran_order" ? mark(seen, 2) && take_bool(header.is_fortran)
                      : *key == "shape"         ? mark(seen, 4) && take_shape(header.shape)
                                                : false;
      if (!ok) return std::nullopt;
      if (!take(',') && !is_next('}')) return std::nullopt;
    }
    skip_space();
    if (seen != 7 || !text_.empty()) return std::nullopt;
    return header;
  }

 private:
  static bool mark(int& seen, int bit) {
    const bool is_new = (seen & bit) == 0;
    seen |= bit;
    return is_new;
  }
  void skip_space() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n')) text_.remove_prefix(1);
  }
  bool is_next(char c) {
    skip_space();
    return !text_.empty() && text_[0] == c;
  }
  bool take(char c) {
    if (!is_next(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    skip_space();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  std::optional<std::string> take_text() {
    skip_space();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"')) return std::nullopt;
    const std::size_t end = text_.find(text_[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string out(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return out;
  }
  bool take_descr(Header& header) {
    const auto text = take_text();
    if (text) header.descr = *text;
    return text.has_value();
  }
  bool take_bool(bool& value) {
    value = take_word("True");
    return value || take_word("False");
  }
  bool take_shape(std::vector<std::int64_t>& shape) {
    if (!take('(')) return false;
    while (!take(')')) {
      skip_space();
      std::int64_t size = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), size);
      if (error != std::errc() || size < 0 || shape.size() >= kDimensionsMax) return false;
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      shape.push_back(size);
      if (!take(',') && !is_next(')')) return false;
    }
    return true;
  }

  std::string_view text_;
};

template <class T>
void widen(std::string_view bytes, std::vector<double>& values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<double>(number_at<T>(bytes, i * sizeof(T)));
}

std::optional<std::uint64_t> element_count(const std::vector<std::int64_t>& shape) {
  std::uint64_t count = 1;
  for (const std::int64_t size : shape) {
    const auto n = static_cast<std::uint64_t>(size);
    if (n != 0 && count > kNpyBytesMax / n) return std::nullopt;
    count *= n;
  }
  return count;
}

// Fortran order of two dimensions is the transposed matrix in C order.
void transpose(NpyArray& array) {
  const auto rows = static_cast<std::size_t>(array.shape[0]),
             columns = static_cast<std::size_t>(array.shape[1]);
  std::vector<double> values(array.values.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) values[r * columns + c] = array.values[c * rows + r];
  }
  array.values = std::move(values);
}

}  // namespace

Result<NpyArray> parse_npy(std::string_view bytes, const std::string& where) {
  if (bytes.size() < 12 || !bytes.starts_with("\x93NUMPY"))
    return fail(where, "this is no .npy array");
  const bool is_short = bytes[6] == 1;
  if (!is_short && bytes[6] != 2 && bytes[6] != 3)
    return fail(where, "its .npy version is unknown", "1, 2 or 3");
  const std::size_t begin = is_short ? 10 : 12;
  const std::size_t length =
      is_short ? number_at<std::uint16_t>(bytes, 8) : number_at<std::uint32_t>(bytes, 8);
  if (length > kHeaderBytesMax || length > bytes.size() - begin)
    return fail(where, "its .npy header is cut short or too long");
  const auto header = HeaderParser(bytes.substr(begin, length)).parse();
  if (!header)
    return fail(where, "its .npy header cannot be read", "descr, fortran_order and shape");
  NpyArray array;
  array.shape = header->shape;
  const std::string& type = header->descr;
  const bool is_known = type == "<f4" || type == "<f8" || type == "<i4" || type == "<i8";
  if (!is_known)
    return fail(where, "its elements are '" + type.substr(0, 20) + "'",
                "'<f8' or '<f4' (save it with astype('<f8'))");
  const std::size_t width = type.back() == '8' ? 8 : 4;
  const std::string_view data = bytes.substr(begin + length);
  const auto count = element_count(array.shape);
  if (!count || data.size() % width != 0 || *count != data.size() / width) {
    return fail(where,
                "its shape does not fit its " + std::to_string(data.size()) + " bytes of data");
  }
  array.values.resize(*count);
  if (type == "<f4") widen<float>(data, array.values);
  if (type == "<f8") widen<double>(data, array.values);
  if (type == "<i4") widen<std::int32_t>(data, array.values);
  if (type == "<i8") widen<std::int64_t>(data, array.values);
  if (header->is_fortran && array.shape.size() > 2)
    return fail(where, "its array is in Fortran order", "C order");
  if (header->is_fortran && array.shape.size() == 2) transpose(array);
  return array;
}

Result<std::map<std::string, NpyArray>> parse_npz(std::string_view bytes, const std::string& where,
                                                  const std::vector<std::string>& names) {
  const auto members = read_directory(bytes, where);
  if (!members) return fail(members.error());
  std::map<std::string, NpyArray> arrays;
  Failure failure;
  for (const std::string& name : names) {
    const std::string place = where + ": " + name;
    const auto member = members->find(name + ".npy");
    if (member == members->end()) {
      failure.add(place, "the array is missing");
      continue;
    }
    const auto npy = unpack(bytes, member->second, place);
    auto array = npy ? parse_npy(*npy, place) : Result<NpyArray>(fail(npy.error()));
    if (array) {
      arrays[name] = std::move(*array);
    } else {
      failure.add(array.error());
    }
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return arrays;
}

Result<std::vector<std::string>> zip_names(std::string_view bytes, const std::string& where) {
  const auto members = read_directory(bytes, where);
  if (!members) return fail(members.error());
  std::vector<std::string> names;
  for (const auto& [name, unused] : *members) names.push_back(name);
  return names;
}

Result<std::map<std::string, NpyArray>> read_npz(const std::filesystem::path& file,
                                                 const std::vector<std::string>& names) {
  const auto bytes = read_genuine_file(file, kNpzBytesMax);
  if (!bytes) return fail(bytes.error());
  return parse_npz(*bytes, file.string(), names);
}

}  // namespace isocost::io
