#include "base/io/descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/io/presence.h"

namespace isocost::io {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    number_ = other.release();
  }
  return *this;
}

int Descriptor::release() { return std::exchange(number_, -1); }

void Descriptor::reset() {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

void Descriptor::seek(std::uint64_t byte, const std::filesystem::path& name) const {
  if (::lseek(number_, static_cast<off_t>(byte), SEEK_SET) < 0)
    throw_system_error("cannot read", name);
}

void throw_system_error(const std::string& what, const std::filesystem::path& name) {
  const int reason = errno;
  throw std::system_error(reason, std::generic_category(), what + " " + name.string());
}

Result<OpenFile> open_regular_file(const std::filesystem::path& file) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  OpenFile open{Descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)), 0};
  if (!open.descriptor.is_open()) {
    const int reason = errno;
    // Says of a link to nothing what it is.
    if (const auto is_there = has_file(file); !is_there) return fail(is_there.error());
    if (reason == ENOENT || reason == ENOTDIR) return fail(file.string(), "the file is missing");
    return fail(file.string(), std::string("the file cannot be opened: ") + std::strerror(reason));
  }
  struct stat about{};
  if (::fstat(open.descriptor.get(), &about) != 0) {
    return fail(file.string(), std::string("the file cannot be read: ") + std::strerror(errno));
  }
  if (!S_ISREG(about.st_mode)) {
    return fail(file.string(),
                S_ISDIR(about.st_mode) ? "this is a folder" : "this is no regular file", "a file");
  }
  open.bytes = static_cast<std::uint64_t>(about.st_size);
  return open;
}

std::size_t read_some(const Descriptor& file, std::span<std::byte> into,
                      const std::filesystem::path& name) {
  std::size_t done = 0;
  while (done < into.size()) {
    const std::size_t piece = std::min(into.size() - done, std::size_t{1} << 30);
    const ssize_t n = ::read(file.get(), into.data() + done, piece);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_system_error("cannot read", name);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

void write_all(const Descriptor& file, std::span<const std::byte> bytes,
               const std::filesystem::path& name) {
  while (!bytes.empty()) {
    const std::size_t piece = std::min(bytes.size(), std::size_t{1} << 30);
    const ssize_t n = ::write(file.get(), bytes.data(), piece);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_system_error("cannot write", name);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace isocost::io
