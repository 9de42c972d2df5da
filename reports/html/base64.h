// Base64 (RFC 4648) with padding. Pure.
#pragma once

#include <string>
#include <string_view>

namespace isocost::report {

[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace isocost::report
