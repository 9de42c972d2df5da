// The two file formats of picture.h, each in a source of its own. For base/io alone. Thread: any.
#pragma once

#include "base/io/picture.h"

namespace isocost::io {

[[nodiscard]] Result<Picture> parse_png(std::string_view bytes, const std::string& where);
[[nodiscard]] Result<Picture> parse_jpeg(std::string_view bytes, const std::string& where);
// What is wrong with a picture of this size, if anything; said before memory for it is asked for.
[[nodiscard]] Result<void> check_picture_size(std::uint64_t width, std::uint64_t height,
                                              const std::string& where);

}  // namespace isocost::io
