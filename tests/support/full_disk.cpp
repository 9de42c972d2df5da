// A disk that is full while a file says so, for tests with real processes: loaded by LD_PRELOAD.
//
//   env LD_PRELOAD=libfull_disk.so ISOCOST_FULL_DISK=/some/folder PROGRAM ...
//
// While /some/folder.full exists, what would make a file below the folder longer fails with ENOSPC;
// what overwrites succeeds, as on a real disk. It needs no rights, unlike a mount. Thread: any.
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

bool lies_on_the_disk(int descriptor, const char* folder) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  if (::readlink(link.c_str(), path.data(), path.size() - 1) < 0) return false;
  const std::size_t length = std::strlen(folder);
  return std::strncmp(path.data(), folder, length) == 0 && path[length] == '/';
}

// `offset` < 0: at the end of what was written so far.
bool has_room(int descriptor, off_t offset, std::size_t bytes) {
  const char* folder = std::getenv("ISOCOST_FULL_DISK");
  if (folder == nullptr || ::access((std::string(folder) + ".full").c_str(), F_OK) != 0)
    return true;
  struct stat file{};
  if (::fstat(descriptor, &file) != 0 || !S_ISREG(file.st_mode)) return true;
  if (!lies_on_the_disk(descriptor, folder)) return true;
  const off_t begin = offset >= 0 ? offset : ::lseek(descriptor, 0, SEEK_CUR);
  return begin + static_cast<off_t>(bytes) <= file.st_size;
}

ssize_t refuse() {
  errno = ENOSPC;
  return -1;
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* data, size_t bytes) {
  if (!has_room(descriptor, -1, bytes)) return refuse();
  return syscall(SYS_write, descriptor, data, bytes);
}

ssize_t writev(int descriptor, const iovec* parts, int count) {
  std::size_t bytes = 0;
  for (int i = 0; i < count; ++i) bytes += parts[i].iov_len;
  if (!has_room(descriptor, -1, bytes)) return refuse();
  return syscall(SYS_writev, descriptor, parts, count);
}

ssize_t pwrite64(int descriptor, const void* data, size_t bytes, off64_t offset) {
  if (!has_room(descriptor, offset, bytes)) return refuse();
  return syscall(SYS_pwrite64, descriptor, data, bytes, offset);
}

ssize_t pwrite(int descriptor, const void* data, size_t bytes, off_t offset) {
  return pwrite64(descriptor, data, bytes, offset);
}

}  // extern "C"
