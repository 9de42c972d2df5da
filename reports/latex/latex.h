// A task's answer as a LaTeX table, for a paper; the package booktabs is all that it needs. Pure.
#pragma once

#include <string>
#include <string_view>

#include "reports/model/report.h"

namespace isocost::report {

// Text that LaTeX prints as it is.
[[nodiscard]] std::string escape_latex(std::string_view text);

// Empty where the task has no answer on this axis.
[[nodiscard]] std::string answer_latex(const TaskReport& task, std::size_t axis);
// Of all tasks, each on the first axis that it has an answer on: answer.tex.
[[nodiscard]] std::string answers_latex(const Report& report);

}  // namespace isocost::report
