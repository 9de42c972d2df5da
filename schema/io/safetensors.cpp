#include "schema/io/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <new>
#include <system_error>

#include "schema/check.h"
#include "schema/io/atomic_file.h"
#include "schema/io/descriptor.h"
#include "schema/io/safetensors_header.h"
#include "schema/json_reader.h"

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
  auto open = open_regular_file(path);
  if (!open) return fail(std::move(open.error()));
  if (open->bytes > bytes_max) {
    return fail(file.where_, "the file has " + std::to_string(open->bytes) + " bytes",
                "at most " + std::to_string(bytes_max));
  }
  const auto cut_short = [&] {
    return fail(file.where_, "the file is cut short, or changed while it was read");
  };
  std::array<std::byte, 8> length_bytes{};
  if (open->bytes < 8 || read_some(open->descriptor, length_bytes, path) != 8) {
    return fail(file.where_, "the file has fewer than 8 bytes", "a safetensors file");
  }
  const auto length = header_length(length_bytes, open->bytes, file.where_);
  if (!length) return fail(length.error());
  std::string header(static_cast<std::size_t>(*length), '\0');
  if (read_some(open->descriptor, std::as_writable_bytes(std::span(header)), path) != header.size())
    return cut_short();
  const std::uint64_t data_bytes = open->bytes - 8 - *length;
  auto parsed = parse_safetensors_header(header, data_bytes, file.where_);
  if (!parsed) return fail(std::move(parsed.error()));

  file.data_.reset(allocate(data_bytes));
  if (!file.data_)
    return fail(file.where_, "there is no memory for its " + std::to_string(data_bytes) + " bytes");
  const std::span<std::byte> data(file.data_.get(), static_cast<std::size_t>(data_bytes));
  if (read_some(open->descriptor, data, path) != data.size()) return cut_short();
  file.tensors_ = views_of(parsed->entries, file.data_.get());
  file.metadata_ = std::move(parsed->metadata);
  return file;
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

constexpr std::size_t kPartsMax = 1024;

// Where the weights lie: the files to read, and for an index the file that each tensor is said to
// be in.
struct Plan {
  std::vector<std::string> files;
  std::map<std::string, std::string> weight_map;
  std::string index;
};

Result<Plan> plan_from_index(const std::filesystem::path& index) {
  const std::string where = index.string();
  const auto text = read_file(index, std::size_t{64} << 20);
  if (!text) return fail(text.error());
  const auto json = parse_json(*text, where, 4);
  if (!json) return fail(json.error());
  if (!json->is_object() || !json->contains("weight_map") || !json->at("weight_map").is_object()) {
    return fail(where, "the member 'weight_map' is missing",
                "an object of tensor names and file names");
  }
  Plan plan;
  plan.index = where;
  Failure failure;
  for (const auto& [name, file] : json->at("weight_map").items()) {
    const std::string part = file.is_string() ? file.get<std::string>() : "";
    // A name with a slash could reach outside the folder.
    if (part.empty() || part.find('/') != std::string::npos || part == "." || part == "..") {
      failure.add(where + ": weight_map." + name, "this is no name of a file in the folder");
      break;
    }
    plan.weight_map[name] = part;
    if (std::find(plan.files.begin(), plan.files.end(), part) == plan.files.end())
      plan.files.push_back(part);
    if (plan.files.size() > kPartsMax) {
      failure.add(where, "it names too many files", "at most " + std::to_string(kPartsMax));
      break;
    }
  }
  std::sort(plan.files.begin(), plan.files.end());
  if (!failure.is_empty()) return fail(std::move(failure));
  return plan;
}

// "fp16" of "BASE.fp16.safetensors", for every such file.
std::vector<std::string> variants_in(const std::filesystem::path& folder, const std::string& base) {
  std::vector<std::string> variants;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    constexpr std::string_view kEnd = ".safetensors";
    if (name.size() <= base.size() + 1 + kEnd.size() || !name.starts_with(base + ".") ||
        !name.ends_with(kEnd))
      continue;
    const std::string variant =
        name.substr(base.size() + 1, name.size() - base.size() - 1 - kEnd.size());
    if (variant.find('.') == std::string::npos) variants.push_back(variant);
  }
  std::sort(variants.begin(), variants.end());
  return variants;
}

Result<Plan> find_weights(const std::filesystem::path& folder, const std::string& base,
                          const std::string& variant) {
  const std::string dotted = variant.empty() ? "" : "." + variant;
  const std::string lone = base + dotted + ".safetensors";
  const std::string index = base + ".safetensors.index" + dotted + ".json";
  std::error_code error;
  if (std::filesystem::exists(folder / lone, error)) return Plan{{lone}, {}, {}};
  if (std::filesystem::exists(folder / index, error)) return plan_from_index(folder / index);
  if (variant.empty()) {
    const auto variants = variants_in(folder, base);
    if (variants.size() == 1) return find_weights(folder, base, variants.front());
  }
  for (const char* pickle : {".bin", ".pt", ".ckpt"}) {
    if (std::filesystem::exists(folder / (base + pickle), error)) {
      return fail((folder / (base + pickle)).string(),
                  "pickled weights are not read, since a pickle can run any code",
                  lone + " (save the model with safe_serialization=True)");
    }
  }
  return fail(folder.string(), "there are no weights here", lone + " or " + index);
}

}  // namespace

Result<SafetensorsFolder> SafetensorsFolder::read(const std::filesystem::path& folder,
                                                  const std::string& base,
                                                  const std::string& variant) {
  const auto plan = find_weights(folder, base, variant);
  if (!plan) return fail(plan.error());
  SafetensorsFolder weights;
  Failure failure;
  for (const std::string& name : plan->files) {
    auto file = SafetensorsFile::read(folder / name);
    if (!file) {
      failure.add(file.error());
      continue;
    }
    for (const auto& [tensor, view] : file->tensors()) {
      if (!weights.tensors_.emplace(tensor, view).second) {
        failure.add(file->where() + ": " + tensor, "another part holds this tensor too",
                    "each tensor once");
      }
    }
    weights.files_.push_back(std::move(*file));
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  for (const auto& [tensor, file] : plan->weight_map) {
    if (!weights.tensors_.contains(tensor))
      failure.add(plan->index + ": " + tensor, "the tensor is not in " + file);
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return weights;
}

}  // namespace isocost::io
