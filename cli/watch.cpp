// isocost watch: a coordinator's status and events, painted anew as they change; plain lines where
// the output is no terminal.
#include <fmt/format.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include "base/text.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/screen.h"
#include "cli/signals.h"
#include "cli/terminal.h"

namespace isocost::cli {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kBetweenPictures{1};
constexpr std::chrono::milliseconds kBetweenKeys{100};
constexpr std::chrono::seconds kBetweenLines{10};
constexpr std::size_t kEventsHeld = 200;

struct WatchOptions {
  CoordinatorAddress address;
};

// The screen of its own that a terminal has, keys as they are typed, and all as it was at the end.
class RawTerminal {
 public:
  RawTerminal() {
    has_keys_ = is_terminal(STDIN_FILENO) && ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (has_keys_) {
      termios raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    write("\x1b[?1049h\x1b[?25l");
  }
  ~RawTerminal() {
    write("\x1b[?25h\x1b[?1049l");
    if (has_keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  void show(const std::vector<std::string>& lines) {
    std::string text = "\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i)
      text += (i == 0 ? "" : "\r\n") + lines[i] + "\x1b[K";
    write(text + "\x1b[J");
  }
  // A key that was typed meanwhile.
  [[nodiscard]] std::optional<char> key() const {
    pollfd typed{STDIN_FILENO, POLLIN, 0};
    char letter = 0;
    if (!has_keys_ || ::poll(&typed, 1, 0) != 1 || ::read(STDIN_FILENO, &letter, 1) != 1)
      return std::nullopt;
    return letter;
  }

 private:
  static void write(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }
  termios before_{};
  bool has_keys_ = false;
};

// What is known of the coordinator, asked now and then.
class Watched {
 public:
  explicit Watched(CoordinatorAddress address) : address_(std::move(address)) {}

  // The fault of an answer; absent: all is as it is now.
  [[nodiscard]] std::optional<CallFault> look() {
    auto status = status_of(address_);
    if (!status) return std::move(status.error());
    if (status->database != status_.database) events_.clear();
    status_ = std::move(*status);
    silence_.end();
    return look_at_events();
  }

  [[nodiscard]] const core::Snapshot& status() const { return status_; }
  [[nodiscard]] const std::vector<log::Event>& events() const { return events_; }
  [[nodiscard]] std::size_t new_events() const { return new_events_; }
  [[nodiscard]] bool is_gone() const { return silence_.is_too_long(); }

 private:
  std::optional<CallFault> look_at_events() {
    log::EventQuery query{.limit = kEventsHeld};
    if (!events_.empty()) query.after = events_.back().id;
    auto more = events_of(address_, query);
    if (!more) return std::move(more.error());
    new_events_ = more->size();
    events_.insert(events_.end(), more->begin(), more->end());
    if (events_.size() > kEventsHeld)
      events_.erase(events_.begin(), events_.end() - static_cast<std::ptrdiff_t>(kEventsHeld));
    return std::nullopt;
  }

  CoordinatorAddress address_;
  core::Snapshot status_;
  std::vector<log::Event> events_;
  std::size_t new_events_ = 0;
  Silence silence_;
};

// Where a coordinator that has done all it had to is gone, nothing is wrong.
int end_of(const Watched& watched, const CallFault& fault) {
  return watched.status().units.open() == 0 ? kExitDone : complain(fault);
}

int paint_on(Watched& watched, const WatchOptions& options, Signals& signals) {
  std::optional<CallFault> fault;
  {
    RawTerminal terminal;
    auto next = steady_clock::now() + kBetweenPictures;
    TerminalSize painted{0, 0};
    while (true) {
      const TerminalSize size = terminal_size(STDOUT_FILENO);
      const bool is_due = steady_clock::now() >= next;
      if (is_due) {
        fault = watched.look();
        next = steady_clock::now() + kBetweenPictures;
      }
      if (is_due || size != painted) {
        painted = size;
        terminal.show(paint(watched.status(), watched.events(),
                            {.size = size,
                             .has_colour = has_colour(STDOUT_FILENO),
                             .has_utf8 = has_utf8(),
                             .title = "isocost " + watched.status().build + "  " +
                                      options.address.url + "  (q: quit)",
                             .note = fault ? "the coordinator does not answer" : ""}));
      }
      if (fault && watched.is_gone()) break;
      if (const auto key = terminal.key(); key && (*key == 'q' || *key == 'Q')) return kExitDone;
      if (signals.wait(kBetweenKeys)) return kExitDone;
    }
  }
  return end_of(watched, *fault);
}

void print_progress(const core::Snapshot& status) {
  for (const core::ExperimentView& view : status.experiments)
    fmt::print("{}\n", one_line(view.name + ": " + progress_line(status, view.name)));
}

// Events as they come, and how far everything is: now and then, where something changed.
int print_lines(Watched& watched, Signals& signals) {
  std::string before;
  std::size_t shown_max = 10;  // of what happened before
  auto next = steady_clock::time_point::min();
  for (std::optional<CallFault> fault;; fault = watched.look()) {
    if (fault && watched.is_gone()) return end_of(watched, *fault);
    if (!fault) {
      const std::size_t shown =
          std::min({watched.new_events(), watched.events().size(), shown_max});
      shown_max = kEventsHeld;
      for (std::size_t i = watched.events().size() - shown; i < watched.events().size(); ++i)
        fmt::print("{}\n", event_text(watched.events()[i], Dates::kShown));
      const auto now = steady_clock::now();
      std::string progress;
      for (const core::ExperimentView& view : watched.status().experiments)
        progress += progress_line(watched.status(), view.name);
      if (now >= next && progress != before) {
        print_progress(watched.status());
        before = progress;
        next = now + kBetweenLines;
      }
      std::fflush(stdout);
      if (std::ferror(stdout) != 0) return kExitFailed;  // nobody reads it any more
    }
    if (signals.wait(kBetweenPictures)) return kExitDone;
  }
}

int watch(const WatchOptions& options) {
  Signals signals;
  Watched watched(options.address);
  if (const auto fault = watched.look()) return complain(*fault);
  return is_terminal(STDOUT_FILENO) ? paint_on(watched, options, signals)
                                    : print_lines(watched, signals);
}

}  // namespace

void add_watch(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<WatchOptions>();
  CLI::App* command = app.add_subcommand(
      "watch", "Show experiments, workers and events as they change; lines where it is piped");
  add_address_options(*command, options->address);
  command->callback([options, &exit_code] { exit_code = watch(*options); });
}

}  // namespace isocost::cli
