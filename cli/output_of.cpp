#include "cli/output_of.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "cli/signals.h"

namespace isocost::cli {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kBytesMax = std::size_t{1} << 20;

// Between fork and exec: only what is safe there.
[[noreturn]] void become_silent(const std::vector<char*>& arguments, int out, Errors errors,
                                pid_t parent) {
  end_with_parent(parent, SIGKILL);
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  if (errors == Errors::kDropped) ::dup2(nothing, STDERR_FILENO);
  ::dup2(out, STDOUT_FILENO);
  unblock_signals();
  ::execvp(arguments[0], arguments.data());
  ::_exit(kExitNotStarted);
}

// Until it is closed, too much, or too late. False: the latter two.
bool read_all(int in, steady_clock::time_point end, std::string& text) {
  std::array<char, 4096> piece{};
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - steady_clock::now()).count();
    if (left <= 0 || text.size() > kBytesMax) return false;
    pollfd waiting{in, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(left)) <= 0) continue;
    const ssize_t bytes = ::read(in, piece.data(), piece.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) return true;
    text.append(piece.data(), static_cast<std::size_t>(bytes));
  }
}

}  // namespace

Result<std::string> output_of(std::vector<std::string> command, std::chrono::milliseconds limit,
                              Errors errors) {
  const std::string name = command.at(0);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(name, std::string("it cannot be asked: ") + std::strerror(errno));
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) become_silent(arguments, ends[1], errors, parent);
  ::close(ends[1]);
  std::string text;
  const bool is_read = child > 0 && read_all(ends[0], steady_clock::now() + limit, text);
  ::close(ends[0]);
  if (child < 0) return fail(name, std::string("it cannot be started: ") + std::strerror(errno));
  // Who has said all ends at once, or is ended.
  int status = 0;
  for (int looks = 0; ::waitpid(child, &status, WNOHANG) == 0; ++looks) {
    if (!is_read || looks > 100) ::kill(child, SIGKILL);
    ::usleep(10'000);
  }
  if (!is_read) return fail(name, "it was asked and did not come to an end");
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExitNotStarted)
    return fail(name, "it cannot be started");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(name, "it was asked and ended with a fault");
  return text;
}

}  // namespace isocost::cli
