// A JSON value as a person reads it. Pure, any thread.
#pragma once

#include <string>

#include "base/json.h"

namespace isocost {

// A text as it is, without quotes; anything else as canonical() prints it.
[[nodiscard]] inline std::string plain_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : canonical(value);
}

}  // namespace isocost
