// Reads the members of one message and collects every fault on the way: nothing of a frame is
// believed before it was looked at here. For decode.cpp alone. Thread: one.
#pragma once

#include <fmt/format.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "schema/units/kind.h"
#include "schema/wire/messages.h"
#include "schema/wire/messages_generated.h"

namespace isocost::wire {

class Reader {
 public:
  explicit Reader(std::string where) : where_(std::move(where)) {}

  void fault(const char* member, std::string what, std::string expected = {}) {
    if (failure_.errors.size() < kFaultsMax)
      failure_.add(where_ + "." + member, std::move(what), std::move(expected));
  }

  std::string text(const char* member, const flatbuffers::String* value,
                   std::size_t bytes_max = kTextBytesMax) {
    if (value == nullptr) return {};
    const std::string_view view(value->data(), value->size());
    if (view.size() > bytes_max) {
      fault(member, fmt::format("the text has {} bytes", view.size()),
            fmt::format("at most {}", bytes_max));
    } else if (!is_utf8(view)) {
      fault(member, "the text is not UTF-8");
    } else {
      return std::string(view);
    }
    return {};
  }

  std::string name(const char* member, const flatbuffers::String* value) {
    const std::string text = this->text(member, value, kNameBytesMax);
    if (!is_name(text))
      fault(member, "this is no name", "1 to 256 printable characters without blanks or quotes");
    return text;
  }

  std::string name_or_empty(const char* member, const flatbuffers::String* value) {
    return value == nullptr || value->size() == 0 ? std::string() : name(member, value);
  }

  Json object(const char* member, const flatbuffers::String* value, std::size_t bytes_max,
              std::size_t values_max) {
    const std::string text = this->text(member, value, bytes_max);
    auto json = parse_json(text, where_ + "." + member, {.values_max = values_max});
    if (json && json->is_object()) return std::move(*json);
    if (!json)
      failure_.add(json.error());
    else
      fault(member, "this is no JSON object");
    return Json::object();
  }

  Attempt attempt(const char* member, const fb::Attempt* value) {
    if (value != nullptr) return {value->epoch(), value->counter()};
    fault(member, "the attempt is missing");
    return {};
  }

  Digest digest(const char* member, const fb::Sha256* value) {
    Digest digest;
    if (value == nullptr) {
      fault(member, "the digest is missing");
      return digest;
    }
    for (unsigned i = 0; i < digest.bytes.size(); ++i) digest.bytes[i] = value->bytes()->Get(i);
    return digest;
  }

  std::vector<Digest> digests(const char* member,
                              const flatbuffers::Vector<const fb::Sha256*>* values) {
    std::vector<Digest> list;
    if (!is_short(member, values, kArtifactsMax)) return list;
    list.reserve(values->size());
    for (const fb::Sha256* value : *values) list.push_back(digest(member, value));
    return list;
  }

  std::vector<std::string> names(
      const char* member,
      const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* values,
      std::size_t size_max) {
    std::vector<std::string> list;
    if (!is_short(member, values, size_max)) return list;
    list.reserve(values->size());
    for (const flatbuffers::String* value : *values) list.push_back(name(member, value));
    return list;
  }

  std::vector<std::string> lines(
      const char* member,
      const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* values) {
    std::vector<std::string> list;
    if (!is_short(member, values, kLogLinesMax)) return list;
    for (const flatbuffers::String* value : *values) list.push_back(text(member, value));
    return list;
  }

  std::vector<Running> running(
      const char* member, const flatbuffers::Vector<flatbuffers::Offset<fb::Running>>* values) {
    std::vector<Running> list;
    if (!is_short(member, values, kRunningMax)) return list;
    for (const fb::Running* value : *values) {
      Running unit{name(member, value->unit()), attempt(member, value->attempt()),
                   value->fraction()};
      // Also false for a NaN, which then is none of the two.
      if (!(unit.fraction >= 0 && unit.fraction <= 1)) {
        fault(member, "a progress is out of range", "0 to 1");
        unit.fraction = 0;
      }
      list.push_back(std::move(unit));
    }
    return list;
  }

  UnitKind kind(const char* member, std::uint16_t value) {
    if (const units::Kind* row = units::find_kind(value)) return row->kind;
    fault(member, fmt::format("the number {} names no kind of unit", value));
    return UnitKind::kGenerate;
  }

  std::vector<NeededUnit> needs(const char* member,
                                const flatbuffers::Vector<flatbuffers::Offset<fb::Need>>* values) {
    std::vector<NeededUnit> list;
    if (!is_short(member, values)) return list;
    std::set<std::string> names;
    for (const fb::Need* value : *values) {
      NeededUnit need{name(member, value->unit()),
                      kind(member, value->kind()),
                      {value->range_begin(), value->range_end()},
                      {}};
      if (is_short(member, value->artifacts())) {
        for (const fb::Artifact* artifact : *value->artifacts())
          need.artifacts.push_back({name(member, artifact->name()),
                                    digest(member, artifact->digest()), artifact->bytes()});
      }
      if (need.range.begin > need.range.end) fault(member, "a range ends before it begins");
      if (!names.insert(need.name).second) fault(member, "a unit is named twice");
      list.push_back(std::move(need));
    }
    return list;
  }

  std::string bytes(const char* member, const flatbuffers::Vector<std::uint8_t>* value) {
    if (value == nullptr) return {};
    if (value->size() > kChunkBytes) {
      fault(member, fmt::format("the chunk has {} bytes", value->size()),
            fmt::format("at most {}", kChunkBytes));
      return {};
    }
    return {reinterpret_cast<const char*>(value->data()), value->size()};
  }

  std::uint32_t credit(const char* member, std::uint32_t value) {
    if (value > kCreditMax)
      fault(member, fmt::format("the credit is {}", value), fmt::format("at most {}", kCreditMax));
    return value;
  }

  template <class Enum>
  Enum enumerator(const char* member, std::uint16_t value, Enum last) {
    if (value == 0 || value > static_cast<std::uint16_t>(last)) {
      fault(member, fmt::format("the number {} names nothing", value),
            fmt::format("1 to {}", static_cast<std::uint16_t>(last)));
      return last;
    }
    return static_cast<Enum>(value);
  }

  template <class T>
  T take(Result<T> result) {
    if (result) return std::move(*result);
    failure_.add(result.error());
    return T{};
  }

  Result<Message> finish(Message message) {
    if (!failure_.is_empty()) return fail(std::move(failure_));
    return message;
  }

  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  // False for an absent list too: there is nothing to read then.
  template <class T>
  bool is_short(const char* member, const flatbuffers::Vector<T>* values,
                std::size_t size_max = kListMax) {
    if (values == nullptr) return false;
    if (values->size() <= size_max) return true;
    fault(member, fmt::format("the list has {} members", values->size()),
          fmt::format("at most {}", size_max));
    return false;
  }

  static constexpr std::size_t kFaultsMax = 20;

  std::string where_;
  Failure failure_;
};

}  // namespace isocost::wire
