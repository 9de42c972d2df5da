#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "reports/html/sections.h"
#include "reports/model/display.h"

namespace isocost::report {
namespace {

std::string score_text(const Report& report, const Setting& setting) {
  return report.study.choice->metric.label + " " +
         display_interval(setting.value, setting.low, setting.high);
}

// Where the winning model changes; at most four, the first and the last among them.
std::vector<const Answer*> turning_points(const std::vector<Answer>& answers) {
  std::vector<const Answer*> points;
  for (const Answer& answer : answers)
    if (points.empty() || points.back()->best.point->model != answer.best.point->model)
      points.push_back(&answer);
  if (points.back() != &answers.back() && points.size() < 2) points.push_back(&answers.back());
  while (points.size() > 4)
    points.erase(points.begin() + static_cast<std::ptrdiff_t>(points.size() / 2));
  return points;
}

void write_sentence(Markup& html, const Report& report, std::size_t axis) {
  html.open("p", {{"class", "answer-sentence"}});
  bool is_first = true;
  for (const Answer* answer : turning_points(report.answers[axis])) {
    const Point& best = *answer->best.point;
    html.text(is_first ? "With " : " With ");
    html.element("strong", display(answer->budget) + " " + cost_axes()[axis].unit);
    html.text(" use ").element("strong", best.model);
    html.text(fmt::format(" ({}, {} steps, guidance {}): {}.", best.series, best.steps,
                          display(best.guidance), score_text(report, answer->best)));
    is_first = false;
  }
  if (const std::string told = report.study.choice->told_apart(); !told.empty())
    html.text(" " + told);
  html.close("p");
}

// "w16" and below it how it is sampled.
void write_way(Markup& html, const Setting& setting) {
  const Point& point = *setting.point;
  html.open("td", {{"class", "keep"}}).element("span", point.model, {{"class", "model"}});
  html.element("span", point.series, {{"class", "way"}});
  html.element("span", fmt::format("{} steps, guidance {}", point.steps, display(point.guidance)),
               {{"class", "way"}});
  html.close("td");
}

// Whether the lead is more than chance, and what is as good for less.
void write_certainty(Markup& html, const Answer& answer, std::size_t axis) {
  html.open("td", {{"class", "keep"}});
  if (answer.tied > 0)
    html.element("span", fmt::format("tie with {}", answer.tied), {{"class", "chip open"}});
  else if (answer.runner_up_is_resolved)
    html.element("span", "clear", {{"class", "chip clear"}});
  else if (answer.runner_up)
    html.element("span", "no interval", {{"class", "chip open"}});
  if (answer.other_model)
    html.element("span",
                 (answer.other_model_is_resolved ? "clear against " : "open against ") +
                     answer.other_model->point->model,
                 {{"class", "soft"}});
  if (answer.cheapest_tied) {
    const Point& cheap = *answer.cheapest_tied->point;
    html.element("span",
                 fmt::format("as good for {}: {}, {} steps", display(*cheap.costs[axis]),
                             cheap.model, cheap.steps),
                 {{"class", "soft"}});
  }
  html.close("td");
}

void write_score(Markup& html, const Setting& setting) {
  html.open("td", {{"class", "keep"}}).text(display_score(setting.value));
  if (setting.low && setting.high)
    html.element("span", display_score(*setting.low) + " to " + display_score(*setting.high),
                 {{"class", "soft"}});
  html.close("td");
}

void write_table(Markup& html, const Report& report, std::size_t axis) {
  const std::string& metric = report.study.choice->metric.label;
  open_table(html, "What to use at which budget",
             {{"Budget", true},
              {"Use", false},
              {metric + ", 95 % interval", false},
              {"Costs", true},
              {"Runner-up", false},
              {metric + ", 95 % interval", false},
              {"How sure", false}});
  for (const Answer& answer : report.answers[axis]) {
    html.open("tr");
    html.element("th", display(answer.budget), {{"class", "number"}, {"scope", "row"}});
    write_way(html, answer.best);
    write_score(html, answer.best);
    html.element("td", display(*answer.best.point->costs[axis]), {{"class", "number"}});
    if (answer.runner_up) {
      write_way(html, *answer.runner_up);
      write_score(html, *answer.runner_up);
    } else {
      html.element("td", "nothing else fits", {{"class", "soft"}}).open("td").close("td");
    }
    write_certainty(html, answer, axis);
    html.close("tr");
  }
  close_table(html);
  html.element("p",
               "Budget and costs in " + cost_axes()[axis].unit +
                   (cost_axes()[axis].is_measured ? ", as measured on this study's devices." : "."),
               {{"class", "soft small"}});
}

// What flatters these numbers, said where they stand.
void write_bias(Markup& html, const Report& report) {
  const Setting& any = report.candidates.front();
  std::size_t most = 0;
  for (const Setting& setting : report.candidates) most = std::max(most, setting.candidates);
  const std::string& metric = report.study.choice->metric.label;
  html.open("p", {{"class", "soft"}});
  if (any.source == Source::kJudgedOnOtherImages) {
    html.text(
        fmt::format("Guidance was chosen among up to {} values on {}; every value above is of {}, "
                    "which were not used to choose it. "
                    "That each row shows the best of many settings still flatters it a little.",
                    most, images_text(report.study.choice->spec.range),
                    images_text(report.study.judgement->spec.range)));
  } else if (most > 1) {
    html.text(
        fmt::format("Each value is the best of up to {} guidances on the same {} images that it is "
                    "reported on, which flatters it "
                    "a little (min-of-{} bias). isocost select writes a grid of finalists that are "
                    "judged on other images.",
                    most, report.study.choice->spec.range.size(), most));
  } else {
    html.text(
        fmt::format("Every {} is of {}.", metric, images_text(report.study.choice->spec.range)));
  }
  html.text(
      " A lead is called clear if the 95 % interval of the difference, taken over the same images, "
      "excludes 0; a tie counts the settings that are not told apart from the best one so.");
  html.close("p");
}

}  // namespace

bool has_axis(const Report& report, std::size_t axis) { return !report.answers[axis].empty(); }

void write_answer(Markup& html, const Report& report) {
  html.open("section", {{"id", "answer"}});
  if (report.candidates.empty()) {
    html.element("p", "No cell has a score yet, so there is no answer yet.",
                 {{"class", "answer-sentence"}})
        .close("section");
    return;
  }
  bool is_first = true;
  for (std::size_t axis = 0; axis < cost_axes().size(); ++axis) {
    if (!has_axis(report, axis)) continue;
    if (is_first)
      html.open("div", {{"data-axis", cost_axes()[axis].column}});
    else
      html.open("div", {{"data-axis", cost_axes()[axis].column}, {"hidden", "hidden"}});
    is_first = false;
    write_sentence(html, report, axis);
    write_table(html, report, axis);
    html.close("div");
  }
  write_bias(html, report);
  html.close("section");
}

}  // namespace isocost::report
