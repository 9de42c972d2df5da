// Keys of many workers out of one secret, for what starts the same command many times: the tasks of
// a Slurm array, the replicas of a container.
//
// `isocost keys pool NAME --count N --out DIR` writes two files:
//   NAME.secret  the pool's secret, readable by its owner alone: every worker reads it and takes
//                the key of its number (`isocost-worker serve --key NAME.secret --key-number 17`)
//   NAME.keys    the public keys, a line "NUMBER KEY" each, for the coordinator's allow folder,
//                where they mean the workers NAME-1 to NAME-N. Taking a line out ends that one.
// The secret key of number i is SHA-256("isocost key pool\n" SECRET "\n" i), of which CURVE takes
// any 32 bytes: who has the secret has all keys of the pool, and nobody else has one. Throws
// std::system_error on I/O faults. Thread: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/transport/keys.h"

namespace isocost::transport {

inline constexpr std::int64_t kPoolKeysMax = 10'000;

// Both files appear whole and replace nothing. Fails with: NAME is no plain name, a count outside
// 1 to kPoolKeysMax, a file that is there already.
[[nodiscard]] Result<void> write_pool(const std::filesystem::path& folder, const std::string& name,
                                      std::int64_t count);

// The key of a number. Fails with: unreadable, others may read it, no pool's secret, a number that
// the pool has not.
[[nodiscard]] Result<KeyPair> read_pool_key(const std::filesystem::path& secret_file,
                                            std::int64_t number);

struct PoolKeys {
  std::vector<std::pair<std::string, std::string>> names;  // public key, name: by number
  Failure faults;  // lines that hold no number and key, or a number that another one has
};
// Fails with: unreadable, or larger than a pool can be.
[[nodiscard]] Result<PoolKeys> read_pool_list(const std::filesystem::path& file);

}  // namespace isocost::transport
