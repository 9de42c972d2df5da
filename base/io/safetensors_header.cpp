#include "base/io/safetensors_header.h"

#include <algorithm>
#include <limits>

#include "base/json.h"

namespace isocost::io {
namespace {

constexpr std::string_view kMetadata = "__metadata__";

// A name fit for a message: short, and without what would upset a terminal.
std::string shown(std::string_view name) {
  std::string text;
  for (const char c : name.substr(0, 80))
    text += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return name.size() > 80 ? text + "..." : text;
}

// Follows the JSON text as it is parsed and refuses at the first thing that is out of place, so
// that a hostile header costs no more memory than its honest part. Depth 1: tensors and metadata;
// 2: their members; 3: lists of numbers.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderReader(const std::string& where) : where_(where) {}

  bool null() override { return misplaced("null"); }
  bool boolean(bool) override { return misplaced("a boolean"); }
  bool number_integer(number_integer_t) override { return misplaced("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    return misplaced("a fractional number");
  }
  bool binary(binary_t&) override { return misplaced("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ != 3) return misplaced("a number");
    if (numbers_.size() >= kSafetensorsDimensionsMax) {
      return refuse("'" + member_ + "' has too many numbers",
                    "at most " + std::to_string(kSafetensorsDimensionsMax));
    }
    numbers_.push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (depth_ == 2 && in_metadata_) {
      header_.metadata.emplace(member_, std::move(value));
      return true;
    }
    if (depth_ != 2 || member_ != "dtype") return misplaced("a text");
    const auto dtype = parse_dtype(value);
    if (!dtype)
      return refuse("the type '" + shown(value) + "' is unknown", "F32, F16, BF16, I64, ...");
    entry_.dtype = *dtype;
    return true;
  }

  bool start_object(std::size_t) override {
    ++depth_;
    if (depth_ == 1) return true;
    if (depth_ == 2) {
      entry_ = {};
      members_ = {};
      return true;
    }
    return misplaced("an object");
  }

  bool key(string_t& value) override {
    if (depth_ == 1) return start_tensor(value);
    if (in_metadata_) {
      member_ = value;
      if (header_.metadata.contains(value))
        return refuse("the key '" + shown(value) + "' stands twice", "each key once");
      return true;
    }
    const auto known = std::find(kMembers.begin(), kMembers.end(), value);
    if (known == kMembers.end())
      return refuse("the member '" + shown(value) + "' is unknown", kMembersText);
    bool& seen = members_[static_cast<std::size_t>(known - kMembers.begin())];
    if (seen) return refuse("the member '" + value + "' stands twice", "each member once");
    seen = true;
    member_ = value;
    return true;
  }

  bool end_object() override {
    --depth_;
    if (depth_ == 1 && !in_metadata_) {
      if (!members_[0] || !members_[1] || !members_[2])
        return refuse("a member is missing", kMembersText);
      header_.entries.emplace(tensor_, std::move(entry_));
    }
    return true;
  }

  bool start_array(std::size_t) override {
    ++depth_;
    if (depth_ != 3 || in_metadata_ || member_ == "dtype") return misplaced("a list");
    numbers_.clear();
    return true;
  }

  bool end_array() override {
    --depth_;
    return member_ == "shape" ? take_shape() : take_offsets();
  }

  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    failure_.add(where_, "the header is no JSON text at its byte " + std::to_string(position));
    return false;
  }

  [[nodiscard]] SafetensorsHeader& header() { return header_; }
  [[nodiscard]] Failure& failure() { return failure_; }

 private:
  static constexpr std::array<std::string_view, 3> kMembers = {"dtype", "shape", "data_offsets"};
  static constexpr const char* kMembersText = "the members dtype, shape and data_offsets";

  bool start_tensor(const std::string& name) {
    tensor_ = name;
    in_metadata_ = name == kMetadata;
    if (in_metadata_ && has_metadata_) return refuse("it stands twice", "each name once");
    has_metadata_ = has_metadata_ || in_metadata_;
    if (in_metadata_) return true;
    if (!is_tensor_name(name)) {
      return refuse(
          "this is no name for a tensor",
          "1 to " + std::to_string(kSafetensorsNameBytesMax) + " bytes without control characters");
    }
    if (header_.entries.contains(name)) return refuse("the tensor stands twice", "each name once");
    if (header_.entries.size() >= kSafetensorsTensorsMax) {
      failure_.add(where_, "there are too many tensors",
                   "at most " + std::to_string(kSafetensorsTensorsMax));
      return false;
    }
    return true;
  }

  bool take_shape() {
    for (const std::uint64_t size : numbers_) {
      if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return refuse("a size of its shape is too large");
      }
      entry_.shape.push_back(static_cast<std::int64_t>(size));
    }
    return true;
  }

  bool take_offsets() {
    if (numbers_.size() != 2)
      return refuse("'data_offsets' has " + std::to_string(numbers_.size()) + " numbers", "2");
    entry_.begin = numbers_[0];
    entry_.end = numbers_[1];
    return true;
  }

  bool misplaced(const std::string& what) {
    if (depth_ == 0 || (depth_ == 1 && what == "a list")) {
      failure_.add(where_, "the header holds " + what + " where a tensor should be",
                   "an object of tensors");
      return false;
    }
    return refuse(depth_ == 1 ? "this is " + what : "'" + shown(member_) + "' holds " + what,
                  in_metadata_ ? "texts alone" : kMembersText);
  }

  bool refuse(std::string what, std::string expected = {}) {
    failure_.add(where_ + ": " + shown(tensor_), std::move(what), std::move(expected));
    return false;
  }

  const std::string& where_;
  SafetensorsHeader header_;
  Failure failure_;
  int depth_ = 0;
  bool in_metadata_ = false;
  bool has_metadata_ = false;
  std::string tensor_;
  std::string member_;
  std::array<bool, 3> members_{};
  TensorEntry entry_;
  std::vector<std::uint64_t> numbers_;
};

// Each entry by itself: does its range fit its type and shape, and lie in the data?
void check_sizes(const TensorEntries& entries, std::uint64_t data_bytes, const std::string& where,
                 Failure& failure) {
  for (const auto& [name, entry] : entries) {
    if (failure.errors.size() >= kFaultsMax) return;
    const std::string tensor = where + ": " + shown(name);
    if (entry.begin > entry.end || entry.end > data_bytes) {
      failure.add(tensor,
                  "its data_offsets [" + std::to_string(entry.begin) + ", " +
                      std::to_string(entry.end) + "] lie outside the file's data",
                  "within [0, " + std::to_string(data_bytes) + "]; the file may be cut short");
      continue;
    }
    const auto bytes = tensor_bytes(entry.dtype, entry.shape);
    if (!bytes) {
      failure.add(tensor, dtype_bits(entry.dtype) < 8
                              ? "its elements do not fill whole bytes, or its shape is too large"
                              : "its shape is too large");
    } else if (*bytes != entry.end - entry.begin) {
      failure.add(tensor,
                  "its data_offsets span " + std::to_string(entry.end - entry.begin) + " bytes",
                  std::to_string(*bytes) + " as its type and shape say");
    }
  }
}

// All entries together: no hole, no overlap, nothing behind the last.
void check_tiling(const TensorEntries& entries, std::uint64_t data_bytes, const std::string& where,
                  Failure& failure) {
  using Item = std::pair<const std::string, TensorEntry>;
  std::vector<const Item*> order;
  for (const Item& item : entries) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(), [](const Item* a, const Item* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::uint64_t end = 0;
  for (const Item* item : order) {
    if (item->second.begin != end) {
      failure.add(where + ": " + shown(item->first),
                  "its data begins at byte " + std::to_string(item->second.begin) +
                      (item->second.begin < end ? ": it overlaps another tensor"
                                                : ": there is a hole before it"),
                  "byte " + std::to_string(end));
      return;
    }
    end = item->second.end;
  }
  if (end != data_bytes) {
    failure.add(where, std::to_string(data_bytes - end) + " bytes lie behind the last tensor",
                "nothing");
  }
}

}  // namespace

bool is_tensor_name(std::string_view name) {
  return !name.empty() && name.size() <= kSafetensorsNameBytesMax && name != kMetadata &&
         std::none_of(name.begin(), name.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

std::optional<std::uint64_t> tensor_bytes(Dtype dtype, const std::vector<std::int64_t>& shape) {
  // In bits and below 2^63, so that element counts stay valid as signed numbers whatever is zero.
  constexpr std::uint64_t kBitsMax = std::uint64_t{1} << 62;
  std::uint64_t bits = static_cast<std::uint64_t>(dtype_bits(dtype));
  bool is_empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size == 0) {
      is_empty = true;
      continue;
    }
    if (static_cast<std::uint64_t>(size) > kBitsMax / bits) return std::nullopt;
    bits *= static_cast<std::uint64_t>(size);
  }
  if (is_empty) return 0;
  if (bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

Result<SafetensorsHeader> parse_safetensors_header(std::string_view text, std::uint64_t data_bytes,
                                                   const std::string& where) {
  if (!text.starts_with('{'))
    return fail(where, "the header does not begin with '{'", "a safetensors file");
  // The JSON parser would take a zero byte for the text's end and never see what follows.
  if (text.find('\0') != std::string_view::npos)
    return fail(where, "the header holds a zero byte", "JSON text");
  HeaderReader reader(where);
  const bool is_read = Json::sax_parse(text.begin(), text.end(), &reader);
  Failure failure = std::move(reader.failure());
  if (!is_read) {
    if (failure.is_empty()) failure.add(where, "the header is no JSON text");
    return fail(std::move(failure));
  }
  check_sizes(reader.header().entries, data_bytes, where, failure);
  if (failure.is_empty()) check_tiling(reader.header().entries, data_bytes, where, failure);
  if (!failure.is_empty()) return fail(std::move(failure));
  return std::move(reader.header());
}

}  // namespace isocost::io
