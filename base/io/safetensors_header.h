// The header of a safetensors file, checked. For the sources of base/io alone.
//
// parse_safetensors_header() takes the header's text and the number of data bytes behind it, and
// gives entries that tile those bytes exactly. Fails with: one sentence a fault, naming file and
// tensor; at most kFaultsMax of them. Thread: any.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/io/safetensors.h"

namespace isocost::io {

struct TensorEntry {
  Dtype dtype = Dtype::kF32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};
using TensorEntries = std::map<std::string, TensorEntry, std::less<>>;

struct SafetensorsHeader {
  TensorEntries entries;
  Metadata metadata;
};

inline constexpr std::size_t kFaultsMax = 20;

[[nodiscard]] Result<SafetensorsHeader> parse_safetensors_header(std::string_view text,
                                                                 std::uint64_t data_bytes,
                                                                 const std::string& where);

// Not empty, not too long, without control characters, and not "__metadata__".
[[nodiscard]] bool is_tensor_name(std::string_view name);

// Absent when the product overflows or sub-byte elements do not fill whole bytes.
[[nodiscard]] std::optional<std::uint64_t> tensor_bytes(Dtype dtype,
                                                        const std::vector<std::int64_t>& shape);

}  // namespace isocost::io
