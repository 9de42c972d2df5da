#include "cli/signals.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

namespace isocost::cli {
namespace {

sigset_t handled() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGCHLD);
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = handled();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

std::optional<int> Signals::wait(std::chrono::milliseconds limit) {
  const sigset_t set = handled();
  const timespec time{.tv_sec = limit.count() / 1000, .tv_nsec = limit.count() % 1000 * 1'000'000};
  const int signal = sigtimedwait(&set, nullptr, &time);
  if (signal == SIGINT || signal == SIGTERM) return signal;
  return std::nullopt;
}

void unblock_signals() {
  const sigset_t set = handled();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void end_with_parent(pid_t parent, int signal) {
  ::prctl(PR_SET_PDEATHSIG, signal);
  if (::getppid() != parent) ::_exit(kExitNotStarted);
}

}  // namespace isocost::cli
