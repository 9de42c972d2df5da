#include "coordinator/log/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include "base/text.h"

namespace isocost::log {
namespace {

using std::chrono::steady_clock;

constexpr int kAtOnceMax = 10;              // lines of one kind without a pause
constexpr std::chrono::seconds kPause{10};  // then one so often
constexpr std::size_t kWhoBytesMax = 120;
constexpr std::size_t kWhatBytesMax = 300;

// How many lines of one kind may still be written, and how many were not.
struct Allowance {
  int lines = kAtOnceMax;
  std::uint64_t left_out = 0;
  steady_clock::time_point next{};  // when there is one more

  bool take(steady_clock::time_point now) {
    if (lines < kAtOnceMax && now >= next) {
      ++lines;
      next = now + kPause;
    }
    if (lines == 0) return false;
    if (lines == kAtOnceMax) next = now + kPause;
    --lines;
    return true;
  }
};

}  // namespace

struct Log::Impl {
  mutable std::mutex mutex;
  IncidentCounts counts{};
  std::array<Allowance, kIncidents.size()> allowances;
  std::map<std::string, Allowance, std::less<>> of_events;  // by kind
  Listener listener;
  std::unique_ptr<spdlog::logger> logger;  // none: silent

  void write(spdlog::level::level_enum level, const std::string& line) {
    if (logger) logger->log(level, spdlog::string_view_t(line));
  }

  void write_left_out(std::string_view kind, Allowance& allowance) {
    write(spdlog::level::warn,
          fmt::format("{}: {} more were not written here", kind, allowance.left_out));
    allowance.left_out = 0;
  }

  // Whether one more of this kind is written; before it, what was left out.
  bool may_write(std::string_view kind, Allowance& allowance) {
    if (!allowance.take(steady_clock::now())) {
      ++allowance.left_out;
      return false;
    }
    if (allowance.left_out > 0) write_left_out(kind, allowance);
    return true;
  }
};

Log::Log(const LogOptions& options) : impl_(std::make_unique<Impl>()) {
  if (options.is_silent) return;
  try {
    std::shared_ptr<spdlog::sinks::sink> sink;
    if (options.file.empty())
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    else
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file.string());
    impl_->logger = std::make_unique<spdlog::logger>("isocost", std::move(sink));
  } catch (const spdlog::spdlog_ex& fault) {
    throw std::system_error(
        std::make_error_code(std::errc::io_error),
        fmt::format("the log {} cannot be opened ({})", options.file.string(), fault.what()));
  }
  impl_->logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
  impl_->logger->flush_on(spdlog::level::info);
  // A full disk must not end what the log is about.
  impl_->logger->set_error_handler([](const std::string&) {});
}

Log::~Log() = default;

void Log::tell(Incident kind, std::string_view who, std::string_view what) noexcept try {
  const std::lock_guard lock(impl_->mutex);
  ++impl_->counts[static_cast<std::size_t>(kind)];
  if (!impl_->may_write(incident_name(kind), impl_->allowances[static_cast<std::size_t>(kind)]))
    return;
  std::string line_of_who = one_line(who, kWhoBytesMax);
  std::string line_of_what = one_line(what, kWhatBytesMax);
  impl_->write(spdlog::level::warn,
               fmt::format("{}: {}: {}", incident_name(kind), line_of_who, line_of_what));
  if (impl_->listener) impl_->listener(kind, std::move(line_of_who), std::move(line_of_what));
} catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
  // No memory for a line: the next one may fit.
}

void Log::tell(const Event& event) noexcept try {
  if (is_incident(event.kind)) return;
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->may_write(event.kind, impl_->of_events[event.kind])) return;
  impl_->write(spdlog::level::info, one_line(text_of(event), kWhoBytesMax + kWhatBytesMax));
} catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
  // No memory for a line: the next one may fit.
}

void Log::listen(Listener listener) {
  const std::lock_guard lock(impl_->mutex);
  impl_->listener = std::move(listener);
}

void Log::note(std::string_view text) noexcept try {
  const std::lock_guard lock(impl_->mutex);
  impl_->write(spdlog::level::info, one_line(text));
} catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
}

void Log::tick() noexcept try {
  const std::lock_guard lock(impl_->mutex);
  const auto now = steady_clock::now();
  const auto look = [&](std::string_view kind, Allowance& allowance) {
    if (allowance.left_out > 0 && allowance.take(now)) impl_->write_left_out(kind, allowance);
  };
  for (const Incident kind : kIncidents)
    look(incident_name(kind), impl_->allowances[static_cast<std::size_t>(kind)]);
  for (auto& [kind, allowance] : impl_->of_events) look(kind, allowance);
} catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
}

IncidentCounts Log::counts() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->counts;
}

std::uint64_t Log::count(Incident kind) const { return counts()[static_cast<std::size_t>(kind)]; }

}  // namespace isocost::log
