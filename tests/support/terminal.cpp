#include "tests/support/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "tests/support/process.h"

namespace isocost::testing {

Terminal::Terminal(std::vector<std::string> command, int columns, int rows,
                   const std::vector<std::string>& environment)
    : columns_(static_cast<std::size_t>(columns)), rows_(static_cast<std::size_t>(rows)) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<std::string> set = environment;
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = static_cast<unsigned short>(rows);
  pid_ = ::forkpty(&master_, nullptr, nullptr, &size);
  if (pid_ == 0) {
    ::setenv("TERM", "xterm-256color", 1);
    ::setenv("LC_ALL", "C.UTF-8", 1);
    ::unsetenv("NO_COLOR");
    for (std::string& variable : set) ::putenv(variable.data());
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  EXPECT_GT(pid_, 0);
  ::fcntl(master_, F_SETFL, O_NONBLOCK);
  lines_.assign(rows_, {});
}

Terminal::~Terminal() {
  if (!status_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(master_);
}

void Terminal::read() {
  std::array<char, 4096> piece{};
  while (true) {
    const ssize_t bytes = ::read(master_, piece.data(), piece.size());
    if (bytes <= 0) return;
    take({piece.data(), static_cast<std::size_t>(bytes)});
  }
}

void Terminal::resize(int columns, int rows) {
  read();
  columns_ = static_cast<std::size_t>(columns);
  rows_ = static_cast<std::size_t>(rows);
  lines_.resize(rows_);
  for (auto& line : lines_)
    if (line.size() > columns_) line.resize(columns_);
  row_ = std::min(row_, rows_ - 1);
  column_ = std::min(column_, columns_);
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = static_cast<unsigned short>(rows);
  EXPECT_EQ(::ioctl(master_, TIOCSWINSZ, &size), 0);
}

void Terminal::type(const std::string& keys) {
  EXPECT_EQ(::write(master_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

void Terminal::kill(int signal) { ::kill(pid_, signal); }

int Terminal::wait(std::chrono::milliseconds limit) {
  wait_until(
      [&] {
        read();  // a full terminal would hold it up
        int status = 0;
        if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_)
          status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return status_.has_value();
      },
      limit, "the end of the program", [&] { return text(); });
  return status_.value_or(-1);
}

bool Terminal::shows(const std::string& wanted) { return text().find(wanted) != std::string::npos; }

std::string Terminal::text() {
  read();
  std::string all;
  for (const auto& line : lines_) {
    for (const std::string& letter : line) all += letter.empty() ? " " : letter;
    all += '\n';
  }
  return all;
}

void Terminal::take(const std::string& bytes) {
  raw_ += bytes;
  pending_ += bytes;
  std::size_t at = 0;
  while (at < pending_.size()) {
    const auto first = static_cast<unsigned char>(pending_[at]);
    if (first == 0x1B) {
      const std::size_t length = escape(at);
      if (length == 0) break;  // the rest is on its way
      at += length;
      continue;
    }
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
    if (at + length > pending_.size()) break;
    const std::string letter = pending_.substr(at, length);
    at += length;
    if (letter == "\r")
      column_ = 0;
    else if (letter == "\n")
      new_line();
    else if (first >= 0x20)
      put(letter);
  }
  pending_.erase(0, at);
}

void Terminal::put(const std::string& letter) {
  if (column_ >= columns_) {
    ++overflows_;
    column_ = 0;
    new_line();
  }
  auto& line = lines_[row_];
  if (line.size() <= column_) line.resize(column_ + 1);
  line[column_++] = letter;
}

void Terminal::new_line() {
  if (row_ + 1 < rows_) {
    ++row_;
    return;
  }
  lines_.erase(lines_.begin());
  lines_.emplace_back();
}

// One escape sequence; its length, or 0 where it is not whole yet.
std::size_t Terminal::escape(std::size_t begin) {
  if (begin + 1 >= pending_.size()) return 0;
  if (pending_[begin + 1] != '[') return 2;
  std::size_t end = begin + 2;
  while (end < pending_.size() && !(pending_[end] >= '@' && pending_[end] <= '~')) ++end;
  if (end == pending_.size()) return 0;
  const std::string what = pending_.substr(begin + 2, end - begin - 2);
  switch (pending_[end]) {
    case 'H':
      row_ = column_ = 0;
      ++pictures_;
      overflows_before_ = std::exchange(overflows_, 0);
      break;
    case 'J':
      lines_[row_].resize(std::min(lines_[row_].size(), column_));
      for (std::size_t row = row_ + 1; row < rows_; ++row) lines_[row].clear();
      break;
    case 'K':
      lines_[row_].resize(std::min(lines_[row_].size(), column_));
      break;
    case 'm':
      has_colours_ = true;
      break;
    case 'h':
    case 'l':
      if (what == "?1049") {  // the other screen, or back
        lines_.assign(rows_, {});
        row_ = column_ = 0;
      }
      break;
    default:
      ADD_FAILURE() << "a sequence that no terminal of ours is sent: " << what << pending_[end];
  }
  return end + 1 - begin;
}

}  // namespace isocost::testing
