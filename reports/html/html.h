// A report as one self-contained HTML file: script, style, tables and pictures are in it, and its
// content security policy forbids every request. Pure: what is read from disk (pictures, prompts, a
// user's figures) is handed in.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "reports/model/report.h"

namespace isocost::report {

struct Figure {
  std::string name;
  Json spec;  // Vega-Lite; usermeta.isocost says title, caption, needs, ...
              // (reports/figures/README.md)
};

struct PageInputs {
  std::vector<Figure> figures;                  // in the order in which they are shown
  std::map<std::string, std::string> pictures;  // hex of the digest -> bytes of a PNG file
  std::set<std::string> left_out;               // pictures that are there, for want of room
  // Of the pictures that are shown: digest of the prompts' file -> image number -> prompt.
  std::map<std::string, std::map<std::uint64_t, std::string>> prompts;
};

[[nodiscard]] std::string to_html(const Report& report, const PageInputs& inputs);

}  // namespace isocost::report
