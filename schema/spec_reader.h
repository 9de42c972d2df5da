// What the readers of specs and of units share, for the sources of schema/ alone: ranges, lists,
// and the end of a reading. Pure, any thread.
#pragma once

#include "base/json_reader.h"
#include "schema/spec.h"

namespace isocost {

inline constexpr std::uint64_t kImagesMax = 1ULL << 40;

// [begin, end)
[[nodiscard]] inline ImageRange range_from(JsonReader& reader, const std::string& key) {
  const auto ends = reader.get<std::vector<std::uint64_t>>(key);
  if (!reader.ok()) return {};
  if (ends.size() != 2 || ends[0] > ends[1] || ends[1] > kImagesMax) {
    reader.fault(key, "this is no range of images", "[begin, end] with begin <= end");
    return {};
  }
  return {ends[0], ends[1]};
}

template <class T>
Result<T> finished(JsonReader& reader, T value) {
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  return value;
}

template <class T, class Parse>
std::vector<T> list_from(JsonReader& reader, const std::string& key, Parse parse) {
  std::vector<T> list;
  const Json& array = reader.raw(key);
  if (!array.is_array()) {
    reader.fault(key, "this is missing or no list", "a list");
    return list;
  }
  for (std::size_t i = 0; i < array.size(); ++i)
    list.push_back(
        reader.take(parse(array[i], reader.where() + "." + key + "[" + std::to_string(i) + "]")));
  return list;
}

}  // namespace isocost
