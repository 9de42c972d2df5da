#include "base/transport/random_name.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace isocost::transport {

std::string random_name() {
  std::array<unsigned char, 16> bytes{};
  // So few bytes come whole or not at all.
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw std::system_error(errno, std::generic_category(), "no random bytes");
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace isocost::transport
