#include "schema/transport/keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <optional>
#include <sstream>
#include <system_error>

#include "schema/check.h"
#include "schema/io/atomic_file.h"
#include "schema/wire/codec.h"

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

// Created readable by the owner alone, never for a moment by others.
void write_new_file(const fs::path& file, const std::string& text, unsigned mode) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (descriptor < 0)
    throw std::system_error(errno, std::generic_category(), "cannot create " + file.string());
  const bool is_written =
      ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(descriptor) == 0;
  const int error = errno;
  ::close(descriptor);
  if (is_written) return;
  ::unlink(file.c_str());
  throw std::system_error(error, std::generic_category(), "cannot write " + file.string());
}

}  // namespace

KeyPair generate_keys() {
  std::array<char, kKeyCharacters + 1> public_key{}, secret_key{};
  ISOCOST_CHECK(zmq_curve_keypair(public_key.data(), secret_key.data()) == 0,
                "libzmq was built with CURVE");
  return {public_key.data(), secret_key.data()};
}

Result<std::string> write_keys(const fs::path& folder, const std::string& name) {
  if (!wire::is_name(name) || name.find('/') != std::string::npos || name.starts_with('.'))
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

Result<std::map<std::string, std::string>> read_allow_list(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator files(folder, error);
  if (error) return fail(folder.string(), "the folder of keys cannot be read: " + error.message());
  std::map<std::string, std::string> names;
  Failure failure;
  for (const fs::directory_entry& entry : files) {
    if (entry.path().extension() != ".key") continue;
    const std::string name = entry.path().stem().string();
    const auto key = read_public_key(entry.path());
    if (!wire::is_name(name))
      failure.add(entry.path().string(), "its name is no worker's name");
    else if (!key)
      failure.add(key.error());
    else if (!names.emplace(*key, name).second)
      failure.add(entry.path().string(), "the key is listed twice");
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return names;
}

}  // namespace isocost::transport
