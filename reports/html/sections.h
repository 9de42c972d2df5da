// The parts of the page, top to bottom; used by html.cpp alone.
#pragma once

#include "reports/html/html.h"
#include "reports/html/markup.h"

namespace isocost::report {

// A task's part of the page. Where it is the only one, its sections are those of the page; else the
// task has a section, and they stand in it, one level lower and with its id in theirs.
struct TaskPage {
  const Report& report;
  const TaskReport& task;
  const PageInputs& inputs;
  bool is_alone = true;

  [[nodiscard]] const Study& study() const { return task.study; }
  [[nodiscard]] std::string id(const std::string& section) const {
    return is_alone ? section : section + "-" + study().task_id;
  }
  // Of an image; null where it is not known.
  [[nodiscard]] const std::string* prompt(std::uint64_t number) const {
    const auto file = inputs.prompts.find(study().prompts);
    if (file == inputs.prompts.end()) return nullptr;
    const auto found = file->second.find(number);
    return found == file->second.end() ? nullptr : &found->second;
  }
  [[nodiscard]] std::string section_heading() const { return is_alone ? "h2" : "h3"; }
  [[nodiscard]] std::string heading() const { return is_alone ? "h3" : "h4"; }
};

void write_answer(Markup& html, const TaskPage& page);
void write_baselines(Markup& html, const TaskPage& page);
void write_figures(Markup& html, const TaskPage& page, const std::vector<Figure>& figures);
void write_findings(Markup& html, const TaskPage& page);
void write_pictures(Markup& html, const TaskPage& page);
void write_failed(Markup& html, const Report& report);
void write_protocol(Markup& html, const Report& report);
void write_words(Markup& html, const Report& report);

// The figures that a task has data for, those over several metrics once a metric.
[[nodiscard]] std::vector<Figure> figures_of(const Report& report, const TaskReport& task,
                                             const std::vector<Figure>& figures);
// Everything the script draws from, as JSON in which no "<" stands.
[[nodiscard]] std::string page_data(const Report& report,
                                    const std::vector<std::vector<Figure>>& figures);

// "images 0 to 511"
[[nodiscard]] std::string images_text(const ImageRange& range);
// Whether a task has an answer in this currency.
[[nodiscard]] bool has_axis(const TaskReport& task, std::size_t axis);
[[nodiscard]] bool has_axis(const Report& report, std::size_t axis);

// A table that scrolls inside its box.
void open_table(Markup& html, const std::string& label,
                const std::vector<std::pair<std::string, bool>>& columns,  // name, is number
                const std::string& css_class = "");
void close_table(Markup& html);

}  // namespace isocost::report
