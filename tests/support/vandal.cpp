#include "tests/support/vandal.h"

#include <algorithm>
#include <fstream>

namespace isocost::testing {
namespace {

namespace fs = std::filesystem;

// An artifact lies in ab/cdef..., named by 64 digits; what is being written has another name until
// it is whole.
bool is_artifact(const fs::path& file) {
  return file.parent_path().filename().string().size() == 2 &&
         file.filename().string().size() == 62;
}

// JSON lines; rows and references are safetensors, pictures PNG.
bool is_prompts(const fs::path& file) {
  return std::ifstream(file, std::ios::binary).peek() == '{';
}
bool is_picture(const fs::path& file) {
  return std::ifstream(file, std::ios::binary).peek() == 0x89;
}

bool flip_a_bit(const fs::path& file, std::uintmax_t at) {
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  char byte = 0;
  stream.seekg(static_cast<std::streamoff>(at));
  if (!stream.get(byte)) return false;
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(static_cast<char>(byte ^ 1));
  return stream.good();
}

}  // namespace

bool Vandal::strike(Prey prey) {
  const std::vector<fs::path> files = victims(prey);
  if (files.empty()) return false;
  const fs::path& file = files[chance_() % files.size()];
  std::error_code gone;
  const auto bytes = fs::file_size(file, gone);
  if (gone || bytes == 0) return false;
  switch (chance_() % 3) {
    case 0:
      return fs::remove(file, gone);
    case 1:
      fs::resize_file(file, chance_() % bytes, gone);
      return !gone;
    default:
      return flip_a_bit(file, chance_() % bytes);
  }
}

std::vector<fs::path> Vandal::victims(Prey prey) const {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator folder(store_, error), end; !error && folder != end;
       folder.increment(error)) {
    std::error_code inner;
    for (fs::directory_iterator file(folder->path(), inner), last; !inner && file != last;
         file.increment(inner))
      if (is_artifact(file->path()) && !is_prompts(file->path()) &&
          (prey == Prey::kAny || !is_picture(file->path())))
        found.push_back(file->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace isocost::testing
