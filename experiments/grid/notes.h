// What a user should know of a grid and is no fault: a sentence each, and each once, however many
// tasks and cells it is true of. For experiments/grid alone.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace isocost::experiments {

inline void add_note(std::vector<std::string>& notes, std::string note) {
  if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(std::move(note));
}

}  // namespace isocost::experiments
