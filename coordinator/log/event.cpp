#include "coordinator/log/event.h"

#include <utility>

#include "base/text.h"

namespace isocost::log {

std::string about_text(const Event& event) {
  std::string where = event.experiment;
  if (event.cell) {
    where += (where.empty() ? "cell " : ", cell ") + std::to_string(*event.cell);
    if (!event.labels.empty()) where += " (" + event.labels + ")";
  }
  std::string text;
  for (const std::string* part : {&event.who, &std::as_const(where), &event.what})
    if (!part->empty()) text += (text.empty() ? "" : ": ") + *part;
  return one_line(text, kEventBytesMax);
}

std::string text_of(const Event& event) {
  const std::string about = about_text(event);
  return one_line(event.kind, kNameBytesMax) + (about.empty() ? "" : ": " + about);
}

}  // namespace isocost::log
