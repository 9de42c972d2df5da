// A program in a pseudo-terminal, and what a person would see of it: for tests of what is painted.
//
//   Terminal terminal({program("isocost"), "watch"}, 80, 24, {"NO_COLOR=1"});
//   wait_until([&] { return terminal.shows("workers"); }, 10s, "workers", [&] { return
//   terminal.text(); }); terminal.resize(40, 10); terminal.type("q");
//
// It understands what programs of ours send: text in UTF-8, returns, cursor home, clearing of line
// and screen, colours, the other screen. A letter beyond the last column goes to the next line, as
// on any terminal, and is counted. Thread: one; read() takes in what has come.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace isocost::testing {

class Terminal {
 public:
  Terminal(std::vector<std::string> command, int columns, int rows,
           const std::vector<std::string>& environment = {});
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void read();
  void resize(int columns, int rows);
  void type(const std::string& keys);
  void kill(int signal);
  // Fails the test when it has not ended within `limit`.
  int wait(std::chrono::milliseconds limit);

  // Of the screen as it is now, after a read().
  [[nodiscard]] bool shows(const std::string& text);
  [[nodiscard]] std::string text();
  // Pictures that were begun, each with the cursor at home, and lines of the last whole one that
  // were longer than the terminal was wide. Who resizes it waits for two more pictures before that
  // one: what is on its way was painted for the old size.
  [[nodiscard]] int pictures() const { return pictures_; }
  [[nodiscard]] int overflows() const { return overflows_before_; }
  [[nodiscard]] bool has_colours() const { return has_colours_; }
  // Everything that came, as it came.
  [[nodiscard]] const std::string& raw() const { return raw_; }

 private:
  void take(const std::string& bytes);
  void put(const std::string& letter);
  void new_line();
  std::size_t escape(std::size_t begin);

  pid_t pid_ = -1;
  int master_ = -1;
  std::size_t columns_;
  std::size_t rows_;
  std::vector<std::vector<std::string>> lines_;  // a letter a column
  std::size_t row_ = 0, column_ = 0;
  int pictures_ = 0, overflows_ = 0, overflows_before_ = 0;
  bool has_colours_ = false;
  std::string raw_, pending_;
  std::optional<int> status_;
};

}  // namespace isocost::testing
