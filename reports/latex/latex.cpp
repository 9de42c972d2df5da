#include "reports/latex/latex.h"

#include <fmt/format.h>

#include "reports/model/display.h"

namespace isocost::report {
namespace {

// Numbers with LaTeX's own thin space between thousands, and a true minus.
std::string number(const std::string& text) { return "$" + escape_latex(text) + "$"; }

std::string interval(const Setting& setting) {
  if (!setting.low || !setting.high) return "--";
  const std::string ends = display_ends(setting.value, *setting.low, *setting.high);
  const std::size_t middle = ends.find(" to ");
  return number(ends.substr(0, middle)) + " to " + number(ends.substr(middle + 4));
}

std::string way(const Setting& setting) {
  const Point& point = *setting.point;
  return fmt::format("{} & {} & {} & {}", escape_latex(point.model), escape_latex(point.series),
                     point.steps, number(display(point.guidance)));
}

std::string best_text(const Answer& answer, std::size_t axis) {
  if (answer.use_is_best()) return "itself";
  return escape_latex(fmt::format("{}, {} steps, at {} the cost", answer.best.point->model,
                                  answer.best.point->steps,
                                  times_in_words(answer.times_dearer(axis))));
}

}  // namespace

std::string escape_latex(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("\u202f")) {
      out += "\\,";
      i += std::string_view("\u202f").size() - 1;
      continue;
    }
    const char c = text[i];
    switch (c) {
      case '\\':
        out += "\\textbackslash{}";
        break;
      case '~':
        out += "\\textasciitilde{}";
        break;
      case '^':
        out += "\\textasciicircum{}";
        break;
      case '<':
        out += "\\textless{}";
        break;
      case '>':
        out += "\\textgreater{}";
        break;
      case '|':
        out += "\\textbar{}";
        break;
      case '\n':
      case '\r':
      case '\t':
        out += ' ';
        break;
      case '&':
      case '%':
      case '$':
      case '#':
      case '_':
      case '{':
      case '}':
        out += '\\';
        out += c;
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string answer_latex(const TaskReport& task, std::size_t axis) {
  if (task.answers[axis].empty()) return {};
  const Study& study = task.study;
  const CostAxis& cost = cost_axes()[axis];
  const std::string metric = escape_latex(study.choice->metric.label);
  std::string text = fmt::format(
      "\\begin{{table}}\n  \\centering\n  \\caption{{{}: the cheapest setting within each budget "
      "that is not told apart from the best ({} of {} images with its 95\\,\\% interval; told "
      "apart: the 95\\,\\% interval of the difference excludes 0). Budget and cost in {}.{}}}\n"
      "  \\begin{{tabular}}{{rllrrrrll}}\n    \\toprule\n    Budget & Model & Sampler & Steps & "
      "Guidance & Cost & {} & Interval & As good "
      "as \\\\\n    \\midrule\n",
      escape_latex(study.task), metric, task.answers[axis].front().use.n, escape_latex(cost.unit),
      study.choice->apart.empty() ? "" : " " + escape_latex(study.choice->told_apart()), metric);
  for (const Answer& answer : task.answers[axis])
    text += fmt::format("    {} & {} & {} & {} & {} & {} \\\\\n", number(display(answer.budget)),
                        way(answer.use), number(display(*answer.use.point->costs[axis])),
                        number(display_score(answer.use.value)), interval(answer.use),
                        best_text(answer, axis));
  return text + "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n";
}

std::string answers_latex(const Report& report) {
  std::string text = "% Made by isocost; needs \\usepackage{booktabs}.\n";
  for (const TaskReport& task : report.tasks)
    for (std::size_t axis = 0; axis < cost_axes().size(); ++axis)
      if (const std::string table = answer_latex(task, axis); !table.empty()) {
        text += "\n" + table;
        break;
      }
  return text;
}

}  // namespace isocost::report
