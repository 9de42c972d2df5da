// A SQLite database that is only read, as the text that SQLite opens.
//
//   SQLite::Database database(io::read_only_uri(file), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
//
// In WAL mode even a reader needs a file beside the database (FILE-shm). Where SQLite cannot make
// it, since the folder cannot be written, and no log is left, the database's file alone is the
// whole truth: then unchanging_uri() is how it is read, without locks. Thread: any.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace isocost::io {

[[nodiscard]] std::string read_only_uri(const std::filesystem::path& file);
// Absent while a log that holds something lies beside the file.
[[nodiscard]] std::optional<std::string> unchanging_uri(const std::filesystem::path& file);

}  // namespace isocost::io
