#include "base/transport/keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <sstream>
#include <system_error>
#include <vector>

#include "base/check.h"
#include "base/io/atomic_file.h"
#include "base/text.h"
#include "base/transport/random_name.h"

namespace isocost::transport {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kKeyCharacters = 40;
constexpr std::size_t kKeyFileBytesMax = 4096;

std::optional<std::string> line_value(const std::string& text, const std::string& word) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    if (!line.starts_with(word + " ")) continue;
    std::string value = line.substr(word.size() + 1);
    while (!value.empty() && (value.back() == '\r' || value.back() == ' ')) value.pop_back();
    std::array<std::uint8_t, 32> bytes{};
    if (value.size() != kKeyCharacters || zmq_z85_decode(bytes.data(), value.c_str()) == nullptr)
      return std::nullopt;
    return value;
  }
  return std::nullopt;
}

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Readable by the owner alone from the first moment on where `mode` says so, whole when its name
// appears, and never in another file's place.
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

}  // namespace

KeyPair generate_keys() {
  std::array<char, kKeyCharacters + 1> public_key{}, secret_key{};
  ISOCOST_CHECK(zmq_curve_keypair(public_key.data(), secret_key.data()) == 0,
                "libzmq was built with CURVE");
  return {public_key.data(), secret_key.data()};
}

Result<std::string> write_keys(const fs::path& folder, const std::string& name) {
  if (!is_name(name) || name.find('/') != std::string::npos || name.starts_with('.'))
    return fail(name, "this is no name for a key", "letters, digits, '-', '_' and '.'");
  fs::create_directories(folder);
  const fs::path secret_file = folder / (name + ".secret"), public_file = folder / (name + ".key");
  for (const fs::path& file : {secret_file, public_file}) {
    if (fs::exists(file))
      return fail(file.string(), "the file is there already",
                  "a new name: keys are never overwritten");
  }
  const KeyPair keys = generate_keys();
  write_new_file(secret_file, "public " + keys.public_key + "\nsecret " + keys.secret_key + "\n",
                 0600);
  write_new_file(public_file, "public " + keys.public_key + "\n", 0644);
  return keys.public_key;
}

Result<std::string> read_public_key(const fs::path& file) {
  auto text = io::read_file(file, kKeyFileBytesMax);
  if (!text) return fail(text.error());
  if (auto key = line_value(*text, "public")) return std::move(*key);
  return fail(file.string(), "there is no public key in it",
              "a line 'public' with 40 characters, as isocost keys writes it");
}

Result<KeyPair> read_secret(const fs::path& file) {
  auto text = io::read_file(file, kKeyFileBytesMax);
  if (!text) return fail(text.error());
  struct stat status{};
  if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 077) != 0)
    return fail(file.string(), "others may read this secret",
                "mode 0600: chmod 600 " + file.string());
  auto public_key = line_value(*text, "public"), secret_key = line_value(*text, "secret");
  if (public_key && secret_key) return KeyPair{*public_key, *secret_key};
  return fail(file.string(), "there is no key pair in it",
              "the lines 'public' and 'secret', as isocost keys writes them");
}

namespace {

// A disk that cannot read one file may have the others.
Result<std::string> readable_key(const fs::path& file) {
  try {
    return read_public_key(file);
  } catch (const std::system_error& error) {
    return fail(file.string(), "the file cannot be read: " + error.code().message());
  }
}

}  // namespace

Result<AllowedKeys> read_allow_list(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".key" && !entry->path().filename().string().starts_with('.'))
      files.push_back(entry->path());
  }
  if (error) return fail(folder.string(), "the folder of keys cannot be read: " + error.message());
  std::sort(files.begin(), files.end());  // which of two is the second must not depend on chance
  AllowedKeys allowed;
  for (const fs::path& file : files) {
    const std::string name = file.stem().string();
    const auto key = readable_key(file);
    std::error_code gone;
    // Since it was listed; a link to nowhere is still there.
    if (!key && fs::symlink_status(file, gone).type() == fs::file_type::not_found) continue;
    if (!is_name(name))
      allowed.faults.add(file.string(), "its name is no worker's name");
    else if (!key)
      allowed.faults.add(key.error());
    else if (const auto [first, is_new] = allowed.names.emplace(*key, name); !is_new)
      allowed.faults.add(file.string(), "it holds the key of " + first->second + ".key");
  }
  return allowed;
}

}  // namespace isocost::transport
