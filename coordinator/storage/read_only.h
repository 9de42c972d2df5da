// A coordinator's database as readers open it: report, export, plan, select and status alike.
//
//   auto connection = open_for_reading("study/isocost.db");      // Result: says why not
//   Query rows(**connection, "SELECT id FROM units WHERE state = #done");
//
// Never writes, never checkpoints, and may be used while a coordinator writes. Fails with: no such
// file, no database of isocost, nothing in it yet, another schema. Thread: that of the connection;
// what is asked of it throws SQLite::Exception, which explain() turns into a sentence.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "schema/units/kind.h"

namespace isocost::storage {

inline constexpr int kBusyTimeoutMs = 5000;
inline constexpr const char* kNothingYet = "there is nothing in it yet";

[[nodiscard]] Result<std::unique_ptr<SQLite::Database>> open_for_reading(
    const std::filesystem::path& file);

// Whether it is one of isocost's, of a schema that this build reads, or empty.
[[nodiscard]] Result<void> check_identity(SQLite::Database& connection, const std::string& where);

// "the disk is full" and the like, with the file's name, for people.
[[nodiscard]] std::string explain(const SQLite::Exception& fault,
                                  const std::filesystem::path& file);

// A statement whose text has kinds and states by their names (units::with_numbers).
class Query : public SQLite::Statement {
 public:
  Query(SQLite::Database& connection, std::string_view sql)
      : SQLite::Statement(connection, units::with_numbers(sql)) {}
};

[[nodiscard]] int pragma(SQLite::Database& connection, const char* name);
[[nodiscard]] UnitState unit_state(const SQLite::Column& column);
[[nodiscard]] std::uint64_t count_from(const SQLite::Column& column);  // what is below 0 is 0
[[nodiscard]] Digest digest_from(const SQLite::Column& column);
void bind_digest(SQLite::Statement& statement, int index, const Digest& digest);

}  // namespace isocost::storage
