#include "coordinator/log/event.h"

namespace isocost::log {

std::string text_of(const Event& event) {
  std::string text = event.kind;
  if (!event.who.empty()) text += ": " + event.who;
  if (!event.experiment.empty()) text += ": " + event.experiment;
  if (event.cell) {
    text += event.experiment.empty() ? ": " : ", ";
    text += "cell " + std::to_string(*event.cell);
    if (!event.labels.empty()) text += " (" + event.labels + ")";
  }
  if (!event.what.empty()) text += ": " + event.what;
  return text;
}

}  // namespace isocost::log
