#include "base/io/picture_set.h"

#include <system_error>
#include <vector>

#include "base/io/atomic_file.h"
#include "base/io/for_each_of.h"
#include "base/io/inputs.h"
#include "base/io/item_files.h"
#include "base/io/picture.h"
#include "base/json.h"

namespace isocost::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kEntryBytesMax = std::size_t{1} << 20;

struct Look {
  int width = 0, height = 0;
  Failure failure;
};

Look look_at(const fs::path& file) try {
  const auto picture = read_picture(file);
  if (!picture) return {0, 0, picture.error()};
  return {picture->width, picture->height, {}};
} catch (const std::system_error& error) {
  Failure failure;
  failure.add(file.string(), "the file cannot be read: " + error.code().message());
  return {0, 0, std::move(failure)};
}

std::vector<Look> look_at_all(const std::vector<fs::path>& files) {
  std::vector<Look> looks(files.size());
  for_each_of(files.size(), [&](std::size_t i) { looks[i] = look_at(files[i]); });
  return looks;
}

Failure faults_of(const std::vector<Look>& looks, const fs::path& folder) {
  ManyFaults faults;
  for (const Look& look : looks) faults.add(look.failure);
  return faults.take(folder.string(), "more pictures cannot be read",
                     "pictures, or other folders for what is none");
}

fs::path entry_of(const fs::path& cache, const Digest& digest) {
  return cache.parent_path() / "pictures" / (digest.hex() + ".json");
}

// [[width, height, "first name"], ...] as it was found once; nothing where it was not.
std::optional<std::map<std::pair<int, int>, std::string>> remembered(const fs::path& entry) {
  const auto text = read_file(entry, kEntryBytesMax);
  const auto json = text ? parse_json(*text, entry.string()) : Result<Json>(Json());
  if (!json || !json->is_array() || json->empty()) return std::nullopt;
  std::map<std::pair<int, int>, std::string> sizes;
  for (const Json& one : *json) {
    const bool fits = one.is_array() && one.size() == 3 && one[0].is_number_integer() &&
                      one[1].is_number_integer() && one[2].is_string();
    if (!fits) return std::nullopt;
    sizes[{one[0].get<int>(), one[1].get<int>()}] = one[2].get<std::string>();
  }
  return sizes;
}

// A cache that cannot be written is no fault: the pictures are looked at again next time.
void remember(const fs::path& entry, const std::map<std::pair<int, int>, std::string>& sizes) {
  Json json = Json::array();
  for (const auto& [size, name] : sizes) json.push_back({size.first, size.second, name});
  std::error_code error;
  fs::create_directories(entry.parent_path(), error);
  try {
    const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (!error && text.size() <= kEntryBytesMax) write_file_atomically(entry, text);
  } catch (const std::system_error&) {
    return;
  }
}

}  // namespace

Result<PictureSet> read_picture_set(const fs::path& folder, const std::optional<fs::path>& cache) {
  const auto files = picture_files(folder);
  if (!files) return fail(files.error());
  const auto digest = input_digest(folder);
  if (!digest) return fail(digest.error());
  PictureSet set{*digest, files->size(), pictures_below(folder), {}};
  if (cache) {
    if (auto sizes = remembered(entry_of(*cache, *digest))) {
      set.sizes = std::move(*sizes);
      return set;
    }
  }
  const auto looks = look_at_all(*files);
  if (Failure failure = faults_of(looks, folder); !failure.is_empty())
    return fail(std::move(failure));
  for (std::size_t i = 0; i < looks.size(); ++i)
    set.sizes.try_emplace({looks[i].width, looks[i].height}, (*files)[i].filename().string());
  if (cache) remember(entry_of(*cache, *digest), set.sizes);
  return set;
}

}  // namespace isocost::io
