// Reads the members of one JSON object into typed values and collects every fault on the way.
//
//   JsonReader reader(json, "lease body");
//   spec.seed = reader.get<std::uint64_t>("seed");
//   spec.note = reader.get_or<std::string>("note", "");
//   reader.finish();                       // faults members that nobody asked for
//   if (!reader.ok()) return fail(reader.take());
//
// Absent and null differ: get and get_or take null as a wrong type; use has() and raw() where null
// means something. Thread: one. Never throws on outside data.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/json.h"

namespace isocost {

class JsonReader {
 public:
  JsonReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object())
      failure_.add(where_, std::string("this is ") + object_.type_name(), "an object");
  }

  [[nodiscard]] bool has(const std::string& key) {
    seen_.insert(key);
    return object_.is_object() && object_.contains(key);
  }

  // The member, or null when it is absent.
  [[nodiscard]] const Json& raw(const std::string& key) {
    static const Json kNull;
    return has(key) ? object_.at(key) : kNull;
  }

  template <class T>
  [[nodiscard]] T get(const std::string& key) {
    if (!has(key)) {
      if (object_.is_object())
        failure_.add(where_, "the member '" + key + "' is missing", expected_text<T>());
      return T{};
    }
    return convert<T>(object_.at(key), where_ + "." + key);
  }

  template <class T>
  [[nodiscard]] T get_or(const std::string& key, T fallback) {
    return has(key) ? convert<T>(object_.at(key), where_ + "." + key) : std::move(fallback);
  }

  // Takes the value of a nested parse, or its faults.
  template <class T>
  [[nodiscard]] T take(Result<T> result) {
    if (result) return std::move(*result);
    failure_.add(result.error());
    return T{};
  }

  void fault(const std::string& key, std::string what, std::string expected = {}) {
    failure_.add(where_ + "." + key, std::move(what), std::move(expected));
  }

  // Members that were neither read nor asked for.
  [[nodiscard]] std::vector<std::string> unread() const {
    std::vector<std::string> keys;
    if (!object_.is_object()) return keys;
    for (const auto& [key, unused] : object_.items())
      if (!seen_.contains(key)) keys.push_back(key);
    return keys;
  }

  // Faults every one of them.
  void finish() {
    for (const auto& key : unread()) failure_.add(where_, "the member '" + key + "' is unknown");
  }

  [[nodiscard]] bool ok() const { return failure_.is_empty(); }
  [[nodiscard]] Failure take() { return std::move(failure_); }
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  template <class T>
  static std::string expected_text() {
    if constexpr (std::is_same_v<T, bool>)
      return "true or false";
    else if constexpr (std::is_integral_v<T> && std::is_unsigned_v<T>)
      return "a whole number from 0";
    else if constexpr (std::is_integral_v<T>)
      return "a whole number";
    else if constexpr (std::is_floating_point_v<T>)
      return "a number";
    else if constexpr (std::is_same_v<T, std::string>)
      return "a text";
    else if constexpr (std::is_same_v<T, Json>)
      return "a value";
    else
      return "a list";
  }

  template <class T>
  T convert(const Json& value, const std::string& where) {
    if constexpr (std::is_same_v<T, Json>) {
      return value;
    } else if constexpr (std::is_same_v<T, bool>) {
      if (value.is_boolean()) return value.get<bool>();
    } else if constexpr (std::is_integral_v<T>) {
      if (value.is_number_unsigned()) {
        const auto n = value.get<std::uint64_t>();
        if (n <= static_cast<std::uint64_t>(std::numeric_limits<T>::max()))
          return static_cast<T>(n);
      } else if (value.is_number_integer()) {
        const auto n = value.get<std::int64_t>();
        if (std::is_signed_v<T> && n >= static_cast<std::int64_t>(std::numeric_limits<T>::min()) &&
            n <= static_cast<std::int64_t>(std::numeric_limits<T>::max()))
          return static_cast<T>(n);
      }
    } else if constexpr (std::is_floating_point_v<T>) {
      if (value.is_number()) {
        const double number = value.get<double>();
        if (std::abs(number) <= static_cast<double>(std::numeric_limits<T>::max()))
          return static_cast<T>(number);
      }
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (value.is_string()) return value.get<std::string>();
    } else {
      if (value.is_array()) {
        T list;
        list.reserve(value.size());
        for (std::size_t i = 0; i < value.size(); ++i)
          list.push_back(
              convert<typename T::value_type>(value[i], where + "[" + std::to_string(i) + "]"));
        return list;
      }
    }
    failure_.add(where, "this is " + canonical(value).substr(0, 60), expected_text<T>());
    return T{};
  }

  const Json& object_;
  std::string where_;
  std::set<std::string> seen_;
  Failure failure_;
};

}  // namespace isocost
