#include "base/transport/key_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <sstream>
#include <system_error>

#include "base/io/atomic_file.h"
#include "base/text.h"
#include "base/transport/random_name.h"

namespace isocost::transport {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kSecretFileBytesMax = 4096;

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

bool is_key(const std::string& text) {
  std::array<std::uint8_t, 32> bytes{};
  return text.size() == kKeyCharacters && zmq_z85_decode(bytes.data(), text.c_str()) != nullptr;
}

std::optional<std::string> line_value(const std::string& text, std::string_view word) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    if (!line.starts_with(std::string(word) + " ")) continue;
    std::string value = line.substr(word.size() + 1);
    while (!value.empty() && (value.back() == '\r' || value.back() == ' ')) value.pop_back();
    return value;
  }
  return std::nullopt;
}

bool is_key_name(const std::string& name) {
  return is_name(name) && name.find('/') == std::string::npos && !name.starts_with('.');
}

void write_new_file(const fs::path& file, const std::string& text, mode_t mode) {
  const std::string beside =
      (file.parent_path() / ("." + file.filename().string() + "." + random_name())).string();
  const int descriptor = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (descriptor < 0) throw_errno("cannot create " + file.string());
  bool is_written =
      ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(descriptor) == 0;
  is_written = ::close(descriptor) == 0 && is_written;
  // A link fails where a file is; file systems without links have a rename that does.
  const bool is_there =
      is_written && (::link(beside.c_str(), file.c_str()) == 0 ||
                     (errno != EEXIST && ::renameat2(AT_FDCWD, beside.c_str(), AT_FDCWD,
                                                     file.c_str(), RENAME_NOREPLACE) == 0));
  const int error = errno;
  ::unlink(beside.c_str());
  errno = error;
  if (!is_there) throw_errno("cannot write " + file.string());
  io::sync_folder(file.parent_path());
}

Result<std::string> read_secret_file(const fs::path& file) {
  auto text = io::read_file(file, kSecretFileBytesMax);
  if (!text) return fail(text.error());
  struct stat status{};
  if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 077) != 0)
    return fail(file.string(), "others may read this secret",
                "mode 0600: chmod 600 " + file.string());
  return text;
}

}  // namespace isocost::transport
