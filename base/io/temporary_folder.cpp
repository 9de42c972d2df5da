#include "base/io/temporary_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <system_error>

namespace isocost::io {

TemporaryFolder::TemporaryFolder(const std::string& purpose) {
  std::string name =
      (std::filesystem::temp_directory_path() / ("isocost-" + purpose + "-XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace isocost::io
