#include "base/io/hash_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <system_error>
#include <vector>

#include "base/io/atomic_file.h"

namespace isocost::io {
namespace {

// What tells one state of a file from another. The change time cannot be set back by a user, the
// others can.
std::string state_of(const std::filesystem::path& file, const struct stat& about) {
  const auto time = [](const struct timespec& t) {
    return std::to_string(t.tv_sec) + "." + std::to_string(t.tv_nsec);
  };
  return file.string() + '\n' + std::to_string(about.st_dev) + ' ' + std::to_string(about.st_ino) +
         ' ' + std::to_string(about.st_size) + ' ' + time(about.st_mtim) + ' ' +
         time(about.st_ctim);
}

// Whether the file's last change lies so far back that another one would show in its time.
bool has_settled(const struct stat& about, std::time_t now) {
  constexpr std::time_t kSecondsMin = 3;
  return about.st_ctim.tv_sec + kSecondsMin < now && about.st_mtim.tv_sec + kSecondsMin < now;
}

std::optional<Digest> remembered(const std::filesystem::path& entry) {
  const auto text = read_file(entry, 128);
  if (!text || text->size() != 65 || text->back() != '\n') return std::nullopt;
  return Digest::parse(std::string_view(*text).substr(0, 64));
}

// A cache that cannot be written is no fault: the file is read again next time. Nor need it survive
// a crash, hence no fsync; a torn entry is not 65 bytes long and counts as absent.
void remember(const std::filesystem::path& entry, const Digest& digest) {
  std::error_code error;
  std::filesystem::create_directories(entry.parent_path(), error);
  const std::filesystem::path temporary = entry.string() + "." + std::to_string(::getpid());
  {
    std::ofstream file(temporary, std::ios::binary);
    file << digest.hex() << '\n';
    if (!file.flush()) {
      std::filesystem::remove(temporary, error);
      return;
    }
  }
  std::filesystem::rename(temporary, entry, error);
  if (error) std::filesystem::remove(temporary, error);
}

}  // namespace

Digest hash_rest(const Descriptor& file, const std::filesystem::path& name) {
  Sha256 hash;
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  while (const std::size_t n = read_some(file, buffer, name))
    hash.update(std::span(buffer).first(n));
  return hash.finish();
}

std::optional<std::filesystem::path> digest_cache_folder() {
  const auto from = [](const char* variable) -> std::filesystem::path {
    const char* value = std::getenv(variable);
    return value == nullptr ? "" : value;
  };
  // The specification of XDG_CACHE_HOME says that relative paths are to be ignored.
  if (const auto cache = from("XDG_CACHE_HOME"); cache.is_absolute())
    return cache / "isocost/digests";
  if (const auto home = from("HOME"); home.is_absolute()) return home / ".cache/isocost/digests";
  return std::nullopt;
}

Result<Digest> hash_file(const std::filesystem::path& file,
                         const std::optional<std::filesystem::path>& cache, std::time_t now) try {
  auto open = open_regular_file(file);
  if (!open) return fail(std::move(open.error()));
  struct stat before{}, after{};
  if (::fstat(open->descriptor.get(), &before) != 0) throw_system_error("cannot read", file);
  std::error_code error;
  const auto canonical_path = std::filesystem::canonical(file, error);
  const std::string state = state_of(canonical_path, before);
  const bool is_cached =
      cache && !error && open->bytes >= kCachedBytesMin && has_settled(before, now);
  std::filesystem::path entry;
  if (is_cached) {
    const std::string key = sha256(state).hex();
    entry = *cache / key.substr(0, 2) / key.substr(2);
    if (const auto digest = remembered(entry)) return *digest;
  }
  const Digest digest = hash_rest(open->descriptor, file);
  if (::fstat(open->descriptor.get(), &after) != 0) throw_system_error("cannot read", file);
  if (state != state_of(canonical_path, after))
    return fail(file.string(), "the file changed while it was read");
  if (is_cached) remember(entry, digest);
  return digest;
} catch (const std::system_error& error) {
  return fail(file.string(), std::string("the file cannot be read: ") + error.code().message());
}

}  // namespace isocost::io
