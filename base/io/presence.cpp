#include "base/io/presence.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

namespace isocost::io {
namespace {

namespace fs = std::filesystem;

bool is_absence(int reason) { return reason == ENOENT || reason == ENOTDIR; }

tl::unexpected<Failure> cannot_look(const fs::path& path, int reason) {
  return fail(path.string(), std::string("this cannot be looked at: ") + std::strerror(reason));
}

// What lies there, links followed; absent when nothing does.
Result<std::optional<mode_t>> kind_of(const fs::path& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) == 0) return about.st_mode;
  const int reason = errno;
  if (!is_absence(reason)) return cannot_look(path, reason);
  if (::lstat(path.c_str(), &about) != 0)
    return is_absence(errno) ? Result<std::optional<mode_t>>(std::nullopt)
                             : cannot_look(path, errno);
  std::error_code ignored;
  return fail(
      path.string(),
      "this is a link to " + fs::read_symlink(path, ignored).string() + ", which is missing",
      "what it should lead to, or no link");
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

const char* kind_name(mode_t mode) {
  if (S_ISREG(mode)) return "a file";
  return S_ISDIR(mode) ? "a folder" : "neither file nor folder";
}

}  // namespace

Result<bool> has_file(const fs::path& file) {
  const auto mode = kind_of(file);
  if (!mode) return fail(mode.error());
  if (!*mode) return false;
  if (S_ISREG(**mode)) return true;
  return fail(file.string(), std::string("this is ") + kind_name(**mode), "a file, or nothing");
}

Result<bool> has_folder(const fs::path& folder) {
  const auto mode = kind_of(folder);
  if (!mode) return fail(mode.error());
  if (!*mode) return false;
  if (S_ISDIR(**mode)) return true;
  return fail(folder.string(), std::string("this is ") + kind_name(**mode), "a folder, or nothing");
}

Result<void> must_exist(const fs::path& path, const std::string& expected) {
  const auto mode = kind_of(path);
  if (!mode) return fail(mode.error());
  if (!*mode) return fail(path.string(), "this is missing", expected);
  return {};
}

Result<std::vector<std::string>> names_in(const fs::path& folder) {
  const auto is_there = has_folder(folder);
  if (!is_there) return fail(is_there.error());
  if (!*is_there) return fail(folder.string(), "the folder is missing");
  const std::unique_ptr<DIR, CloseFolder> open(::opendir(folder.c_str()));
  if (!open)
    return fail(folder.string(), std::string("the folder cannot be read: ") + std::strerror(errno));
  std::vector<std::string> names;
  for (errno = 0; const dirent* entry = ::readdir(open.get()); errno = 0) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0)
    return fail(folder.string(), std::string("the folder cannot be read: ") + std::strerror(errno));
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> make_folder(const fs::path& folder) {
  std::error_code error, ignored;
  fs::create_directories(folder, error);
  if (fs::is_directory(folder, ignored)) return {};
  if (fs::exists(folder, ignored))
    return fail(folder.string(), "this is a file", "a folder for the output, there or not yet");
  return fail(folder.string(), "the folder cannot be made: " + error.message(),
              "a folder of yours, there or not yet");
}

}  // namespace isocost::io
