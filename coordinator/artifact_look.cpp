#include "coordinator/artifact_look.h"

#include <array>
#include <fstream>
#include <string_view>

#include "base/io/safetensors.h"

namespace isocost::coordinator {
namespace {

using units::ArtifactForm;
using Shape = std::vector<std::int64_t>;

std::string text_of(const Shape& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape)
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

std::optional<std::string> wrong_tensor(const io::TensorInfos& tensors, const std::string& name,
                                        io::Dtype dtype, const Shape& shape) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) return "it holds no tensor '" + name + "'";
  if (found->second.dtype == dtype && found->second.shape == shape) return std::nullopt;
  return "its tensor '" + name + "' is " + std::string(io::dtype_name(found->second.dtype)) + " " +
         text_of(found->second.shape) + "; expected " + std::string(io::dtype_name(dtype)) + " " +
         text_of(shape);
}

// The second size of a table; 0 where it is none.
std::int64_t width_of(const io::TensorInfos& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  if (found == tensors.end() || found->second.shape.empty()) return 0;
  return found->second.shape.back();
}

std::optional<std::string> wrong_rows(const io::TensorInfos& tensors, std::uint64_t rows) {
  const std::int64_t width = width_of(tensors, "rows");
  if (width == 0) return "it holds no table 'rows'";
  const Shape shape = {static_cast<std::int64_t>(rows), width};
  // What compares pixels gives float64.
  if (!wrong_tensor(tensors, "rows", io::Dtype::kF64, shape)) return std::nullopt;
  return wrong_tensor(tensors, "rows", io::Dtype::kF32, shape);
}

std::optional<std::string> wrong_reference(const io::TensorInfos& tensors) {
  const std::int64_t width = width_of(tensors, "mu");
  if (width == 0) return "it holds no vector 'mu'";
  if (auto why = wrong_tensor(tensors, "mu", io::Dtype::kF64, {width})) return why;
  if (auto why = wrong_tensor(tensors, "sigma", io::Dtype::kF64, {width, width})) return why;
  if (auto why = wrong_tensor(tensors, "n", io::Dtype::kI64, {})) return why;
  const auto rows = tensors.find("rows");
  if (rows == tensors.end()) return std::nullopt;
  const std::int64_t count = rows->second.shape.empty() ? 0 : rows->second.shape.front();
  return wrong_tensor(tensors, "rows", io::Dtype::kF32, {count, width});
}

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes) value = value << 8U | static_cast<unsigned char>(byte);
  return value;
}

std::optional<std::string> wrong_picture(const std::filesystem::path& file, int height, int width) {
  // Signature, the header's length and name, width, height.
  std::array<char, 24> bytes{};
  std::ifstream in(file, std::ios::binary);
  const std::string_view head(bytes.data(), bytes.size());
  if (!in.read(bytes.data(), bytes.size()) || !head.starts_with("\x89PNG\r\n\x1a\n") ||
      head.substr(12, 4) != "IHDR")
    return "it is no PNG";
  const std::uint32_t its_width = big_endian(head.substr(16, 4)),
                      its_height = big_endian(head.substr(20, 4));
  if (its_width == static_cast<std::uint32_t>(width) &&
      its_height == static_cast<std::uint32_t>(height))
    return std::nullopt;
  return "it has " + std::to_string(its_width) + " x " + std::to_string(its_height) +
         " pixels; expected " + std::to_string(width) + " x " + std::to_string(height);
}

}  // namespace

std::optional<std::string> look_at_artifact(const io::ArtifactStore& store,
                                            const ArtifactRef& artifact, const ArtifactForm& form) {
  const auto bytes = store.size(artifact.digest);
  if (!bytes) return "it is not in the store";
  if (*bytes != artifact.bytes)
    return "it has " + std::to_string(*bytes) + " bytes; expected " +
           std::to_string(artifact.bytes) + ", as the result says";
  const std::filesystem::path file = store.path(artifact.digest);
  if (form.kind == ArtifactForm::Kind::kPicture)
    return wrong_picture(file, form.height, form.width);
  const auto tensors = io::read_tensor_infos(file);
  if (!tensors) return tensors.error().message();
  return form.kind == ArtifactForm::Kind::kRows ? wrong_rows(*tensors, form.rows)
                                                : wrong_reference(*tensors);
}

}  // namespace isocost::coordinator
