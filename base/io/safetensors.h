// Safetensors: named tensors in one file. Reads what nobody has vouched for, writes what is the
// same to the last bit.
//
//   auto file = io::SafetensorsFile::read("unet/diffusion_pytorch_model.safetensors");
//   if (!file) return fail(file.error());
//   for (const auto& [name, view] : file->tensors()) use(view.dtype, view.shape, view.bytes);
//
//   io::write_safetensors("rows.safetensors", {{"rows", {io::Dtype::kF32, {n, d},
//   std::as_bytes(span)}}});
//
// The bytes are copied into memory before they are looked at, so a file that shrinks or changes
// afterwards harms nobody. A view's bytes begin on 64 only if the file was written so: use memcpy,
// or check before casting. Views live as long as the SafetensorsFile that gave them (moving it
// keeps them valid). Checked before any tensor memory is asked for: header length, JSON, names,
// counts, nesting, repeated names, shapes, overflow, offsets; tensors tile the data exactly, so
// nothing can hide between or behind them. Fails with: one sentence a fault, naming the file and
// the tensor. Throws std::system_error on I/O faults, from the writer alone. Thread: any; a file
// that was read never changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/io/weight_files.h"
#include "base/result.h"

namespace isocost::io {

enum class Dtype {
  kBool,
  kF4,
  kF6E2M3,
  kF6E3M2,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kF8E4M3Fnuz,
  kF8E5M2Fnuz,
  kI16,
  kU16,
  kF16,
  kBf16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
};
[[nodiscard]] std::string_view dtype_name(Dtype dtype);  // as the file spells it: "F32", "BF16"
[[nodiscard]] std::optional<Dtype> parse_dtype(std::string_view name);
[[nodiscard]] int dtype_bits(Dtype dtype);

struct TensorView {
  Dtype dtype = Dtype::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;

  [[nodiscard]] std::int64_t element_count() const;
};
using TensorViews = std::map<std::string, TensorView, std::less<>>;
using Metadata = std::map<std::string, std::string, std::less<>>;

inline constexpr std::uint64_t kSafetensorsHeaderBytesMax = 100'000'000;  // the format's own limit
inline constexpr std::size_t kSafetensorsTensorsMax = std::size_t{1} << 17;
inline constexpr std::size_t kSafetensorsNameBytesMax = 1024;
inline constexpr std::size_t kSafetensorsDimensionsMax = 16;
inline constexpr std::uint64_t kSafetensorsBytesMax = std::uint64_t{1} << 36;  // 64 GiB a file

class SafetensorsFile {
 public:
  [[nodiscard]] static Result<SafetensorsFile> read(const std::filesystem::path& file,
                                                    std::uint64_t bytes_max = kSafetensorsBytesMax);
  // The same from memory; `where` stands for the file's name in messages.
  [[nodiscard]] static Result<SafetensorsFile> parse(std::string_view bytes,
                                                     const std::string& where);

  [[nodiscard]] const TensorViews& tensors() const { return tensors_; }
  [[nodiscard]] const Metadata& metadata() const { return metadata_; }
  [[nodiscard]] const TensorView* find(std::string_view name) const;
  // Fails with: the tensor is missing, has another type, or another shape (-1 in `shape` fits any
  // size).
  [[nodiscard]] Result<TensorView> get(std::string_view name, Dtype dtype,
                                       const std::vector<std::int64_t>& shape) const;
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  struct Release {
    void operator()(std::byte* bytes) const;
  };
  std::string where_;
  std::unique_ptr<std::byte, Release> data_;
  TensorViews tensors_;
  Metadata metadata_;
};

// The bytes of a safetensors file: by size of the element (largest first), then by name, header
// padded with spaces so that every tensor is aligned to its element. Requires: each view's bytes
// fit its dtype and shape; names and counts within the limits above.
[[nodiscard]] std::string safetensors_bytes(const TensorViews& tensors,
                                            const Metadata& metadata = {});
// Writes them by temporary file and rename.
void write_safetensors(const std::filesystem::path& file, const TensorViews& tensors,
                       const Metadata& metadata = {});

// What a file's header says of a tensor.
struct TensorInfo {
  Dtype dtype = Dtype::kF32;
  std::vector<std::int64_t> shape;
};
using TensorInfos = std::map<std::string, TensorInfo, std::less<>>;

// The header alone, checked as SafetensorsFile::read() checks it; no tensor is read.
[[nodiscard]] Result<TensorInfos> read_tensor_infos(const std::filesystem::path& file);
// Of all parts of a component's weights.
[[nodiscard]] Result<TensorInfos> read_tensor_infos(const WeightFiles& weights);

// A model's weights, which may be cut into several files (base/io/weight_files.h).
class SafetensorsFolder {
 public:
  [[nodiscard]] static Result<SafetensorsFolder> read(const std::filesystem::path& folder,
                                                      const std::string& base,
                                                      const std::string& variant = {});
  [[nodiscard]] const TensorViews& tensors() const { return tensors_; }
  [[nodiscard]] const std::vector<SafetensorsFile>& files() const { return files_; }

 private:
  std::vector<SafetensorsFile> files_;
  TensorViews tensors_;
};

}  // namespace isocost::io
