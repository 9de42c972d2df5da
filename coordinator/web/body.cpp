#include "coordinator/web/body.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <system_error>

namespace isocost::web {
namespace {

// Reads a descriptor from its beginning, whatever else reads it.
class DescriptorBuffer : public std::streambuf {
 public:
  explicit DescriptorBuffer(int descriptor) : descriptor_(descriptor) {}

 protected:
  int_type underflow() override {
    const ssize_t n = ::pread(descriptor_, buffer_.data(), buffer_.size(), offset_);
    if (n <= 0) return traits_type::eof();
    offset_ += n;
    setg(buffer_.data(), buffer_.data(), buffer_.data() + n);
    return traits_type::to_int_type(*gptr());
  }

 private:
  int descriptor_;
  off_t offset_ = 0;
  std::array<char, 64 << 10> buffer_{};
};

class DescriptorStream : public std::istream {
 public:
  explicit DescriptorStream(int descriptor) : std::istream(nullptr), buffer_(descriptor) {
    rdbuf(&buffer_);
  }

 private:
  DescriptorBuffer buffer_;
};

// A file that nobody else sees and that ends with its descriptor.
int open_nameless(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
    return descriptor;
  std::string name = (folder / ".body.XXXXXX").string();  // a file system without such files
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

}  // namespace

Body::~Body() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Body::append(std::string_view piece) {
  bytes_ += piece.size();
  if (descriptor_ < 0 && bytes_ > kInMemoryMax) spill();
  if (descriptor_ >= 0)
    write(piece);
  else
    text_ += piece;
}

void Body::spill() {
  descriptor_ = open_nameless(folder_);
  if (descriptor_ < 0)
    throw std::system_error(errno, std::generic_category(),
                            "cannot keep a request's body in " + folder_.string());
  write(text_);
  text_ = std::string();
}

void Body::write(std::string_view piece) {
  while (!piece.empty()) {
    const ssize_t n = ::write(descriptor_, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      throw std::system_error(errno, std::generic_category(),
                              "cannot keep a request's body in " + folder_.string());
    piece.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::unique_ptr<std::istream> Body::open() const {
  if (descriptor_ < 0) return std::make_unique<std::istringstream>(text_);
  return std::make_unique<DescriptorStream>(descriptor_);
}

}  // namespace isocost::web
