// Prompts as a file holds them: JSON lines, {"prompt": ...} each.
//
//   auto prompts = parse_prompts(text, "prompts.jsonl");
//
// Lines of white space alone are skipped, whatever ends them. Fails with every line that is no such
// object, and says what it is instead. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isocost {

[[nodiscard]] std::string prompts_text(const std::vector<std::string>& prompts);
[[nodiscard]] Result<std::vector<std::string>> parse_prompts(std::string_view text,
                                                             const std::string& where);

}  // namespace isocost
