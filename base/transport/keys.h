// Key pairs of CURVE: who may speak with whom outside loopback.
//
// `isocost keys generate --name NAME --out DIR` writes two files:
//   NAME.key      the public key: give it to the other side. Coordinator: a folder of the workers'
//   *.key is its allow
//                 list, and a file's name is the worker's name.
//   NAME.secret   both keys, readable by its owner alone (0600): it stays where it is.
// A pool of keys, NAME.keys, may lie there besides: base/transport/key_pool.h.
// Keys are written in Z85, 40 characters, one "public ..." or "secret ..." a line. Throws
// std::system_error on I/O faults. Thread: any.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"

namespace isocost::transport {

struct KeyPair {
  std::string public_key;  // Z85
  std::string secret_key;
};

[[nodiscard]] KeyPair generate_keys();

// Both files appear whole, by a rename that replaces nothing, so that who reads the folder
// meanwhile sees no half of one. Fails with: NAME is no plain name, a file is there already.
// Returns the public key.
[[nodiscard]] Result<std::string> write_keys(const std::filesystem::path& folder,
                                             const std::string& name);

// Fails with: unreadable, no key in it, a secret that others may read.
[[nodiscard]] Result<std::string> read_public_key(const std::filesystem::path& file);
[[nodiscard]] Result<KeyPair> read_secret(const std::filesystem::path& file);

struct AllowedKeys {
  std::map<std::string, std::string> names;  // public key -> name
  Failure faults;  // files that hold no key, or one that another file has: they count for nothing
  bool operator==(const AllowedKeys&) const = default;
};
inline constexpr const char* kKeyEnding = ".key";
inline constexpr const char* kPoolEnding = ".keys";
// Whether a file of the allow folder counts: *.key and *.keys that are not hidden.
[[nodiscard]] bool is_key_file(const std::filesystem::path& file);

// What the key files of the folder hold. One bad file costs the others nothing. Fails
// with: the folder cannot be read.
[[nodiscard]] Result<AllowedKeys> read_allow_list(const std::filesystem::path& folder);

}  // namespace isocost::transport
