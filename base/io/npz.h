// Arrays from a .npz file: a zip of numpy's .npy, as FID reference statistics {mu, sigma} are
// published.
//
//   auto arrays = io::read_npz("coco-val.npz", {"mu", "sigma"});
//   if (!arrays) return fail(arrays.error());
//   const io::NpyArray& mu = arrays->at("mu");    // shape [2048], values as double
//
// Reads members stored or deflated, .npy versions 1 to 3, little-endian f4 f8 i4 i8; check sums are
// checked. Fails with: not a zip, a member missing or damaged, another type (objects are pickles:
// refused), limits. Nothing is believed before it is checked. Thread: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isocost::io {

struct NpyArray {
  std::vector<std::int64_t> shape;
  std::vector<double> values;  // in C order
};

inline constexpr std::uint64_t kNpzBytesMax = std::uint64_t{1} << 30;  // of the file
inline constexpr std::uint64_t kNpyBytesMax = std::uint64_t{1} << 30;  // of one array, unpacked

// The arrays of these names; others in the file are left alone.
[[nodiscard]] Result<std::map<std::string, NpyArray>> read_npz(
    const std::filesystem::path& file, const std::vector<std::string>& names);
[[nodiscard]] Result<std::map<std::string, NpyArray>> parse_npz(
    std::string_view bytes, const std::string& where, const std::vector<std::string>& names);
// The names of a zip file's members, in their order by bytes.
[[nodiscard]] Result<std::vector<std::string>> zip_names(std::string_view bytes,
                                                         const std::string& where);
// One .npy file's bytes.
[[nodiscard]] Result<NpyArray> parse_npy(std::string_view bytes, const std::string& where);

}  // namespace isocost::io
