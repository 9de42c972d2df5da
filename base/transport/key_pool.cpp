#include "base/transport/key_pool.h"

#include <zmq.h>

#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>

#include "base/check.h"
#include "base/digest.h"
#include "base/io/atomic_file.h"
#include "base/transport/key_files.h"

namespace isocost::transport {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kListBytesMax = 1 << 20;

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number < 1 || number > kPoolKeysMax) return std::nullopt;
  return number;
}

KeyPair key_of(const std::string& secret, std::int64_t number) {
  const Digest digest = sha256("isocost key pool\n" + secret + "\n" + std::to_string(number));
  std::array<char, kKeyCharacters + 1> public_key{}, secret_key{};
  zmq_z85_encode(secret_key.data(), digest.bytes.data(), digest.bytes.size());
  ISOCOST_CHECK(zmq_curve_public(public_key.data(), secret_key.data()) == 0,
                "libzmq was built with CURVE");
  return {public_key.data(), secret_key.data()};
}

}  // namespace

Result<void> write_pool(const fs::path& folder, const std::string& name, std::int64_t count) {
  Failure failure;
  if (!is_key_name(name))
    failure.add(name, "this is no name for keys", "letters, digits, '-', '_' and '.'");
  if (count < 1 || count > kPoolKeysMax)
    failure.add("count", "a pool of " + std::to_string(count) + " keys",
                "1 to " + std::to_string(kPoolKeysMax));
  if (!failure.is_empty()) return fail(std::move(failure));
  fs::create_directories(folder);
  const fs::path secret_file = folder / (name + ".secret"), list_file = folder / (name + ".keys");
  for (const fs::path& file : {secret_file, list_file}) {
    if (fs::exists(file))
      return fail(file.string(), "the file is there already",
                  "a new name: keys are never overwritten");
  }
  const std::string secret = generate_keys().secret_key;
  std::string list;
  for (std::int64_t number = 1; number <= count; ++number)
    list += std::to_string(number) + " " + key_of(secret, number).public_key + "\n";
  write_new_file(secret_file, "pool " + secret + "\ncount " + std::to_string(count) + "\n", 0600);
  write_new_file(list_file, list, 0644);
  return {};
}

Result<KeyPair> read_pool_key(const fs::path& secret_file, std::int64_t number) {
  const auto text = read_secret_file(secret_file);
  if (!text) return fail(text.error());
  const auto secret = line_value(*text, "pool"), count_text = line_value(*text, "count");
  const auto count = count_text ? number_of(*count_text) : std::nullopt;
  if (!secret || !is_key(*secret) || !count)
    return fail(secret_file.string(), "there is no pool of keys in it",
                line_value(*text, "secret")
                    ? "no --key-number, for this is the secret of one worker"
                    : "the lines 'pool' and 'count', as isocost keys pool writes them");
  if (number < 1 || number > *count)
    return fail(secret_file.string(), "the pool has no key " + std::to_string(number),
                "a number from 1 to " + *count_text);
  return key_of(*secret, number);
}

Result<PoolKeys> read_pool_list(const fs::path& file) {
  const auto text = io::read_file(file, kListBytesMax);
  if (!text) return fail(text.error());
  PoolKeys keys;
  std::set<std::int64_t> numbers;
  std::istringstream lines(*text);
  std::string line;
  for (std::size_t at = 1; std::getline(lines, line); ++at) {
    std::istringstream words(line);
    std::string number_text, key, more;
    if (!(words >> number_text) || number_text.starts_with('#')) continue;
    words >> key >> more;
    const auto number = number_of(number_text);
    const std::string where = file.string() + ":" + std::to_string(at);
    if (!number || !is_key(key) || !more.empty())
      keys.faults.add(where, "there is no key in this line",
                      "a number and 40 characters, as isocost keys pool writes it");
    else if (!numbers.insert(*number).second)
      keys.faults.add(where, "another line has the number " + number_text);
    else
      keys.names.emplace_back(key, file.stem().string() + "-" + number_text);
  }
  if (keys.names.empty() && keys.faults.is_empty())
    keys.faults.add(file.string(), "there is no key in it",
                    "lines as isocost keys pool writes them");
  return keys;
}

}  // namespace isocost::transport
