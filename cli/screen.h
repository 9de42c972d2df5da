// What `isocost watch` paints: a coordinator's status and its last events as lines of a terminal.
//
//   std::vector<std::string> lines = paint(status, events, {.size = {80, 24}, .has_colour = true});
//
// There are at most as many lines as rows, and none is longer than there are columns; escape
// sequences of colours take none. Pure but for the local time of events; any thread.
#pragma once

#include <string>
#include <vector>

#include "cli/terminal.h"
#include "coordinator/core/snapshot.h"

namespace isocost::cli {

struct Screen {
  TerminalSize size{};
  bool has_colour = false;
  bool has_utf8 = false;
  std::string title{};  // "isocost 0.1.0, http://127.0.0.1:7780"
  std::string note{};   // "the coordinator does not answer"; empty: all is well
};

[[nodiscard]] std::vector<std::string> paint(const core::Snapshot& status,
                                             const std::vector<log::Event>& events,
                                             const Screen& screen);

}  // namespace isocost::cli
