// Small helpers that config.cpp and clip_config.cpp share: limits and checks on outside numbers.
// Internal to the folder.
#pragma once

#include <string>

#include "base/json_reader.h"
#include "schema/arch/config_keys.h"

namespace isocost::arch {

// Beyond these a configuration is not a model but a mistake or an attack.
inline constexpr std::int64_t kWidthMax = 1 << 16;
inline constexpr std::int64_t kLayersMax = 128;
inline constexpr std::int64_t kBlocksMax = 16;
inline constexpr std::int64_t kVocabularyMax = 1 << 22;

// A whole number of `low` to `high`, or `fallback` where the key is absent.
inline std::int64_t bounded(JsonReader& reader, const std::string& key, std::int64_t fallback,
                            std::int64_t low, std::int64_t high) {
  const auto value = reader.get_or<std::int64_t>(key, fallback);
  if (value >= low && value <= high) return value;
  reader.fault(key, "this is " + std::to_string(value),
               "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  return fallback;
}

inline double positive(JsonReader& reader, const std::string& key, double fallback) {
  const auto value = reader.get_or<double>(key, fallback);
  if (value > 0 && value < 1e6) return value;
  reader.fault(key, "this is " + number_shown(value), "a number above 0");
  return fallback;
}

// Faults a key that is there with a value other than null and the ones this engine computes.
inline void supported(JsonReader& reader, const std::string& key,
                      const std::vector<Json>& allowed) {
  if (!reader.has(key)) return;
  const Json& value = reader.raw(key);
  if (value.is_null()) return;
  std::string expected;
  for (const Json& one : allowed) {
    if (one == value) return;
    expected += (expected.empty() ? "" : " or ") + canonical(one);
  }
  reader.fault(key,
               "this is " + canonical(value).substr(0, 60) + ", which this engine does not compute",
               expected.empty() ? "null" : expected);
}

// Of the keys that nothing asked for, those that may mean something. To be called last.
inline std::vector<std::string> unknown_keys(const JsonReader& reader, ConfigFile file) {
  auto keys = reader.unread();
  std::erase_if(keys, [&](const std::string& key) { return is_without_effect(file, key); });
  return keys;
}

}  // namespace isocost::arch
