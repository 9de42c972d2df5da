// What a figure's file says of itself: usermeta.isocost and its table (reports/figures/README.md).
// Reads whatever is there; who takes files from users checks them first (reports/figure_files.h).
#pragma once

#include <cctype>
#include <string>
#include <vector>

#include "base/json.h"

namespace isocost::report {

// Whether names in expressions may have it.
[[nodiscard]] inline bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

struct FigureMeta {
  std::string table;               // data.name
  std::string title, caption;      // with words that begin with $
  std::string needs;               // a column without which it is left out
  std::string varies;              // a column without two values of which it is left out
  std::string metrics;             // "all" or "others": once a metric; else ""
  std::vector<std::string> kinds;  // of tasks; empty: all
};

[[nodiscard]] inline FigureMeta meta_of(const Json& spec) {
  const auto member = [](const Json& object, const char* name) {
    return object.is_object() && object.contains(name) ? object[name] : Json();
  };
  const auto text = [&](const Json& object, const char* name) {
    const Json value = member(object, name);
    return value.is_string() ? value.get<std::string>() : std::string();
  };
  const Json meta = member(member(spec, "usermeta"), "isocost");
  FigureMeta result;
  result.table = text(member(spec, "data"), "name");
  result.title = text(meta, "title");
  result.caption = text(meta, "caption");
  result.needs = text(meta, "needs");
  result.varies = text(meta, "varies");
  result.metrics = text(meta, "metrics");
  for (const Json& kind : member(meta, "kinds"))
    if (kind.is_string()) result.kinds.push_back(kind.get<std::string>());
  return result;
}

}  // namespace isocost::report
