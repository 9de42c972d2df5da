#include "worker/supervisor.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "worker/serve.h"

namespace isocost::worker {
namespace {

constexpr std::chrono::milliseconds kPauseFirst{500};
constexpr std::chrono::milliseconds kPauseMax{30'000};
constexpr std::chrono::seconds kQuickDeath{60};  // a child that lived longer is no quick death
constexpr int kQuickDeathsMax = 10;

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

namespace fs = std::filesystem;
using Child = std::function<int(const Predecessor&)>;

// How many processes the system's memory killer has ended so far; 0 where it does not tell.
std::uint64_t memory_kills() {
  std::ifstream in("/proc/vmstat");
  std::string name;
  for (std::uint64_t value = 0; in >> name >> value;)
    if (name == "oom_kill") return value;
  return 0;
}

// One start of this machine; empty where it does not tell.
std::string boot_id() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  in >> id;
  return id;
}

// While the file is there a supervisor lives, or was killed. Not durable: a machine that goes down
// takes the meaning of the file along.
void write_life(const fs::path& life, std::uint64_t memory_kills) {
  std::ofstream(life, std::ios::trunc) << boot_id() << ' ' << memory_kills << '\n';
}

void remove_life(const fs::path& life) {
  std::error_code ignored;
  fs::remove(life, ignored);
}

// Requires: the child died of `signal`.
Predecessor judge(int signal, bool is_memory_killed) {
  if (signal == SIGKILL && is_memory_killed)
    return {UnitFailure{
        FailureClass::kOutOfMemory, "the system ended the working process for want of memory", {}}};
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP})
    if (signal == fault)
      return {UnitFailure{FailureClass::kBug,
                          "the working process died of signal " + std::to_string(signal) + " (" +
                              ::strsignal(signal) + ")",
                          {}}};
  return {.was_killed = true};
}

[[noreturn]] void run_child(const Child& child, const Predecessor& before, pid_t supervisor) {
  // A group of its own: Ctrl-C reaches the supervisor alone, which passes it on once.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) std::_Exit(kExitCrashed);
  const int code = child(before);
  std::fflush(nullptr);
  // Not exit(): a unit that was handed back may still compute in another thread.
  std::_Exit(code);
}

// Waits for the next of the watched signals, for `limit` at most; 0 when none came.
int next_signal(const sigset_t& set, std::chrono::milliseconds limit) {
  const timespec time{limit.count() / 1000, (limit.count() % 1000) * 1'000'000};
  const int signal = ::sigtimedwait(&set, nullptr, &time);
  return signal < 0 ? 0 : signal;
}

struct Death {
  bool is_crash = false;
  int code = 0;
  int signal = 0;
};

// Forwards requests to stop until the child is gone.
Death wait_for(pid_t child, const sigset_t& set, bool& is_stopping) {
  while (true) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) {
      if (!WIFSIGNALED(status))
        return {WEXITSTATUS(status) == kExitCrashed, WEXITSTATUS(status), 0};
      std::fprintf(stderr, "isocost-worker: the working process died of signal %d (%s)\n",
                   WTERMSIG(status), ::strsignal(WTERMSIG(status)));
      return {true, kExitCrashed, WTERMSIG(status)};
    }
    const int signal = next_signal(set, std::chrono::seconds(1));
    if (signal != SIGTERM && signal != SIGINT) continue;
    is_stopping = true;
    ::kill(child, SIGTERM);
  }
}

int supervise_while_alive(const Child& child, Predecessor before, const fs::path& life) {
  const sigset_t set = watched_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  const pid_t self = ::getpid();
  auto pause = kPauseFirst;
  bool is_stopping = false;
  for (int quick_deaths = 0; quick_deaths < kQuickDeathsMax; ++quick_deaths) {
    const std::uint64_t kills_before = memory_kills();
    write_life(life, kills_before);
    const auto started = std::chrono::steady_clock::now();
    const pid_t pid = ::fork();
    if (pid < 0) {
      std::fprintf(stderr, "isocost-worker: cannot start a process: %s\n", std::strerror(errno));
      return kExitCrashed;
    }
    if (pid == 0) run_child(child, before, self);
    const Death death = wait_for(pid, set, is_stopping);
    if (!death.is_crash || is_stopping) return death.code;
    before = death.signal == 0 ? Predecessor{} : judge(death.signal, memory_kills() > kills_before);
    if (!before.was_killed) remove_life(life);
    if (std::chrono::steady_clock::now() - started > kQuickDeath) {
      quick_deaths = 0;
      pause = kPauseFirst;
    }
    std::fprintf(stderr, "isocost-worker: starting it again in %.1f s\n",
                 static_cast<double>(pause.count()) / 1000);
    if (const int signal = next_signal(set, pause); signal == SIGTERM || signal == SIGINT)
      return death.code;
    pause = std::min(pause * 2, kPauseMax);
  }
  std::fprintf(stderr, "isocost-worker: the working process died %d times in a row; giving up\n",
               kQuickDeathsMax);
  return kExitCrashed;
}

}  // namespace

Predecessor take_predecessor(const fs::path& life) {
  std::string boot;
  std::uint64_t kills = 0;
  const bool is_told = static_cast<bool>(std::ifstream(life) >> boot >> kills);
  remove_life(life);
  return {.was_killed = is_told && boot == boot_id() && kills == memory_kills()};
}

int supervise(const Child& child, Predecessor before, const fs::path& life) {
  const int code = supervise_while_alive(child, std::move(before), life);
  remove_life(life);
  return code;
}

}  // namespace isocost::worker
