// JSON as isocost uses it: nlohmann's value type, canonical text (RFC 8785) for keys, and a checked
// parser.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "schema/digest.h"
#include "schema/result.h"

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

// Fails with: "where:line:column: ..." when the text is not JSON, repeats a key of one object, or
// is nested deeper than `depth_max`.
[[nodiscard]] Result<Json> parse_json(std::string_view text, const std::string& where,
                                      int depth_max = 64);

// The same for configuration files as Python's json module writes them: the bare words NaN,
// Infinity and -Infinity, which JSON does not have, become texts, and JsonReader reads such a text
// as the number where a number is asked for.
[[nodiscard]] Result<Json> parse_python_json(std::string_view text, const std::string& where);

}  // namespace isocost
