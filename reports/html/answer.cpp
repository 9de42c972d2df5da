#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/html/base64.h"
#include "reports/html/sections.h"
#include "reports/latex/latex.h"
#include "reports/model/display.h"

namespace isocost::report {
namespace {

std::string score_text(const Study& study, const Setting& setting) {
  return study.choice->metric.label + " " +
         display_interval(setting.value, setting.low, setting.high);
}

// Where the model to use changes; at most four, the first and the last among them.
std::vector<const Answer*> turning_points(const std::vector<Answer>& answers) {
  std::vector<const Answer*> points;
  for (const Answer& answer : answers)
    if (points.empty() || points.back()->use.point->model != answer.use.point->model)
      points.push_back(&answer);
  if (points.back() != &answers.back() && points.size() < 2) points.push_back(&answers.back());
  while (points.size() > 4)
    points.erase(points.begin() + static_cast<std::ptrdiff_t>(points.size() / 2));
  return points;
}

// ", as good as the best, w64 with 20 steps, at four times the cost"
std::string as_good_as(const Answer& answer, std::size_t axis) {
  if (answer.use_is_best()) return "";
  const Point& best = *answer.best.point;
  return fmt::format(", as good as the best, {} with {} steps, at {} the cost", best.model,
                     best.steps, times_in_words(answer.times_dearer(axis)));
}

void write_sentence(Markup& html, const TaskPage& page, std::size_t axis) {
  const auto& answers = page.task.answers[axis];
  html.open("p", {{"class", "answer-sentence"}});
  bool is_first = true;
  for (const Answer* answer : turning_points(answers)) {
    const Point& use = *answer->use.point;
    html.text(is_first ? "With " : " With ");
    html.element("strong", display(answer->budget) + " " + cost_axes()[axis].unit);
    html.text(" use ").element("strong", use.model);
    html.text(fmt::format(" ({}, {} steps, guidance {}): {}{}.", use.series, use.steps,
                          display(use.guidance), score_text(page.study(), answer->use),
                          as_good_as(*answer, axis)));
    is_first = false;
  }
  if (const std::string told = page.study().choice->told_apart(); !told.empty())
    html.text(" " + told);
  html.close("p");
  const auto list = doubts(answers, page.study());
  if (list.empty()) return;
  html.open("p", {{"class", "doubts-lead"}}).text("What makes it uncertain:").close("p");
  html.open("ul", {{"class", "doubts"}});
  for (const std::string& doubt : list) html.element("li", doubt);
  html.close("ul");
}

// "w16" and below it how it is sampled.
void write_way(Markup& html, const Setting& setting) {
  const Point& point = *setting.point;
  html.element("span", point.model, {{"class", "model"}});
  html.element("span", point.series, {{"class", "way"}});
  html.element("span", fmt::format("{} steps, guidance {}", point.steps, display(point.guidance)),
               {{"class", "way"}});
}

void write_score(Markup& html, const Setting& setting) {
  html.text(display_score(setting.value));
  if (setting.low && setting.high)
    html.element("span", display_ends(setting.value, *setting.low, *setting.high),
                 {{"class", "soft"}});
}

void write_cost(Markup& html, const Setting& setting, std::size_t axis) {
  const auto& range = setting.point->cost_ranges[axis];
  html.open("td", {{"class", "number"}, {"data-label", "Costs"}})
      .text(display(*setting.point->costs[axis]));
  if (range)
    html.element("span", display(range->low) + " to " + display(range->high), {{"class", "soft"}});
  html.close("td");
}

void write_best(Markup& html, const TaskPage& page, const Answer& answer, std::size_t axis) {
  html.open("td", {{"class", "keep"}, {"data-label", "The best"}});
  if (answer.use_is_best()) {
    html.element("span", "this one", {{"class", "soft"}}).close("td");
    return;
  }
  write_way(html, answer.best);
  html.element("span", score_text(page.study(), answer.best), {{"class", "soft"}});
  html.element("span", "at " + times_in_words(answer.times_dearer(axis)) + " the cost",
               {{"class", "soft"}});
  html.close("td");
}

// Whether the lead is more than chance, and what else leaves it open.
void write_certainty(Markup& html, const TaskPage& page, const Answer& answer) {
  html.open("td", {{"class", "sure"}, {"data-label", "How sure"}});
  if (answer.tied > 0)
    html.element("span", fmt::format("tie with {}", in_words(answer.tied)),
                 {{"class", "chip open"}});
  else if (answer.runner_up_is_resolved)
    html.element("span", "clear", {{"class", "chip clear"}});
  else if (answer.runner_up)
    html.element("span", "no interval", {{"class", "chip open"}});
  else
    html.element("span", "nothing else fits", {{"class", "soft"}});
  if (answer.use_gap)
    html.element(
        "span",
        fmt::format("{} {} than the best ({} to {})", display(std::abs(answer.use_gap->value)),
                    page.study().choice->metric.is_lower_better ? "higher" : "lower",
                    display(answer.use_gap->low), display(answer.use_gap->high)),
        {{"class", "soft"}});
  if (answer.other_model)
    html.element("span",
                 (answer.other_model_is_resolved ? "the best is clear against "
                                                 : "the best is open against ") +
                     answer.other_model->point->model,
                 {{"class", "soft"}});
  if (answer.use.is_at_edge)
    html.element("span", "guidance at the edge of the grid", {{"class", "soft"}});
  if (answer.use.is_at_most_steps)
    html.element("span", "no more steps in the grid", {{"class", "soft"}});
  html.close("td");
}

void write_table(Markup& html, const TaskPage& page, std::size_t axis) {
  const std::string metric = page.study().choice->metric.label + ", 95 % interval";
  open_table(html,
             "What to use at which budget: " + page.study().task + ", " + cost_axes()[axis].label,
             {{"Budget", true},
              {"Use", false},
              {metric, false},
              {"Costs", true},
              {"The best", false},
              {"How sure", false}},
             "answers");
  for (const Answer& answer : page.task.answers[axis]) {
    html.open("tr");
    html.element("th", display(answer.budget),
                 {{"class", "number"}, {"scope", "row"}, {"data-label", "Budget"}});
    html.open("td", {{"class", "keep"}, {"data-label", "Use"}});
    write_way(html, answer.use);
    html.close("td").open("td", {{"class", "keep"}, {"data-label", metric}});
    write_score(html, answer.use);
    html.close("td");
    write_cost(html, answer.use, axis);
    write_best(html, page, answer, axis);
    write_certainty(html, page, answer);
    html.close("tr");
  }
  close_table(html);
  html.element("p",
               "Budget and costs in " + cost_axes()[axis].unit +
                   (cost_axes()[axis].is_measured
                        ? ", as measured on this study's devices: the mean of all units that did "
                          "equal work, with its 95 % interval."
                        : "."),
               {{"class", "soft small"}});
  const std::string latex = answer_latex(page.task, axis);
  html.open("details")
      .element("summary", "This table for LaTeX")
      .open("p", {{"class", "small"}})
      .element("a", "answer.tex",
               {{"download", "answer-" + page.study().task_id + ".tex"},
                {"href", "data:application/x-tex;base64," + base64(latex)}})
      .text(" (package booktabs); answer.csv beside the report has all of it.")
      .close("p")
      .element("pre", latex, {{"tabindex", "0"}})
      .close("details");
}

// What flatters these numbers, said where they stand.
void write_bias(Markup& html, const TaskPage& page) {
  const TaskReport& task = page.task;
  const Study& study = page.study();
  const Setting& any = task.candidates.front();
  std::size_t most = 0;
  for (const Setting& setting : task.candidates) most = std::max(most, setting.candidates);
  html.open("p", {{"class", "soft"}});
  if (any.source == Source::kJudgedOnOtherImages) {
    html.text(fmt::format(
        "Guidance was chosen among up to {} values on {}; every value above is of {}, "
        "which were not used to choose it. "
        "That each row shows the best of many settings still flatters it a little.",
        most, images_text(study.choice->spec.range), images_text(study.judgement->spec.range)));
  } else if (most > 1) {
    html.text(
        fmt::format("Each value is the best of up to {} guidances on the same {} images that it is "
                    "reported on, which flatters it "
                    "a little (min-of-{} bias). isocost select writes a grid of finalists that are "
                    "judged on other images.",
                    most, study.choice->spec.range.size(), most));
  } else {
    html.text(fmt::format("Every {} is of {}.", study.choice->metric.label,
                          images_text(study.choice->spec.range)));
  }
  html.text(
      " Two settings are told apart if the 95 % interval of their difference, taken over the same "
      "images, excludes 0. The setting to use is the cheapest of the envelope that is not told "
      "apart from the best within the budget; a tie counts all settings that are not.");
  html.close("p");
}

}  // namespace

bool has_axis(const TaskReport& task, std::size_t axis) { return !task.answers[axis].empty(); }

bool has_axis(const Report& report, std::size_t axis) {
  return std::any_of(report.tasks.begin(), report.tasks.end(),
                     [&](const TaskReport& task) { return has_axis(task, axis); });
}

void write_answer(Markup& html, const TaskPage& page) {
  html.open("section", {{"id", page.id("answer")}, {"class", "answer"}});
  if (!page.is_alone) html.element(page.section_heading(), "Answer");
  if (page.task.candidates.empty()) {
    html.element("p", "No cell has a score yet, so there is no answer yet.",
                 {{"class", "answer-sentence"}})
        .close("section");
    return;
  }
  bool is_first = true;
  for (std::size_t axis = 0; axis < cost_axes().size(); ++axis) {
    if (!has_axis(page.task, axis)) continue;
    if (is_first)
      html.open("div", {{"data-axis", cost_axes()[axis].column}});
    else
      html.open("div", {{"data-axis", cost_axes()[axis].column}, {"hidden", "hidden"}});
    is_first = false;
    write_sentence(html, page, axis);
    write_table(html, page, axis);
    html.close("div");
  }
  // Other currencies have no answer: there is no cost at all.
  if (is_first)
    html.element("p", "No cell has a known cost, so there is no answer by budget.",
                 {{"class", "answer-sentence"}});
  write_bias(html, page);
  html.close("section");
}

}  // namespace isocost::report
