#include "coordinator/net/allow_list.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

namespace isocost::net {
namespace {

constexpr std::chrono::milliseconds kLook{200};
constexpr std::time_t kSettledSeconds = 2;

}  // namespace

AllowList::AllowList(std::filesystem::path folder, log::Log& log, OnRevoked on_revoked)
    : folder_(std::move(folder)), log_(log), on_revoked_(std::move(on_revoked)) {
  refresh();
  thread_ = std::thread([this] { run(); });
}

AllowList::~AllowList() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

void AllowList::run() {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, kLook, [this] { return is_stopping_; })) {
    lock.unlock();
    refresh();
    lock.lock();
  }
}

std::optional<std::string> AllowList::name_of(const std::string& key) {
  const auto known = [&]() -> std::optional<std::string> {
    const std::lock_guard lock(mutex_);
    const auto found = allowed_.names.find(key);
    return found == allowed_.names.end() ? std::nullopt : std::optional(found->second);
  };
  if (auto name = known()) return name;
  refresh();
  const std::lock_guard lock(mutex_);
  if (!is_readable_) return std::nullopt;
  const auto found = allowed_.names.find(key);
  return found == allowed_.names.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> AllowList::faults() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> faults;
  faults.reserve(allowed_.faults.errors.size());
  for (const Error& fault : allowed_.faults.errors) faults.push_back(fault.message());
  return faults;
}

// Names, sizes, times and inodes: what tells one reading from the next without opening a file.
AllowList::State AllowList::state() const {
  State state;
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!transport::is_key_file(entry->path())) continue;
    struct stat about{};
    const char* const path = entry->path().c_str();
    // A link to nowhere is a fault, too.
    if (::stat(path, &about) != 0 && ::lstat(path, &about) != 0) continue;
    if (about.st_mtim.tv_sec + kSettledSeconds >= std::time(nullptr)) state.is_settled = false;
    files.push_back(fmt::format("{} {} {} {}.{:09}", entry->path().filename().string(),
                                about.st_ino, about.st_size, about.st_mtim.tv_sec,
                                about.st_mtim.tv_nsec));
  }
  std::sort(files.begin(), files.end());
  state.text = error ? "unreadable: " + error.message() : "read";
  for (const std::string& file : files) state.text += "\n" + file;
  return state;
}

void AllowList::refresh() {
  const std::lock_guard reading(reading_);
  State now = state();
  if (now.text == seen_) return;
  // A file that changes after this look changes the next one.
  take(transport::read_allow_list(folder_));
  seen_ = now.is_settled ? std::move(now.text) : std::string();
}

void AllowList::take(Result<transport::AllowedKeys> read) {
  std::vector<std::pair<std::string, std::string>> revoked;  // key, name
  std::vector<Error> told;
  {
    const std::lock_guard lock(mutex_);
    const Failure before = std::exchange(allowed_.faults, {});
    is_readable_ = read.has_value();
    if (read) {
      for (const auto& [key, name] : allowed_.names) {
        const auto found = read->names.find(key);
        if (found == read->names.end() || found->second != name) revoked.emplace_back(key, name);
      }
      allowed_ = std::move(*read);
    } else {
      allowed_.faults = std::move(read.error());
    }
    for (const Error& fault : allowed_.faults.errors)
      if (std::find(before.errors.begin(), before.errors.end(), fault) == before.errors.end())
        told.push_back(fault);
  }
  for (const Error& fault : told)
    log_.tell(log::Incident::kBadKeyFile, fault.where,
              fault.what + (fault.expected.empty() ? "" : "; expected " + fault.expected));
  for (const auto& [key, name] : revoked) on_revoked_(key, name);
}

}  // namespace isocost::net
