#include "base/io/database_uri.h"

#include <system_error>

namespace isocost::io {
namespace {

std::string database_uri(const std::filesystem::path& file, const char* query) {
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(file).string()) {
    if (c == '?')
      uri += "%3f";
    else if (c == '#')
      uri += "%23";
    else if (c == '%')
      uri += "%25";
    else
      uri += c;
  }
  return uri + query;
}

}  // namespace

std::string read_only_uri(const std::filesystem::path& file) {
  return database_uri(file, "?mode=ro");
}

std::optional<std::string> unchanging_uri(const std::filesystem::path& file) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(file.string() + "-wal", error);
  if (!error && bytes > 0) return std::nullopt;
  if (error && error != std::errc::no_such_file_or_directory) return std::nullopt;
  return database_uri(file, "?mode=ro&immutable=1");
}

}  // namespace isocost::io
