// Artifacts by content: a folder of files named by their SHA-256, <root>/ab/cdef... Written once,
// never changed.
//
// put() makes a file durable (fsync of file and folder) before it returns, so a result may name it
// afterwards; writing what is there already is free. Several processes may share one root (a shared
// folder): files appear by rename. Throws std::system_error on I/O faults (disk full). Thread: any;
// methods may run at once.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "schema/digest.h"
#include "schema/result.h"

namespace isocost::io {

class ArtifactStore {
 public:
  explicit ArtifactStore(std::filesystem::path root);

  Digest put(std::string_view bytes);
  // Moves a finished file in after its digest was computed; the source is gone afterwards.
  Digest adopt(const std::filesystem::path& file);
  [[nodiscard]] bool has(const Digest& digest) const;
  [[nodiscard]] std::filesystem::path path(
      const Digest& digest) const;  // where it lies or would lie
  // Fails with: the artifact is missing, or its bytes no longer match its name.
  [[nodiscard]] Result<std::string> get(const Digest& digest) const;
  [[nodiscard]] std::optional<std::uint64_t> size(const Digest& digest) const;
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
};

}  // namespace isocost::io
