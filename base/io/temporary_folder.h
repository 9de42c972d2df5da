// A folder that is gone with the object, with all that is in it.
//
//   const TemporaryFolder folder("calibrate");       // /tmp/isocost-calibrate-a8Xk2p
//   write_file_atomically(folder.path() / "request.json", text);
//
// Nobody else may read it. Throws std::system_error where none can be made. Thread: one.
#pragma once

#include <filesystem>
#include <string>

namespace isocost::io {

class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& purpose);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace isocost::io
