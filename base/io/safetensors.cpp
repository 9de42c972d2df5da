#include "base/io/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <new>
#include <system_error>

#include "base/check.h"
#include "base/io/atomic_file.h"
#include "base/io/descriptor.h"
#include "base/io/genuine_file.h"
#include "base/io/safetensors_header.h"
#include "base/json_reader.h"

namespace isocost::io {
namespace {

struct DtypeInfo {
  std::string_view name;
  int bits;
};
// In the order of the enumerators.
constexpr std::array<DtypeInfo, 22> kDtypes = {{
    {"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
    {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
    {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
    {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
    {"I64", 64},        {"U64", 64},
}};

std::uint64_t little_endian_u64(std::span<const std::byte, 8> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = (value << 8) | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

constexpr std::align_val_t kAlignment{64};

// Memory for `bytes`, or null.
std::byte* allocate(std::uint64_t bytes) {
  return static_cast<std::byte*>(::operator new(
      static_cast<std::size_t>(std::max<std::uint64_t>(bytes, 1)), kAlignment, std::nothrow));
}

TensorViews views_of(const TensorEntries& entries, const std::byte* data) {
  TensorViews views;
  for (const auto& [name, entry] : entries) {
    const std::span<const std::byte> bytes(data + entry.begin,
                                           static_cast<std::size_t>(entry.end - entry.begin));
    views.emplace_hint(views.end(), name, TensorView{entry.dtype, entry.shape, bytes});
  }
  return views;
}

Result<std::uint64_t> header_length(std::span<const std::byte, 8> bytes, std::uint64_t file_bytes,
                                    const std::string& where) {
  const std::uint64_t n = little_endian_u64(bytes);
  if (n > kSafetensorsHeaderBytesMax) {
    return fail(where, "the header claims " + std::to_string(n) + " bytes",
                "a safetensors file, whose header has at most " +
                    std::to_string(kSafetensorsHeaderBytesMax));
  }
  if (n > file_bytes - 8) {
    return fail(where, "the header claims " + std::to_string(n) + " bytes, but the file has only " +
                           std::to_string(file_bytes) + ": it is cut short or no safetensors file");
  }
  return n;
}

tl::unexpected<Failure> cut_short(const std::filesystem::path& path) {
  return fail(path.string(), "the file is cut short, or changed while it was read");
}

// What torch.save writes: a zip of pickles, or a bare one.
bool is_pickle(std::string_view head) {
  return head.starts_with("PK\x03\x04") || head.starts_with("\x80\x02") ||
         head.starts_with("\x80\x04");
}

// A file whose header was read and checked; the descriptor stands before the data.
struct OpenSafetensors {
  Descriptor descriptor;
  SafetensorsHeader header;
  std::uint64_t data_bytes = 0;
};

Result<OpenSafetensors> open_with_header(const std::filesystem::path& path,
                                         std::uint64_t bytes_max) {
  const std::string where = path.string();
  auto open = open_regular_file(path);
  if (!open) return fail(std::move(open.error()));
  if (open->bytes > bytes_max) {
    return fail(where, "the file has " + std::to_string(open->bytes) + " bytes",
                "at most " + std::to_string(bytes_max));
  }
  std::string text(std::min<std::uint64_t>(open->bytes, kImpostorBytes), '\0');
  text.resize(read_some(open->descriptor, std::as_writable_bytes(std::span(text)), path));
  if (auto failure = impostor(text, where)) return fail(std::move(*failure));
  if (text.size() < 8) return fail(where, "the file has fewer than 8 bytes", "a safetensors file");
  const auto length = header_length(std::as_bytes(std::span(text)).first<8>(), open->bytes, where);
  if (!length && is_pickle(text))
    return fail(where, "this is a PyTorch pickle, which could run code", "a safetensors file");
  if (!length) return fail(length.error());
  open->descriptor.seek(8, path);
  text.resize(static_cast<std::size_t>(*length));
  if (read_some(open->descriptor, std::as_writable_bytes(std::span(text)), path) != text.size())
    return cut_short(path);
  const std::uint64_t data_bytes = open->bytes - 8 - *length;
  auto header = parse_safetensors_header(text, data_bytes, where);
  if (!header) return fail(std::move(header.error()));
  return OpenSafetensors{std::move(open->descriptor), std::move(*header), data_bytes};
}

constexpr const char* kTwice = "another part holds this tensor too";
constexpr const char* kOnce = "each tensor once";

}  // namespace

std::string_view dtype_name(Dtype dtype) { return kDtypes[static_cast<std::size_t>(dtype)].name; }

int dtype_bits(Dtype dtype) { return kDtypes[static_cast<std::size_t>(dtype)].bits; }

std::optional<Dtype> parse_dtype(std::string_view name) {
  for (std::size_t i = 0; i < kDtypes.size(); ++i) {
    if (kDtypes[i].name == name) return static_cast<Dtype>(i);
  }
  return std::nullopt;
}

std::int64_t TensorView::element_count() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

void SafetensorsFile::Release::operator()(std::byte* bytes) const {
  ::operator delete(bytes, kAlignment);
}

Result<SafetensorsFile> SafetensorsFile::read(const std::filesystem::path& path,
                                              std::uint64_t bytes_max) try {
  SafetensorsFile file;
  file.where_ = path.string();
  auto open = open_with_header(path, bytes_max);
  if (!open) return fail(std::move(open.error()));
  file.data_.reset(allocate(open->data_bytes));
  if (!file.data_)
    return fail(file.where_,
                "there is no memory for its " + std::to_string(open->data_bytes) + " bytes");
  const std::span<std::byte> data(file.data_.get(), static_cast<std::size_t>(open->data_bytes));
  if (read_some(open->descriptor, data, path) != data.size()) return cut_short(path);
  file.tensors_ = views_of(open->header.entries, file.data_.get());
  file.metadata_ = std::move(open->header.metadata);
  return file;
} catch (const std::system_error& error) {
  return fail(path.string(), std::string("the file cannot be read: ") + error.code().message());
}

Result<TensorInfos> read_tensor_infos(const std::filesystem::path& path) try {
  const auto open = open_with_header(path, kSafetensorsBytesMax);
  if (!open) return fail(open.error());
  TensorInfos infos;
  for (const auto& [name, entry] : open->header.entries)
    infos.emplace_hint(infos.end(), name, TensorInfo{entry.dtype, entry.shape});
  return infos;
} catch (const std::system_error& error) {
  return fail(path.string(), std::string("the file cannot be read: ") + error.code().message());
}

Result<SafetensorsFile> SafetensorsFile::parse(std::string_view bytes, const std::string& where) {
  SafetensorsFile file;
  file.where_ = where;
  if (bytes.size() < 8) return fail(where, "there are fewer than 8 bytes", "a safetensors file");
  const auto all = std::as_bytes(std::span(bytes));
  const auto length = header_length(all.first<8>(), bytes.size(), where);
  if (!length) return fail(length.error());
  const auto header_bytes = static_cast<std::size_t>(*length);
  const std::string_view data = bytes.substr(8 + header_bytes);
  auto parsed = parse_safetensors_header(bytes.substr(8, header_bytes), data.size(), where);
  if (!parsed) return fail(std::move(parsed.error()));
  file.data_.reset(allocate(data.size()));
  if (!file.data_)
    return fail(where, "there is no memory for its " + std::to_string(data.size()) + " bytes");
  if (!data.empty()) std::memcpy(file.data_.get(), data.data(), data.size());
  file.tensors_ = views_of(parsed->entries, file.data_.get());
  file.metadata_ = std::move(parsed->metadata);
  return file;
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

Result<TensorView> SafetensorsFile::get(std::string_view name, Dtype dtype,
                                        const std::vector<std::int64_t>& shape) const {
  const auto text = [](const std::vector<std::int64_t>& sizes) {
    std::string out = "[";
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      out += (i > 0 ? ", " : "") + (sizes[i] < 0 ? std::string("n") : std::to_string(sizes[i]));
    }
    return out + "]";
  };
  const std::string expected = std::string(dtype_name(dtype)) + " " + text(shape);
  const std::string tensor = where_ + ": " + std::string(name);
  const TensorView* view = find(name);
  if (view == nullptr) return fail(tensor, "the tensor is missing", expected);
  const bool fits = view->dtype == dtype && view->shape.size() == shape.size() &&
                    std::equal(shape.begin(), shape.end(), view->shape.begin(),
                               [](auto wanted, auto size) { return wanted < 0 || wanted == size; });
  if (!fits) {
    return fail(tensor,
                "the tensor is " + std::string(dtype_name(view->dtype)) + " " + text(view->shape),
                expected);
  }
  return *view;
}

// --- writer
// -------------------------------------------------------------------------------------------------------

namespace {

struct Layout {
  std::string head;  // length and header
  std::vector<const TensorView*> order;
};

Layout lay_out(const TensorViews& tensors, const Metadata& metadata) {
  ISOCOST_CHECK(tensors.size() <= kSafetensorsTensorsMax, "more tensors than a file may hold");
  std::vector<std::pair<const std::string*, const TensorView*>> order;
  for (const auto& [name, view] : tensors) {
    ISOCOST_CHECK(is_tensor_name(name), "a tensor's name must be one that the reader takes");
    const auto bytes = tensor_bytes(view.dtype, view.shape);
    ISOCOST_CHECK(bytes && *bytes == view.bytes.size(),
                  "a tensor's bytes must fit its type and shape");
    order.emplace_back(&name, &view);
  }
  // The map is in the order of the names already.
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return dtype_bits(a.second->dtype) > dtype_bits(b.second->dtype);
  });

  Layout layout;
  std::string header = "{";
  if (!metadata.empty()) header += "\"__metadata__\":" + canonical(Json(metadata));
  std::uint64_t begin = 0;
  for (const auto& [name, view] : order) {
    const std::uint64_t end = begin + view->bytes.size();
    if (header.size() > 1) header += ',';
    header += canonical(Json(*name)) + ":{\"dtype\":\"" + std::string(dtype_name(view->dtype)) +
              "\",\"shape\":" + canonical(Json(view->shape)) + ",\"data_offsets\":[" +
              std::to_string(begin) + "," + std::to_string(end) + "]}";
    begin = end;
    layout.order.push_back(view);
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  ISOCOST_CHECK(header.size() <= kSafetensorsHeaderBytesMax,
                "the header is longer than the format allows");
  for (int i = 0; i < 8; ++i) layout.head += static_cast<char>((header.size() >> (8 * i)) & 0xFF);
  layout.head += header;
  return layout;
}

}  // namespace

std::string safetensors_bytes(const TensorViews& tensors, const Metadata& metadata) {
  const Layout layout = lay_out(tensors, metadata);
  std::string bytes = layout.head;
  for (const TensorView* view : layout.order) {
    bytes.append(reinterpret_cast<const char*>(view->bytes.data()), view->bytes.size());
  }
  return bytes;
}

void write_safetensors(const std::filesystem::path& file, const TensorViews& tensors,
                       const Metadata& metadata) {
  const Layout layout = lay_out(tensors, metadata);
  std::vector<std::span<const std::byte>> parts = {std::as_bytes(std::span(layout.head))};
  for (const TensorView* view : layout.order) parts.push_back(view->bytes);
  write_file_atomically(file, parts);
}

// --- folders
// ------------------------------------------------------------------------------------------------------

namespace {

// What an index says of its parts must be so.
void check_index(const WeightFiles& weights, const auto& tensors, Failure& failure) {
  for (const auto& [tensor, file] : weights.weight_map) {
    if (!tensors.contains(tensor))
      failure.add(weights.index->string() + ": " + tensor, "the tensor is not in " + file);
  }
}

}  // namespace

Result<SafetensorsFolder> SafetensorsFolder::read(const std::filesystem::path& folder,
                                                  const std::string& base,
                                                  const std::string& variant) {
  const auto found = find_weight_files(folder, base, variant);
  if (!found) return fail(found.error());
  SafetensorsFolder weights;
  Failure failure;
  for (const auto& name : found->files) {
    auto file = SafetensorsFile::read(name);
    if (!file) {
      failure.add(file.error());
      continue;
    }
    for (const auto& [tensor, view] : file->tensors()) {
      if (!weights.tensors_.emplace(tensor, view).second)
        failure.add(file->where() + ": " + tensor, kTwice, kOnce);
    }
    weights.files_.push_back(std::move(*file));
  }
  if (failure.is_empty()) check_index(*found, weights.tensors_, failure);
  if (!failure.is_empty()) return fail(std::move(failure));
  return weights;
}

Result<TensorInfos> read_tensor_infos(const WeightFiles& weights) {
  TensorInfos all;
  Failure failure;
  for (const auto& name : weights.files) {
    auto infos = read_tensor_infos(name);
    if (!infos) {
      failure.add(infos.error());
      continue;
    }
    for (auto& [tensor, info] : *infos) {
      if (!all.emplace(tensor, std::move(info)).second)
        failure.add(name.string() + ": " + tensor, kTwice, kOnce);
    }
  }
  if (failure.is_empty()) check_index(weights, all, failure);
  if (!failure.is_empty()) return fail(std::move(failure));
  return all;
}

}  // namespace isocost::io
