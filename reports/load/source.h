// A database as the parts of load() read it: prepared queries, JSON that stands in it, and the
// faults of what cannot be read, collected. For the sources of this folder alone. Thread: one.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "base/json.h"
#include "coordinator/storage/read_only.h"

namespace isocost::report {

class Source {
 public:
  explicit Source(SQLite::Database& database) : db_(database) {}

  Json json_of(const std::string& text, const std::string& where) {
    auto json = parse_json(text, where);
    if (json) return std::move(*json);
    failure_.add(json.error());
    return Json::object();
  }

  template <class T>
  T taken(Result<T> result) {
    if (result) return std::move(*result);
    failure_.add(result.error());
    return T{};
  }

  // Prepared once a text, reset on each use.
  SQLite::Statement& statement(const std::string& sql) {
    auto& slot = statements_[sql];
    if (!slot) slot = std::make_unique<storage::Query>(db_, sql);
    slot->reset();
    slot->clearBindings();
    return *slot;
  }

  [[nodiscard]] SQLite::Database& database() { return db_; }
  [[nodiscard]] Failure& failure() { return failure_; }

 private:
  SQLite::Database& db_;
  std::unordered_map<std::string, std::unique_ptr<storage::Query>> statements_;
  Failure failure_;
};

}  // namespace isocost::report
