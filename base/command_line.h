// How both programs read their command line: one sentence for what is wrong, and help for who asks
// or says nothing.
//
//   CLI::App app("what it does", "isocost"); ... app.require_subcommand(1);
//   if (const auto code = parse_command_line(app, argc, argv)) return *code;
//
// Header-only, for a program's main.cpp, which links CLI11. Thread: main.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace isocost {

inline constexpr int kExitUsage = 2;

namespace command_line {

inline std::string names_of_commands(const CLI::App& app) {
  std::string names;
  for (const CLI::App* command : app.get_subcommands({}))
    names += (names.empty() ? "" : ", ") + command->get_name();
  return names;
}

inline bool has_command(const CLI::App& app, const std::string& name) {
  return !app.get_subcommands([&](const CLI::App* one) { return one->get_name() == name; }).empty();
}

// The command that was chosen, and the commands of that one: "isocost keys generate".
inline std::string path_of(const CLI::App& app) {
  std::string path = app.get_name();
  for (const CLI::App* command : app.get_subcommands()) path += " " + path_of(*command);
  return path;
}

// "isocost help keys generate" -> "isocost keys generate --help".
inline std::vector<std::string> without_help(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty() || words[0] != "help" || has_command(app, "help")) return words;
  words.erase(words.begin());
  if (std::find(words.begin(), words.end(), "--help") == words.end()) words.emplace_back("--help");
  return words;
}

inline std::string fault_of(const CLI::App& app, const CLI::ParseError& error) {
  // What nobody knows explains what seems to be missing, so it is told first.
  const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
  return unknown.empty() ? error.what() : "'" + unknown.front() + "' is not known here";
}

}  // namespace command_line

// For numbers that are none: CLI11 takes "nan", reads "010" as eight and "-1" as a large number.
inline const CLI::Validator kWholeNumber(
    [](std::string& text) {
      const bool is_whole = !text.empty() && text.size() <= 20 &&
                            text.find_first_not_of("0123456789") == std::string::npos &&
                            (text.size() == 1 || text.front() != '0') &&
                            (text.size() < 20 || text <= "18446744073709551615");
      return is_whole ? std::string() : "'" + text + "' is not understood; expected a whole number";
    },
    "");
inline const CLI::Validator kFiniteNumber(
    [](std::string& text) {
      double value = 0;
      const bool is_number = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
      return is_number ? std::string() : "'" + text + "' is not understood; expected a number";
    },
    "");
inline const CLI::Validator kPositiveNumber(
    [](std::string& text) {
      double value = 0;
      const bool fits = CLI::detail::lexical_cast(text, value) && std::isfinite(value) && value > 0;
      return fits ? std::string() : "'" + text + "' is not understood; expected a number above 0";
    },
    "");

// What went wrong with standard output, a full disk among that; nothing where all of it is written.
// To be asked when everything is said.
inline std::optional<std::string> output_fault() {
  errno = 0;
  std::cout.flush();
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good()) return std::nullopt;
  const std::string why = errno == 0 ? "" : std::string(": ") + std::strerror(errno);
  return "standard output cannot be written" + why + "; what was printed is not whole";
}

// What a fault of the machine (disk full, memory) says to a user: of files, which and why.
inline std::string text_of(const std::exception& fault) {
  const auto* of_file = dynamic_cast<const std::filesystem::filesystem_error*>(&fault);
  if (of_file == nullptr) return fault.what();
  return of_file->path1().string() + ": " + of_file->code().message();
}

// The exit code of a program that has nothing more to do: after --help, or a fault, which is
// printed. Commands run inside: what their callbacks throw passes through.
inline std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv) {
  if (argc < 2) {
    std::cerr << app.help();
    return kExitUsage;
  }
  std::vector<std::string> words = command_line::without_help(app, argc, argv);
  const std::string first = words[0];
  if (!first.starts_with('-') && !command_line::has_command(app, first)) {
    std::cerr << app.get_name() << ": '" << first
              << "' is no command; expected one of: " << command_line::names_of_commands(app)
              << '\n';
    return kExitUsage;
  }
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 takes them
    app.parse(std::move(words));
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    std::cerr << app.get_name() << ": " << command_line::fault_of(app, error) << "; `"
              << command_line::path_of(app) << " --help` says what is expected\n";
    return kExitUsage;
  }
  return std::nullopt;
}

}  // namespace isocost
