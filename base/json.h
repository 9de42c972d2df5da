// JSON as isocost uses it: nlohmann's value type, canonical text (RFC 8785) for keys, and a checked
// parser.
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/digest.h"
#include "base/result.h"

namespace isocost {

// Objects are ordered by key, so equal values print equal text.
using Json = nlohmann::json;

// RFC 8785: keys sorted by UTF-16 code units, numbers as ECMAScript prints them, no white space.
// Integers beyond 2^53 are refused by the RFC; they print in full here, since our seeds and counts
// are exact 64-bit integers. Requires: no NaN and no infinity (checked: they have no JSON form and
// our specs never hold one).
[[nodiscard]] std::string canonical(const Json& value);
// The canonical text of an object whose members' canonical texts are known.
// Requires: keys of plain ASCII letters, in their order.
[[nodiscard]] std::string canonical_object(
    std::initializer_list<std::pair<std::string_view, std::string_view>> members);

// SHA-256 of the canonical text.
[[nodiscard]] Digest canonical_digest(const Json& value);

// A double as ECMAScript's Number.prototype.toString prints it: shortest text that reads back the
// same.
[[nodiscard]] std::string number_text(double value);
// The same for a sentence to a person: whatever the value is, NaN and Infinity included.
[[nodiscard]] std::string number_shown(double value);

// What a text may make of memory. A value takes up to 100 bytes beside its own text.
struct JsonLimits {
  int depth_max = 64;
  std::size_t values_max = std::numeric_limits<std::size_t>::max();
};

// Fails with: "where:line:column: ..." when the text is not JSON, holds a number beyond a double,
// repeats a key of one object, is nested too deeply or has too many values. Never throws on outside
// data, and stops at the first fault. What it gives can be printed again: no number in it is
// infinite, and its texts are UTF-8.
[[nodiscard]] Result<Json> parse_json(std::string_view text, const std::string& where,
                                      const JsonLimits& limits = {});

// The same of a text that is larger than memory should hold: of the list `list` of the outermost
// object each element is handed over as soon as it is whole, and is not kept; the rest is returned,
// with that list empty. Ends early where `take` says false. `limits` are those of one element with
// the rest, and `kept_bytes_max` bounds the texts of the rest.
[[nodiscard]] Result<Json> parse_json_list(std::istream& in, const std::string& where,
                                           const std::string& list, const JsonLimits& limits,
                                           std::size_t kept_bytes_max,
                                           const std::function<bool(Json element)>& take);

// The same for configuration files as Python's json module writes them: the bare words NaN,
// Infinity and -Infinity, which JSON does not have, become texts.
[[nodiscard]] Result<Json> parse_python_json(std::string_view text, const std::string& where);

}  // namespace isocost
