// Artifacts by content: a folder of files named by their SHA-256, <root>/ab/cdef... Written once,
// never changed.
//
// put() makes a file durable (fsync of file and folder) before it returns, so a result may name it
// afterwards; writing what is there already reads it, and writes it anew where it is damaged. What
// lies in its place and is no file (a folder, a link) is set aside as NAME.aside-N.
// Several processes may share one root (a shared folder): files appear by rename. Throws
// std::system_error on I/O faults (disk full). Thread: any; methods may run at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "base/digest.h"
#include "base/result.h"

namespace isocost::io {

// A full disk or a used up quota.
[[nodiscard]] bool is_no_room(const std::error_code& error);

class ArtifactStore {
 public:
  explicit ArtifactStore(std::filesystem::path root);

  Digest put(std::string_view bytes);
  // Moves a finished file in after its digest was computed; the source is gone afterwards.
  Digest adopt(const std::filesystem::path& file);
  // Something lies there; whether it is whole only is_whole() tells.
  [[nodiscard]] bool has(const Digest& digest) const;
  // It is there and its bytes are those of its name: all of it is read.
  [[nodiscard]] bool is_whole(const Digest& digest) const;
  enum class State : int { kWhole, kDamaged, kMissing, kNoFile };  // kNoFile: a folder, a link
  [[nodiscard]] State state(const Digest& digest) const;
  [[nodiscard]] std::filesystem::path path(
      const Digest& digest) const;  // where it lies or would lie
  // Fails with: the artifact is missing, or its bytes no longer match its name.
  [[nodiscard]] Result<std::string> get(const Digest& digest) const;
  [[nodiscard]] std::optional<std::uint64_t> size(const Digest& digest) const;
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  // Whether the last put() or adopt() failed for want of room: then nobody but the disk is to
  // blame.
  [[nodiscard]] bool had_no_room() const { return *had_no_room_; }

 private:
  Digest put_file(std::string_view bytes);
  Digest adopt_file(const std::filesystem::path& source);

  std::filesystem::path root_;
  // Behind a pointer, so that a store can be moved.
  std::shared_ptr<std::atomic<bool>> had_no_room_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace isocost::io
