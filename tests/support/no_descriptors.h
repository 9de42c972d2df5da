// While it lives, this process can open no file and accept no connection.
//
//   { const NoDescriptors none;  ... }
//
// Thread: any; it concerns all of them.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <system_error>

namespace isocost::testing {

class NoDescriptors {
 public:
  NoDescriptors() {
    const int lowest_free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (lowest_free < 0 || ::getrlimit(RLIMIT_NOFILE, &before_) != 0)
      throw std::system_error(errno, std::generic_category(), "the limit of descriptors");
    ::close(lowest_free);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(lowest_free);
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace isocost::testing
