#include "schema/prompts.h"

#include <algorithm>

#include "base/json.h"

namespace isocost {
namespace {

constexpr const char* kExpected = R"({"prompt": "..."}, one object a line)";
constexpr std::size_t kFaultsMax = 20;
constexpr std::size_t kMembersShown = 8;

std::string members_of(const Json& object) {
  std::string text;
  std::size_t shown = 0;
  for (const auto& [name, unused] : object.items()) {
    if (shown++ == kMembersShown) return text + ", ...";
    text += (text.empty() ? "'" : ", '") + name.substr(0, 40) + "'";
  }
  return text.empty() ? "no member" : text;
}

// What is wrong with a line's value; empty when nothing is.
std::string fault_of(const Json& line) {
  if (line.is_array()) return "this line is an array";
  if (!line.is_object()) return std::string("this line is a ") + line.type_name();
  if (!line.contains("prompt")) return "this line has no 'prompt': it has " + members_of(line);
  if (!line.at("prompt").is_string())
    return std::string("'prompt' is no text but ") + line.at("prompt").type_name();
  return {};
}

}  // namespace

std::string prompts_text(const std::vector<std::string>& prompts) {
  std::string text;
  for (const std::string& prompt : prompts) text += canonical({{"prompt", prompt}}) + "\n";
  return text;
}

Result<std::vector<std::string>> parse_prompts(std::string_view text, const std::string& where) {
  std::vector<std::string> prompts;
  Failure failure;
  std::size_t begin = 0;
  if (text.starts_with("\xEF\xBB\xBF")) begin = 3;  // a byte order mark, as some editors write it
  for (std::size_t number = 1; begin < text.size() && failure.errors.size() < kFaultsMax;
       ++number) {
    const std::size_t end = std::min(text.find_first_of("\r\n", begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + (text.substr(end).starts_with("\r\n") ? 2 : 1);
    if (line.find_first_not_of(" \t\v\f") == std::string_view::npos) continue;
    const std::string at = where + ":" + std::to_string(number);
    const auto json = parse_json(line, at, {.depth_max = 8});
    if (!json) {
      // The whole file may be one array over many lines.
      const bool is_array = line[line.find_first_not_of(" \t\v\f")] == '[';
      failure.add(is_array ? Failure{{{at, "this begins an array", kExpected}}} : json.error());
      if (is_array) break;
    } else if (const std::string fault = fault_of(*json); !fault.empty()) {
      failure.add(at, fault, kExpected);
    } else {
      prompts.push_back(json->at("prompt").get<std::string>());
    }
  }
  if (prompts.empty() && failure.is_empty())
    failure.add(where, "there is no prompt", std::string("a line each: ") + kExpected);
  if (!failure.is_empty()) return fail(std::move(failure));
  return prompts;
}

}  // namespace isocost
