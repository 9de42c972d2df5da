#include "base/io/artifact_store.h"

#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "base/io/atomic_file.h"
#include "base/io/descriptor.h"
#include "base/io/hash_file.h"

namespace isocost::io {
namespace {

// Creates root/ab so that it is there after a crash.
void make_shelf(const std::filesystem::path& root, const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return;
  std::filesystem::create_directories(folder);
  sync_folder(root);
}

// What is no file makes way for one, under a name that tells where it lay; it is somebody's, so it
// is not removed.
void set_aside(const std::filesystem::path& place) {
  std::error_code ignored;
  const auto kind = std::filesystem::symlink_status(place, ignored).type();
  if (kind == std::filesystem::file_type::not_found || kind == std::filesystem::file_type::regular)
    return;
  for (int number = 1;; ++number) {
    const std::filesystem::path aside = place.string() + ".aside-" + std::to_string(number);
    if (std::filesystem::exists(std::filesystem::symlink_status(aside, ignored))) continue;
    std::filesystem::rename(place, aside);
    return;
  }
}

// Runs `write` and leaves in `had_no_room` whether it failed for that.
template <class Write>
Digest watching(std::atomic<bool>& had_no_room, const Write& write) {
  try {
    const Digest digest = write();
    had_no_room = false;
    return digest;
  } catch (const std::system_error& error) {
    had_no_room = is_no_room(error.code());
    throw;
  }
}

}  // namespace

bool is_no_room(const std::error_code& error) {
  return error == std::errc::no_space_on_device ||
         error == std::error_code(EDQUOT, std::generic_category());
}

ArtifactStore::ArtifactStore(std::filesystem::path root) : root_(std::move(root)) {
  std::filesystem::create_directories(root_);
}

std::filesystem::path ArtifactStore::path(const Digest& digest) const {
  const std::string hex = digest.hex();
  return root_ / hex.substr(0, 2) / hex.substr(2);
}

std::optional<std::uint64_t> ArtifactStore::size(const Digest& digest) const {
  std::error_code error;
  const auto file = path(digest);
  if (!std::filesystem::is_regular_file(file, error)) return std::nullopt;
  const auto bytes = std::filesystem::file_size(file, error);
  if (error) return std::nullopt;
  return bytes;
}

ArtifactStore::State ArtifactStore::state(const Digest& digest) const {
  std::error_code ignored;
  if (is_whole(digest)) return State::kWhole;
  if (has(digest)) return State::kDamaged;
  const bool is_there =
      std::filesystem::exists(std::filesystem::symlink_status(path(digest), ignored));
  return is_there ? State::kNoFile : State::kMissing;
}

bool ArtifactStore::has(const Digest& digest) const { return size(digest).has_value(); }

bool ArtifactStore::is_whole(const Digest& digest) const {
  const auto file = open_regular_file(path(digest));
  if (!file) return false;
  try {
    return hash_rest(file->descriptor, path(digest)) == digest;
  } catch (const std::system_error&) {
    return false;  // it cannot be read
  }
}

Digest ArtifactStore::put(std::string_view bytes) {
  return watching(*had_no_room_, [&] { return put_file(bytes); });
}

Digest ArtifactStore::adopt(const std::filesystem::path& source) {
  return watching(*had_no_room_, [&] { return adopt_file(source); });
}

Digest ArtifactStore::put_file(std::string_view bytes) {
  const Digest digest = sha256(bytes);
  const auto file = path(digest);
  make_shelf(root_, file.parent_path());
  if (size(digest) == bytes.size() && is_whole(digest)) {
    // Another process may have renamed it a moment ago and not yet made the name durable.
    sync_folder(file.parent_path());
    return digest;
  }
  set_aside(file);
  write_file_atomically(file, bytes);
  return digest;
}

Digest ArtifactStore::adopt_file(const std::filesystem::path& source) {
  auto open = open_regular_file(source);
  if (!open) throw std::system_error(ENOENT, std::generic_category(), open.error().message());
  const Digest digest = hash_rest(open->descriptor, source);
  const auto target = path(digest);
  make_shelf(root_, target.parent_path());
  if (size(digest) == open->bytes && is_whole(digest)) {
    sync_folder(target.parent_path());
    std::filesystem::remove(source);
    return digest;
  }
  sync_file(source);
  set_aside(target);
  std::error_code error;
  std::filesystem::rename(source, target, error);
  if (error == std::errc::cross_device_link) {
    // put() would need the bytes in memory; a copy beside the target keeps the rename.
    const auto beside = target.string() + "." + source.filename().string();
    std::filesystem::copy_file(source, beside, std::filesystem::copy_options::overwrite_existing);
    sync_file(beside);
    std::filesystem::rename(beside, target);
    std::filesystem::remove(source);
  } else if (error) {
    throw std::system_error(error, "cannot move " + source.string() + " to " + target.string());
  }
  sync_folder(target.parent_path());
  return digest;
}

Result<std::string> ArtifactStore::get(const Digest& digest) const {
  const auto file = path(digest);
  auto bytes = read_file(file, std::size_t{1} << 36);
  if (!bytes)
    return fail("artifact " + digest.name(),
                bytes.error().errors.front().what + " (" + file.string() + ")");
  if (sha256(*bytes) != digest) {
    return fail("artifact " + digest.name(),
                "the bytes of " + file.string() + " no longer match its name",
                "an unchanged file; isocost check --repair has it made again");
  }
  return bytes;
}

}  // namespace isocost::io
