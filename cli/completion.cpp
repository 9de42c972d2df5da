// isocost completion bash|zsh|fish: what a shell completes, made from the commands themselves.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"

namespace isocost::cli {
namespace {

struct Option {
  std::vector<std::string> names;  // "--out", "-o"
  std::string description;
  bool has_value = false;
};

struct Command {
  std::string path;  // "keys generate"; of the program itself: empty
  std::string description;
  std::vector<Option> options;
  std::vector<std::pair<std::string, std::string>> commands;  // below it: name and description
};

Command describe(const CLI::App& app, const std::string& path) {
  Command command{path, app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty() && option->get_snames().empty()) continue;  // by its place
    Option found{{}, option->get_description(), option->get_items_expected_max() > 0};
    for (const std::string& name : option->get_lnames()) found.names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) found.names.push_back("-" + name);
    command.options.push_back(std::move(found));
  }
  for (const CLI::App* below : app.get_subcommands({}))
    command.commands.emplace_back(below->get_name(), below->get_description());
  if (path.empty()) command.commands.emplace_back("help", "Say what a command is and takes");
  return command;
}

void collect(const CLI::App& app, const std::string& path, std::vector<Command>& commands) {
  commands.push_back(describe(app, path));
  for (const CLI::App* below : app.get_subcommands({}))
    collect(*below, path.empty() ? below->get_name() : path + " " + below->get_name(), commands);
}

// Every command, the program itself first.
std::vector<Command> commands_of(const CLI::App& app) {
  std::vector<Command> commands;
  collect(app, "", commands);
  Command help{"help", "", {}, commands.front().commands};
  std::erase_if(help.commands, [](const auto& one) { return one.first == "help"; });
  commands.push_back(std::move(help));
  return commands;
}

// Within single quotes, with what else would mean something there.
std::string in_quotes(const std::string& text, const std::string& specials = "") {
  std::string safe;
  for (const char c : text) {
    if (c == '\n') continue;
    if (specials.find(c) != std::string::npos) safe += '\\';
    safe += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return "'" + safe + "'";
}

std::string bash_script(const std::vector<Command>& commands) {
  std::string below, words;
  for (const Command& command : commands) {
    for (const auto& [name, unused] : command.commands) {
      const std::string path = command.path.empty() ? name : command.path + " " + name;
      if (command.path != "help")
        below += fmt::format("      {}) path={} ;;\n", in_quotes(command.path + "|" + name),
                             in_quotes(path));
    }
    std::string all;
    for (const auto& [name, unused] : command.commands) all += name + " ";
    for (const Option& option : command.options)
      for (const std::string& name : option.names) all += name + " ";
    words += fmt::format("    {}) words={} ;;\n", in_quotes(command.path), in_quotes(all));
  }
  return fmt::format(R"(# isocost for bash. In ~/.bashrc: source <(isocost completion bash)
_isocost() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} path='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path|${{COMP_WORDS[i]}}" in
{}    esac
  done
  case "$path" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _isocost isocost
)",
                     below, words);
}

std::string zsh_script(const std::vector<Command>& commands) {
  std::string below, cases;
  for (const Command& command : commands) {
    for (const auto& [name, unused] : command.commands)
      if (command.path != "help")
        below += fmt::format("      {}) path_so_far={} ;;\n", in_quotes(command.path + "|" + name),
                             in_quotes(command.path.empty() ? name : command.path + " " + name));
    std::string lines;
    if (!command.commands.empty()) {
      lines += "      entries=(";
      for (const auto& [name, description] : command.commands)
        lines += "\n        " + in_quotes(name + ":" + description);
      lines += ")\n      _describe -t commands command entries\n";
    }
    if (!command.options.empty()) {
      lines += "      _arguments -s";
      for (const Option& option : command.options)
        for (const std::string& name : option.names)
          lines += " \\\n        " +
                   in_quotes(name + (option.has_value && name.size() > 2 ? "=" : "") + "[", "") +
                   in_quotes(option.description, "[]:\\") +
                   (option.has_value ? "']:value:_files'" : "']'");
      lines += " \\\n        '*:file:_files'\n";
    }
    cases += fmt::format("    {})\n{}      ;;\n", in_quotes(command.path), lines);
  }
  return fmt::format(R"(#compdef isocost
# isocost for zsh. In ~/.zshrc, below compinit: source <(isocost completion zsh)
_isocost() {{
  local path_so_far='' i
  local -a entries
  for ((i = 2; i < CURRENT; i++)); do
    case "$path_so_far|${{words[i]}}" in
{}    esac
  done
  case "$path_so_far" in
{}  esac
}}
if [[ $funcstack[1] == _isocost ]]; then  # from a folder of fpath, where the file is the function
  _isocost "$@"
else
  compdef _isocost isocost
fi
)",
                     below, cases);
}

// The condition under which fish offers what belongs to a command.
std::string fish_condition(const Command& command) {
  if (command.path.empty()) return "__fish_use_subcommand";
  std::string condition;
  for (std::size_t begin = 0; begin < command.path.size();) {
    const std::size_t end = std::min(command.path.find(' ', begin), command.path.size());
    condition += (condition.empty() ? "" : "; and ") + std::string("__fish_seen_subcommand_from ") +
                 command.path.substr(begin, end - begin);
    begin = end + 1;
  }
  return condition;
}

std::string fish_script(const std::vector<Command>& commands) {
  std::string script =
      "# isocost for fish: isocost completion fish > ~/.config/fish/completions/isocost.fish\n";
  for (const Command& command : commands) {
    const std::string head = "complete -c isocost -n " + in_quotes(fish_condition(command));
    for (const auto& [name, description] : command.commands)
      script += fmt::format("{} -f -a {} -d {}\n", head, name, in_quotes(description, "\\"));
    for (const Option& option : command.options) {
      script += head;
      for (const std::string& name : option.names)
        script += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      script += fmt::format("{} -d {}\n", option.has_value ? " -r" : "",
                            in_quotes(option.description, "\\"));
    }
  }
  return script;
}

}  // namespace

void add_completion(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("completion", "Print what a shell completes isocost by");
  command->require_subcommand(1);
  using Script = std::string (*)(const std::vector<Command>&);
  const auto add = [&](const char* shell, Script script) {
    command->add_subcommand(shell, std::string("For ") + shell)
        ->callback([&app, &exit_code, script] {
          fmt::print("{}", script(commands_of(app)));
          exit_code = kExitDone;
        });
  };
  add("bash", bash_script);
  add("zsh", zsh_script);
  add("fish", fish_script);
}

}  // namespace isocost::cli
