#include <fmt/format.h>

#include <map>
#include <set>

#include "base/json_text.h"
#include "reports/html/sections.h"
#include "reports/model/display.h"

namespace isocost::report {
namespace {

// {"a": 1, "b": "x"} -> "a 1, b x"
std::string flat(const Json& object) {
  std::string text;
  for (const auto& [name, value] : object.items())
    text += (text.empty() ? "" : ", ") + name + " " + plain_text(value);
  return text.empty() ? "defaults" : text;
}

std::string short_key(const std::string& key) {
  return key.substr(0, key.starts_with("sha256:") ? 19 : 12);
}

void write_extractor(Markup& html, const Study& study, const ExtractorSpec& extractor) {
  html.text(extractor.kind);
  if (!extractor.input.empty())
    html.element("span", study.input_name(extractor.input), {{"class", "soft"}});
  if (!extractor.options.empty())
    html.element("span", flat(extractor.options), {{"class", "soft"}});
  html.open("span", {{"class", "soft"}})
      .element("code", short_key(extractor_id(extractor)))
      .close("span");
}

void write_reference(Markup& html, const Study& study, const ScoreSpec& score) {
  if (score.reference.empty()) {
    html.element("span", "none needed", {{"class", "soft"}});
    return;
  }
  if (const Reference* reference = study.data->reference_of(score)) {
    html.text(reference->spec.kind);
    const auto count = reference->count();
    html.element("span", count ? fmt::format("n = {}", *count) : "n not told by its statistics",
                 {{"class", "soft"}});
    if (!reference->spec.input.empty())
      html.element("span", study.input_name(reference->spec.input), {{"class", "soft"}});
    Json options = reference->spec.options;
    options.erase("count");  // told as n
    if (!options.empty()) html.element("span", flat(options), {{"class", "soft"}});
  }
  html.open("span", {{"class", "soft"}}).element("code", short_key(score.reference)).close("span");
}

// How the intervals of a group were made, and what its scores remark; each once.
std::set<std::string> told(const Group& group, bool of_interval) {
  std::set<std::string> texts;
  std::set<const Remarks*> seen;  // shared by many scores
  for (const Score* score : group.scores) {
    if (!score || !seen.insert(&*score->remarks).second) continue;
    if (of_interval && !score->remarks->interval.empty())
      texts.insert(flat(score->remarks->interval));
    if (!of_interval) texts.insert(score->remarks->notes.begin(), score->remarks->notes.end());
  }
  return texts;
}

void write_told(Markup& html, const Group& group, bool of_interval, const char* before) {
  constexpr std::size_t kShownMax = 3;
  const auto texts = told(group, of_interval);
  std::size_t shown = 0;
  for (const std::string& text : texts) {
    if (shown++ == kShownMax) break;
    html.element("span", before + text, {{"class", "soft"}});
  }
  if (texts.size() > kShownMax)
    html.element("span", fmt::format("and {} more", texts.size() - kShownMax), {{"class", "soft"}});
}

void write_groups(Markup& html, const Study& study) {
  open_table(html, "Protocol of every score: " + study.task,
             {{"Metric", false},
              {"Cells", true},
              {"Images", false},
              {"Extractor", false},
              {"Reference", false},
              {"Protocol", false},
              {"Task", false},
              {"Use", false}});
  for (const Group& group : study.groups) {
    html.open("tr")
        .element("td", group.name(), {{"class", "keep"}})
        .element("td", std::to_string(group.count), {{"class", "number"}});
    html.open("td", {{"class", "keep"}}).text(fmt::format("n = {}", group.spec.range.size()));
    html.element("span", images_text(group.spec.range), {{"class", "soft"}}).close("td");
    html.open("td");
    write_extractor(html, study, group.spec.extractor);
    html.close("td").open("td");
    write_reference(html, study, group.spec);
    html.close("td").open("td").text(flat(group.spec.protocol));
    write_told(html, group, true, "interval: ");
    write_told(html, group, false, "");
    html.close("td");
    html.open("td").text(fmt::format("{}, {} x {}", study.task_row, study.width, study.height));
    html.element("span", study.input_name(study.prompts), {{"class", "soft"}}).close("td");
    html.element("td", &group == study.choice      ? "ranks and chooses guidance"
                       : &group == study.judgement ? "judges finalists"
                                                   : "shown beside")
        .close("tr");
  }
  close_table(html);
}

void write_models(Markup& html, const Study& study) {
  open_table(html, "Models: " + study.task,
             {{"Model", false},
              {"Parameters, M", true},
              {"GFLOPs a call", true},
              {"Normalised cost", true},
              {"U-Net", false}});
  double dearest = 0;
  for (const Point& point : study.points)
    dearest = std::max(dearest, point.cell->cost.gflops_per_call);
  for (const std::string& model : study.models)
    for (const Point& point : study.points) {
      if (point.model != model) continue;
      const CellCost& cost = point.cell->cost;
      const auto unet = point.cell->sample->inputs.find("unet");
      html.open("tr").element("td", model, {{"class", "model"}});
      html.element("td", display(static_cast<double>(cost.parameters) / 1e6, 4),
                   {{"class", "number"}});
      html.element("td", display(cost.gflops_per_call, 4), {{"class", "number"}});
      html.element("td", dearest > 0 ? display(cost.gflops_per_call / dearest) : "",
                   {{"class", "number"}});
      html.open("td");
      if (unet != point.cell->sample->inputs.end()) html.element("code", unet->second);
      html.close("td").close("tr");
      break;
    }
  close_table(html);
}

struct DeviceRow {
  std::size_t cells = 0;
  std::uint64_t images = 0;
  double seconds = 0;
};

void write_devices(Markup& html, const Report& report) {
  std::map<std::pair<std::string, std::string>, DeviceRow> rows;
  std::size_t mixed = 0;
  for (const Cell* cell : made_once(report.data->cells)) {
    const Measured& measured = cell->measured;
    if (measured.images == 0) continue;
    if (measured.device_classes.size() > 1) ++mixed;
    DeviceRow& row = rows[{fmt::format("{}", fmt::join(measured.devices, ", ")),
                           fmt::format("{}", fmt::join(measured.device_classes, "; "))}];
    ++row.cells, row.images += measured.images, row.seconds += measured.seconds;
  }
  open_table(html, "Devices",
             {{"Device", false},
              {"Device class", false},
              {"Cells", true},
              {"Images", true},
              {"Device seconds", true}});
  for (const auto& [name, row] : rows) {
    html.open("tr")
        .element("td", name.first, {{"class", "keep"}})
        .element("td", name.second)
        .element("td", std::to_string(row.cells), {{"class", "number"}});
    html.element("td", display(static_cast<double>(row.images), 12), {{"class", "number"}})
        .element("td", display(row.seconds), {{"class", "number"}})
        .close("tr");
  }
  close_table(html);
  html.element("p",
               fmt::format("Within one device class results are equal to the bit. {} cells mix "
                           "classes. {} results arrived again and were "
                           "compared; {} of them differed within a class.",
                           mixed, report.data->repeats.results, report.data->repeats.mismatches),
               {{"class", "soft"}});
}

}  // namespace

std::string images_text(const ImageRange& range) {
  return range.size() == 0 ? "no images"
                           : fmt::format("images {} to {}", range.begin, range.end - 1);
}

void write_protocol(Markup& html, const Report& report) {
  html.open("section", {{"id", "protocol"}}).element("h2", "Protocol and provenance");
  html.element("p",
               "What every number was computed with. Scores of different rows are never compared "
               "with each other.");
  for (const TaskReport& task : report.tasks) {
    if (report.tasks.size() > 1) html.element("h3", task.study.task);
    write_groups(html, task.study);
  }
  html.element("h3", "Models");
  for (const TaskReport& task : report.tasks) {
    if (report.tasks.size() > 1) html.element("h4", task.study.task);
    write_models(html, task.study);
  }
  html.element("h3", "Devices");
  write_devices(html, report);
  html.element("h3", "Grids");
  for (const Experiment& experiment : report.data->experiments)
    html.open("details")
        .element("summary", "the grid file of " + experiment.name)
        .element("pre", experiment.grid, {{"tabindex", "0"}})
        .close("details");
  html.close("section");
}

void write_words(Markup& html, const Report& report) {
  html.open("section", {{"id", "words"}}).element("h2", "Words").open("dl", {{"class", "words"}});
  const auto word = [&](const std::string& name, const std::string& meaning) {
    html.element("dt", name).element("dd", meaning);
  };
  word("cell",
       "One point of the grid: a model with a sampler, a timestep spacing, a number of steps and a "
       "guidance.");
  word("guidance",
       "Classifier-free guidance scale w in e_u + w (e_c - e_u): how hard the prompt pulls. 1 is "
       "none and needs half the calls.");
  word("timestep spacing",
       "How a sampler's steps lie among the training timesteps: leading, trailing, linspace or "
       "Karras.");
  word("envelope", "What nothing cheaper beats: the best score within each cost.");
  word("95 % interval",
       "How each was made, by a bootstrap or a jackknife over images, stands with its protocol.");
  std::set<std::string> seen;
  for (const TaskReport& task : report.tasks)
    for (const Group& group : task.study.groups)
      if (seen.insert(group.metric.name).second) word(group.metric.label, group.metric.explanation);
  for (std::size_t axis = 0; axis < cost_axes().size(); ++axis)
    if (has_axis(report, axis)) word(cost_axes()[axis].label, cost_axes()[axis].explanation);
  html.close("dl").close("section");
}

}  // namespace isocost::report
