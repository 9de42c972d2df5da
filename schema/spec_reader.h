// What the readers of specs and of units share, for the sources of schema/ alone: ranges, lists,
// texts, digests, and the end of a reading. Pure, any thread.
#pragma once

#include <map>
#include <string>

#include "base/digest.h"
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

[[nodiscard]] inline std::map<std::string, std::string> text_map(JsonReader& reader,
                                                                 const std::string& key) {
  std::map<std::string, std::string> map;
  const Json& object = reader.raw(key);
  if (!object.is_object()) {
    reader.fault(key, "this is missing or no object", "an object of texts");
    return map;
  }
  for (const auto& [name, value] : object.items()) {
    if (value.is_string())
      map.emplace(name, value.get<std::string>());
    else
      reader.fault(key, "'" + name + "' is no text", "a text");
  }
  return map;
}

[[nodiscard]] inline Json object_from(JsonReader& reader, const std::string& key) {
  Json value = reader.get<Json>(key);
  if (!value.is_object()) reader.fault(key, "this is no object", "an object");
  return value;
}

inline void check_digest(JsonReader& reader, const std::string& key, const std::string& text,
                         bool may_be_empty) {
  if (text.empty() && may_be_empty) return;
  if (!Digest::parse(text))
    reader.fault(key, "'" + text + "' is no digest", "sha256: and 64 hexadecimal digits");
}

}  // namespace isocost
