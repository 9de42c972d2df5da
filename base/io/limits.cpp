#include "base/io/limits.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace isocost::io {

std::size_t descriptors_max() {
  constexpr rlim_t kEnough = 65536;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlim_t wanted = std::min(limit.rlim_max, kEnough);
  if (limit.rlim_cur < wanted) {
    const rlimit raised{wanted, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return static_cast<std::size_t>(std::min(limit.rlim_cur, kEnough));
}

bool is_out_of_descriptors(const std::error_code& error) {
  return error == std::errc::too_many_files_open ||
         error == std::errc::too_many_files_open_in_system;
}

void await_descriptor(std::chrono::milliseconds limit) {
  constexpr std::chrono::milliseconds kPause{10};
  const auto end = std::chrono::steady_clock::now() + limit;
  while (true) {
    const int descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
      ::close(descriptor);
      return;
    }
    if (!is_out_of_descriptors({errno, std::generic_category()}) ||
        std::chrono::steady_clock::now() > end)
      return;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace isocost::io
