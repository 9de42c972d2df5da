#include "base/io/genuine_file.h"

#include <algorithm>
#include <system_error>

#include "base/io/atomic_file.h"
#include "base/io/descriptor.h"

namespace isocost::io {
namespace {

constexpr std::string_view kLfsVersion = "version https://git-lfs.github.com/spec/";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool begins_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
         });
}

bool is_html(std::string_view bytes) {
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  bytes.remove_prefix(std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size()));
  return begins_with_word(bytes, "<!doctype html") || begins_with_word(bytes, "<html");
}

}  // namespace

std::optional<Failure> impostor(std::string_view bytes, const std::string& where) {
  Failure failure;
  if (bytes.empty()) failure.add(where, "the file is empty");
  if (bytes.starts_with(kLfsVersion))
    failure.add(where, "this is a Git LFS pointer, which stands for a file that is not here",
                "the file itself: git lfs pull");
  if (is_html(bytes))
    failure.add(where, "this is an HTML page, as a failed download leaves one",
                "the file itself: download it again");
  if (failure.is_empty()) return std::nullopt;
  return failure;
}

Result<std::string> read_genuine_file(const std::filesystem::path& file, std::size_t bytes_max) {
  auto bytes = read_file(file, bytes_max);
  if (!bytes) return bytes;
  if (auto failure = impostor(*bytes, file.string())) return fail(std::move(*failure));
  return bytes;
}

Result<void> check_genuine(const std::filesystem::path& file) try {
  auto open = open_regular_file(file);
  if (!open) return fail(std::move(open.error()));
  std::string head(std::min<std::uint64_t>(open->bytes, kImpostorBytes), '\0');
  head.resize(read_some(open->descriptor, std::as_writable_bytes(std::span(head)), file));
  if (auto failure = impostor(head, file.string())) return fail(std::move(*failure));
  return {};
} catch (const std::system_error& error) {
  return fail(file.string(), std::string("the file cannot be read: ") + error.code().message());
}

}  // namespace isocost::io
