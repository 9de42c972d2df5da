#include "base/transport/keys.h"

#include <zmq.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/check.h"
#include "base/io/atomic_file.h"
#include "base/text.h"
#include "base/transport/key_files.h"
#include "base/transport/key_pool.h"

namespace isocost::transport {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kKeyFileBytesMax = 4096;

std::optional<std::string> key_in(const std::string& text, std::string_view word) {
  auto key = line_value(text, word);
  return key && is_key(*key) ? key : std::nullopt;
}

}  // namespace

KeyPair generate_keys() {
  std::array<char, kKeyCharacters + 1> public_key{}, secret_key{};
  ISOCOST_CHECK(zmq_curve_keypair(public_key.data(), secret_key.data()) == 0,
                "libzmq was built with CURVE");
  return {public_key.data(), secret_key.data()};
}

Result<std::string> write_keys(const fs::path& folder, const std::string& name) {
  if (!is_key_name(name))
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
  if (auto key = key_in(*text, "public")) return std::move(*key);
  return fail(file.string(), "there is no public key in it",
              "a line 'public' with 40 characters, as isocost keys writes it");
}

Result<KeyPair> read_secret(const fs::path& file) {
  const auto text = read_secret_file(file);
  if (!text) return fail(text.error());
  auto public_key = key_in(*text, "public"), secret_key = key_in(*text, "secret");
  if (public_key && secret_key) return KeyPair{*public_key, *secret_key};
  return fail(file.string(), "there is no key pair in it",
              line_value(*text, "pool")
                  ? "--key-number: this is the secret of a pool of keys"
                  : "the lines 'public' and 'secret', as isocost keys writes them");
}

namespace {

// The keys of one file of the allow folder, whatever its kind.
PoolKeys keys_of(const fs::path& file) {
  PoolKeys keys;
  try {  // a disk that cannot read one file may have the others
    if (file.extension() == kPoolEnding) {
      auto pool = read_pool_list(file);
      if (pool) return std::move(*pool);
      keys.faults.add(pool.error());
    } else if (const auto key = read_public_key(file)) {
      keys.names.emplace_back(*key, file.stem().string());
    } else {
      keys.faults.add(key.error());
    }
  } catch (const std::system_error& error) {
    keys.faults.add(file.string(), "the file cannot be read: " + error.code().message());
  }
  return keys;
}

}  // namespace

bool is_key_file(const fs::path& file) {
  return (file.extension() == kKeyEnding || file.extension() == kPoolEnding) &&
         !file.filename().string().starts_with('.');
}

Result<AllowedKeys> read_allow_list(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_key_file(entry->path())) files.push_back(entry->path());
  }
  if (error) return fail(folder.string(), "the folder of keys cannot be read: " + error.message());
  std::sort(files.begin(), files.end());  // which of two is the second must not depend on chance
  AllowedKeys allowed;
  std::map<std::string, fs::path> files_of_names;
  for (const fs::path& file : files) {
    if (!is_name(file.stem().string())) {
      allowed.faults.add(file.string(), "its name is no worker's name");
      continue;
    }
    const PoolKeys keys = keys_of(file);
    // Gone since it was listed; a link to nowhere is still there.
    std::error_code gone;
    if (fs::symlink_status(file, gone).type() == fs::file_type::not_found) continue;
    allowed.faults.add(keys.faults);
    for (const auto& [key, name] : keys.names) {
      const auto [owner, is_new_name] = files_of_names.emplace(name, file);
      if (!is_new_name)
        allowed.faults.add(file.string(), "a worker of the name " + name + " is in " +
                                              owner->second.filename().string());
      else if (const auto [first, is_new] = allowed.names.emplace(key, name); !is_new)
        allowed.faults.add(file.string(), "it holds the key of " + first->second);
    }
  }
  return allowed;
}

}  // namespace isocost::transport
