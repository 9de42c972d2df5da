// A name that nobody else has: 32 random hexadecimal digits, from the system. Thread: any.
#pragma once

#include <string>

namespace isocost::transport {

[[nodiscard]] std::string random_name();

}  // namespace isocost::transport
