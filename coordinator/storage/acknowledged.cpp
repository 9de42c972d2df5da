#include "coordinator/storage/acknowledged.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/io/atomic_file.h"
#include "base/json_reader.h"

namespace isocost::storage {
namespace {

namespace fs = std::filesystem;

// All of it in one sector, so that it is never half of one and half of another.
constexpr std::size_t kMarkBytes = 256;
constexpr std::chrono::seconds kSyncEvery{1};

fs::path mark_file(const fs::path& database) { return database.string() + ".acknowledged"; }

[[noreturn]] void throw_errno(const char* what, const fs::path& file) {
  throw std::system_error(errno, std::generic_category(),
                          fmt::format("{} {}", what, file.string()));
}

std::string text_of(const Acknowledged& mark) {
  std::string text = canonical({{"database", mark.database},
                                {"epoch", mark.epoch},
                                {"commits", mark.commits},
                                {"results", mark.results}});
  text.resize(kMarkBytes - 1, ' ');
  return text + "\n";
}

}  // namespace

Result<std::optional<Acknowledged>> read_acknowledged(const fs::path& database) {
  const fs::path file = mark_file(database);
  std::error_code error;
  if (fs::symlink_status(file, error).type() == fs::file_type::not_found)
    return std::optional<Acknowledged>{};
  const auto text = io::read_file(file, kMarkBytes);
  if (!text) return fail(text.error());
  const auto json = parse_json(*text, file.string());
  if (!json) return fail(json.error());
  JsonReader reader(*json, file.string());
  Acknowledged mark{.database = reader.get<std::string>("database"),
                    .epoch = reader.get<std::uint64_t>("epoch"),
                    .commits = reader.get<std::uint64_t>("commits"),
                    .results = reader.get<std::uint64_t>("results")};
  if (!reader.ok()) return fail(reader.take());
  return std::optional(std::move(mark));
}

std::optional<std::string> missing(const Acknowledged& mark, const Acknowledged& there) {
  if (!there.database.empty() && there.database != mark.database) return std::nullopt;
  if (there.commits >= mark.commits) return std::nullopt;
  const std::uint64_t results = mark.results - std::min(mark.results, there.results);
  return fmt::format(
      "{} of {} acknowledged results are missing, and the last {} of {} commits: its log (-wal) "
      "was "
      "cut short or removed, or an older copy took its place",
      results, mark.results, mark.commits - there.commits, mark.commits);
}

AcknowledgedFile::AcknowledgedFile(const fs::path& database) : file_(mark_file(database)) {
  open();
}

AcknowledgedFile::~AcknowledgedFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

// Where there is none, the first write makes it.
void AcknowledgedFile::open() {
  descriptor_ = ::open(file_.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor_ < 0 && errno != ENOENT) throw_errno("cannot open", file_);
}

void AcknowledgedFile::write(const Acknowledged& mark) {
  const std::string text = text_of(mark);
  if (descriptor_ < 0) {
    io::write_file_atomically(file_, text);  // an empty one would say nothing
    return open();
  }
  if (::pwrite(descriptor_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    throw_errno("cannot write", file_);
  if (std::chrono::steady_clock::now() - synced_ >= kSyncEvery) sync();
}

void AcknowledgedFile::sync() {
  if (::fdatasync(descriptor_) != 0) throw_errno("cannot write", file_);
  synced_ = std::chrono::steady_clock::now();
}

}  // namespace isocost::storage
