#include "reports/model/columns.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "reports/model/costs.h"
#include "schema/metrics/metric.h"

namespace isocost::report {
namespace {

constexpr const char* kText = "text";
constexpr const char* kWhole = "integer";
constexpr const char* kNumber = "number";
constexpr const char* kFlag = "true or false";
constexpr const char* kJsonText = "JSON";

struct ColumnFacts {
  const char* name;
  const char* type;
  const char* unit;
  const char* meaning;
};

// Alike in every table that has them. Where a table means something else of its own, a row
// "TABLE.NAME" says so.
constexpr ColumnFacts kColumns[] = {
    // what it is about
    {"experiment", kText, "", "Name of the experiment"},
    {"number", kWhole, "", "Position of the cell in its grid's order, from 0"},
    {"sample_key", kText, "", "SHA-256 of everything that determines every pixel (docs/data.md)"},
    {"state", kText, "", "done, failed, open or cancelled"},
    {"task", kText, "",
     "The task's name in its grid, else what it does; rows of different tasks "
     "are never compared"},
    {"method", kText, "", "What the task does: a name of schema/tasks"},
    {"baseline", kText, "",
     "What stands beside the task that no network drew: a name of schema/tasks/baseline.h. Empty "
     "of "
     "all other cells; of a baseline model, sampler, steps and guidance are"},
    {"kind", kText, "", "text-to-image, super-resolution or editing"},
    {"units.kind", kText, "", "reference, generate or score"},
    {"model", kText, "", "Name of the model"},
    {"model_order", kWhole, "", "Place of the model by the cost of a call, from 0"},
    {"series", kText, "", "Sampler, timestep spacing and further axes as a person reads them"},
    {"series_order", kWhole, "", "Place of the series, from 0"},
    {"sampler", kText, "", "Sampler: a name of schema/samplers"},
    {"timestep_spacing", kText, "", "How the steps lie among the training timesteps"},
    {"steps", kWhole, "", "Steps as the grid asks for"},
    {"steps_range", kText, "", "\"up to 20 steps\" or \"above 20 steps\""},
    {"guidance", kNumber, "", "Classifier-free guidance scale; 1 is none"},
    {"seed", kWhole, "", "Seed of the noise"},
    {"height", kWhole, "px", "Height of the pictures"},
    {"width", kWhole, "px", "Width of the pictures"},
    {"axis_AXIS", kText, "",
     "The cell's value on an axis of the grid that has no column of its "
     "own; a number, text, flag or JSON"},
    {"prompts", kText, "", "Digest of the prompts"},
    {"prompts_name", kText, "", "What a person calls them"},
    {"input_INPUT", kText, "", "Digest of an input: unet, vae, text_encoder, tokenizer, ..."},
    {"input_INPUT_name", kText, "", "What a person calls it"},
    {"pictures", kText, "",
     "Folder of the kept pictures, from the report's own; nothing where "
     "none were kept"},
    {"images", kWhole, "", "Images that the grid asks for"},
    {"images_begin", kWhole, "", "First image of the range"},
    {"images_end", kWhole, "", "One past the last image of the range"},
    {"unit", kText, "", "Name of the unit on the wire and in spools"},
    // costs that are determined
    {"calls_per_image", kWhole, "calls", "U-Net calls an image, every branch of guidance counted"},
    {"calls_of_sampler", kWhole, "calls", "U-Net calls an image, whatever branches guidance has"},
    {"gflops_per_call", kNumber, "GFLOPs", "2 x multiply-adds of one U-Net call"},
    {"gflops", kNumber, "GFLOPs", "What the unit was expected to cost before it ran"},
    {"parameters", kWhole, "", "Parameters of the U-Net"},
    {"gflops_per_image", kNumber, "GFLOPs", nullptr},
    {"gflops_per_image_total", kNumber, "GFLOPs", nullptr},
    {"cost_normalised", kNumber, "", nullptr},
    {"cost_axis", kText, "", "What cost is counted in: the name of a cost column of cells.csv"},
    {"cost", kNumber, "of cost_axis", "Cost of an image"},
    {"cost_low", kNumber, "of cost_axis", "Lower end of its 95 % interval, where it was measured"},
    {"cost_high", kNumber, "of cost_axis", "Upper end of it"},
    {"budget", kNumber, "of cost_axis", "What an image may cost"},
    // scores
    {"METRIC", kNumber, "of the metric",
     "Value of the metric (docs/metrics.md); nothing where there is none yet, or where it is "
     "infinite, as psnr is of equal pictures"},
    {"METRIC_low", kNumber, "of the metric", "Lower end of its 95 % interval"},
    {"METRIC_high", kNumber, "of the metric", "Upper end of its 95 % interval"},
    {"METRIC_n", kWhole, "", "Images it was computed on"},
    {"METRIC_images_begin", kWhole, "", "First image of the range that was judged"},
    {"METRIC_images_end", kWhole, "", "One past the last image of the range that was judged"},
    {"METRIC_protocol", kJsonText, "", "Protocol of the metric, defaults filled in"},
    {"METRIC_extractor", kText, "", "Key of the extractor"},
    {"METRIC_reference", kText, "", "Key of the reference; nothing where it needs none"},
    {"METRIC_reference_n", kWhole, "",
     "Pictures of the reference; nothing where its statistics do "
     "not say"},
    {"METRIC_key", kText, "", "Score key"},
    {"metric", kText, "", "Name of the metric (docs/metrics.md)"},
    {"is_lower_better", kFlag, "", "Whether a lower value of the metric is better"},
    {"value", kNumber, "of the metric",
     "Value of the metric; nothing where there is none yet, or where it is infinite, as psnr is of "
     "equal pictures"},
    {"low", kNumber, "of the metric", "Lower end of its 95 % interval"},
    {"high", kNumber, "of the metric", "Upper end of its 95 % interval"},
    {"n", kWhole, "", "Images it was computed on"},
    {"interval", kText, "", "How the interval was made: bootstrap, jackknife, none, ..."},
    {"protocol", kJsonText, "", "Protocol of the metric, defaults filled in"},
    {"extractor_kind", kText, "", "What made rows of the images"},
    {"extractor_input", kText, "", "Digest of its network"},
    {"extractor_input_name", kText, "", "What a person calls it"},
    {"extractor", kText, "", "Key of the extractor"},
    {"reference", kText, "", "Key of the reference; nothing where the metric needs none"},
    {"reference_name", kText, "", "What a person calls it"},
    {"reference_n", kWhole, "",
     "Pictures of the reference; nothing where its statistics do not "
     "say"},
    {"use", kText, "",
     "\"ranking\": this group's values rank the settings of the task; "
     "\"judging\": they judge finalists; else nothing"},
    {"cells", kWhole, "", "Cells that have a value"},
    {"group", kText, "", "Scores of one group may be compared"},
    {"key", kText, "", "Score key"},
    {"source", kText, "", "Whether guidance was chosen on the images that the value is of"},
    {"candidates", kWhole, "", "Guidances among which the best was chosen"},
    {"is_optimum", kFlag, "", "Whether its guidance is the best of its model, series and steps"},
    {"is_on_envelope", kFlag, "", "Whether nothing that costs as many GFLOPs or fewer is better"},
    {"is_at_edge", kFlag, "",
     "Whether the best guidance is the grid's lowest or highest; nothing "
     "where the cell is no optimum"},
    {"is_at_most_steps", kFlag, "",
     "Whether its model and series have no more steps in the grid; "
     "nothing where the cell is no optimum"},
    {"judged_value", kNumber, "of the metric", "The value on images that chose nothing"},
    {"judged_low", kNumber, "of the metric", "Lower end of its 95 % interval"},
    {"judged_high", kNumber, "of the metric", "Upper end of its 95 % interval"},
    {"judged_n", kWhole, "", "Images it was computed on"},
    // answers
    {"role", kText, "",
     "use: the cheapest setting that is not told apart from the best; best; "
     "runner-up: the best of the others; other model: the best of other models"},
    {"gap", kNumber, "of the metric", "Its value less that of the best"},
    {"gap_low", kNumber, "of the metric", "Lower end of the gap's 95 % interval"},
    {"gap_high", kNumber, "of the metric", "Upper end of the gap's 95 % interval"},
    {"is_told_apart", kFlag, "", "Whether that interval excludes 0; nothing of the best itself"},
    {"tied", kWhole, "", "Settings within the budget that are not told apart from the best"},
    {"doubts", kText, "", "What makes the answer uncertain, in words; of the role use"},
    // findings and fits
    {"hypothesis", kText, "", "What was asked"},
    {"verdict", kText, "",
     "holds; holds, not all resolved; does not hold; not resolved; not tested"},
    {"evidence", kText, "", "The numbers behind it"},
    {"fit", kText, "", "What was fitted with y = E + A x^-a"},
    {"refusal", kText, "", "Why its points do not determine a law; nothing where they do"},
    {"points", kWhole, "", "Points of the fit"},
    {"r_squared", kNumber, "", "Share of the variance that the law explains"},
    {"E", kNumber, "of the metric", "What no amount of compute removes"},
    {"E_low", kNumber, "of the metric", "Lower end of its 95 % interval"},
    {"E_high", kNumber, "of the metric", "Upper end of its 95 % interval"},
    {"A", kNumber, "", "Factor of the law"},
    {"A_low", kNumber, "", "Lower end of its 95 % interval"},
    {"A_high", kNumber, "", "Upper end of its 95 % interval"},
    {"a", kNumber, "", "Exponent: how fast the rest falls"},
    {"a_low", kNumber, "", "Lower end of its 95 % interval"},
    {"a_high", kNumber, "", "Upper end of its 95 % interval"},
    {"envelope_fit.value", kNumber, "of the metric", "The law at this cost"},
    {"size_fit.value", kNumber, "of the metric", "The law at this size"},
    // failures
    {"failure_class", kText, "", "Why it failed: the class (docs/data.md)"},
    {"failure_reason", kText, "", "Why it failed: one sentence"},
    // what was measured
    {"measured_seconds", kNumber, "s", "Device seconds of all units that made the images"},
    {"units.measured_seconds", kNumber, "s", "Device seconds that it took"},
    {"scores.measured_seconds", kNumber, "s", "Device seconds of the unit that scored"},
    {"measured_images", kWhole, "", "Images that these units made"},
    {"measured_seconds_per_image", kNumber, "s", nullptr},
    {"measured_seconds_per_image_low", kNumber, "s", "Lower end of its 95 % interval"},
    {"measured_seconds_per_image_high", kNumber, "s", "Upper end of its 95 % interval"},
    {"measured_peak_bytes", kNumber, "bytes", "Greatest memory of a unit"},
    {"measured_energy_joules", kNumber, "J", "Energy, where the device told"},
    {"measured_joules_per_image", kNumber, "J", nullptr},
    {"measured_device", kText, "", "Device that made it; several are parted by \" | \""},
    {"measured_device_class", kText, "",
     "Results are equal to the bit within one class; several "
     "are parted by \" | \""},
    {"measured_worker", kText, "", "Name of the worker"},
    {"measured_failed_attempts", kWhole, "", "Attempts that failed, lost workers included"},
    {"measured_repeats", kWhole, "", "Results that arrived again"},
    {"measured_mismatches", kWhole, "", "Repeats within a device class with another digest"},
    {"measured_failure_log", kText, "", "Last lines of the worker's log"},
};

using Names = std::vector<std::string>;

Names operator+(Names a, const Names& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const Names kWay = {"task",         "model",   "model_order",      "series",
                    "series_order", "sampler", "timestep_spacing", "steps",
                    "guidance"};
const Names kCosts = {"gflops_per_image", "gflops_per_image_total", "cost_normalised",
                      "measured_seconds_per_image", "measured_joules_per_image"};
const Names kValue = {"metric", "value", "low", "high"};
const Names kCompanions = {"METRIC", "METRIC_low", "METRIC_high"};
const Names kCell = {"experiment", "number", "sample_key"};

const Names kCellsColumns = Names{"experiment",
                                  "number",
                                  "sample_key",
                                  "state",
                                  "task",
                                  "method",
                                  "kind",
                                  "baseline",
                                  "model",
                                  "series",
                                  "sampler",
                                  "timestep_spacing",
                                  "steps",
                                  "guidance",
                                  "seed",
                                  "height",
                                  "width",
                                  "axis_AXIS",
                                  "images",
                                  "calls_per_image",
                                  "calls_of_sampler",
                                  "gflops_per_call",
                                  "parameters",
                                  "gflops_per_image",
                                  "gflops_per_image_total",
                                  "cost_normalised",
                                  "is_optimum",
                                  "is_at_edge",
                                  "is_at_most_steps",
                                  "is_on_envelope",
                                  "pictures",
                                  "prompts",
                                  "prompts_name",
                                  "input_INPUT",
                                  "input_INPUT_name",
                                  "METRIC",
                                  "METRIC_low",
                                  "METRIC_high",
                                  "METRIC_n",
                                  "METRIC_images_begin",
                                  "METRIC_images_end",
                                  "METRIC_protocol",
                                  "METRIC_extractor",
                                  "METRIC_reference",
                                  "METRIC_reference_n",
                                  "METRIC_key",
                                  "failure_class",
                                  "failure_reason",
                                  "measured_seconds",
                                  "measured_images",
                                  "measured_seconds_per_image",
                                  "measured_seconds_per_image_low",
                                  "measured_seconds_per_image_high",
                                  "measured_peak_bytes",
                                  "measured_energy_joules",
                                  "measured_joules_per_image",
                                  "measured_device",
                                  "measured_device_class",
                                  "measured_failed_attempts",
                                  "measured_repeats",
                                  "measured_mismatches",
                                  "measured_failure_log"};
const Names kScoresColumns = kCell + Names{"task",
                                           "model",
                                           "series",
                                           "steps",
                                           "guidance",
                                           "metric",
                                           "is_lower_better",
                                           "value",
                                           "low",
                                           "high",
                                           "n",
                                           "images_begin",
                                           "images_end",
                                           "interval",
                                           "protocol",
                                           "extractor_kind",
                                           "extractor_input",
                                           "extractor_input_name",
                                           "extractor",
                                           "reference",
                                           "reference_name",
                                           "reference_n",
                                           "group",
                                           "use",
                                           "key",
                                           "measured_seconds",
                                           "measured_device_class"};

const Names kUnitsColumns = {"unit",
                             "kind",
                             "state",
                             "sample_key",
                             "images_begin",
                             "images_end",
                             "gflops",
                             "failure_class",
                             "failure_reason",
                             "measured_failed_attempts",
                             "measured_seconds",
                             "measured_peak_bytes",
                             "measured_energy_joules",
                             "measured_device",
                             "measured_device_class",
                             "measured_worker",
                             "measured_repeats",
                             "measured_mismatches"};

const Names kAnswerColumns = Names{"task",          "cost_axis",
                                   "budget",        "role",
                                   "model",         "model_order",
                                   "series",        "series_order",
                                   "sampler",       "timestep_spacing",
                                   "steps",         "guidance",
                                   "cost",          "cost_low",
                                   "cost_high",     "metric",
                                   "value",         "low",
                                   "high",          "n",
                                   "source",        "gap",
                                   "gap_low",       "gap_high",
                                   "is_told_apart", "tied",
                                   "is_at_edge",    "is_at_most_steps",
                                   "doubts"} +
                             kCell;

std::vector<TableFacts> make_table_facts() {
  return {
      {"cells", "cells.csv", "One row a cell of the grid: its labels, its cost, its scores.", true,
       kCellsColumns},
      {"scores", "scores.csv", "One row a score, done or not: tidy.", true, kScoresColumns},
      {"units", "units.csv", "One row a unit that the experiments' cells want.", false,
       kUnitsColumns},
      {"answer", "answer.csv",
       "What to use at which budget, for each task and cost axis: one row a setting that the "
       "answer names.",
       true, kAnswerColumns},
      {"envelope", "envelope.csv",
       "The envelope: what nothing cheaper or equally dear beats, for each task and cost axis.",
       true,
       Names{"cost_axis", "cost", "cost_low", "cost_high"} + kWay + kValue + Names{"n", "source"} +
           kCell},
      {"optimal", "", "The best guidance of each task, model, series and number of steps.", true,
       kWay +
           Names{"steps_range", "candidates", "is_at_edge", "is_at_most_steps", "parameters",
                 "gflops_per_call"} +
           kValue + Names{"n", "source"} + kCosts + kCompanions +
           Names{"judged_value", "judged_low", "judged_high", "judged_n"} + kCell},
      {"points", "", "Every cell that has a value of the metric that ranks its task.", true,
       kWay + kValue + kCosts + kCompanions},
      {"findings",
       "",
       "Hypotheses, and what the data say of them.",
       true,
       {"task", "hypothesis", "verdict", "evidence"}},
      {"fits",
       "",
       "Power laws y = E + A x^-a with 95 % intervals, or why there is none.",
       true,
       {"task", "fit", "refusal", "points", "r_squared", "E", "E_low", "E_high", "A", "A_low",
        "A_high", "a", "a_low", "a_high"}},
      {"envelope_fit",
       "",
       "The curve of the law on the envelope over GFLOPs an image.",
       true,
       {"task", "cost_axis", "cost", "value", "low", "high"}},
      {"size_fit",
       "",
       "The curves of the laws over size, a series each.",
       true,
       {"task", "series", "series_order", "steps", "gflops_per_call", "value", "low", "high"}},
      {"failed", "", "Cells that failed, with the reason.", true,
       Names{"experiment", "number"} + kWay +
           Names{"failure_class", "failure_reason", "unit", "measured_failed_attempts",
                 "measured_failure_log"}},
      {"protocols",
       "",
       "What each score was computed with. Scores of different rows are never compared.",
       true,
       {"task", "group", "metric", "cells", "images_begin", "images_end", "method", "height",
        "width", "prompts", "extractor", "extractor_kind", "extractor_input", "reference",
        "reference_n", "protocol", "use"}},
  };
}

bool is_name(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.';
  });
}

// "fid", "fid_2".
bool is_metric(const std::string& text) {
  if (metrics::find_metric(text) != nullptr) return true;
  const std::size_t at = text.rfind('_');
  return at != std::string::npos && at + 1 < text.size() &&
         text.find_first_not_of("0123456789", at + 1) == std::string::npos &&
         metrics::find_metric(text.substr(0, at)) != nullptr;
}

constexpr std::array kWords = {"METRIC", "INPUT", "AXIS"};

// Whether a column is of those that a pattern stands for.
bool fits(const std::string& name, const std::string& pattern) {
  for (const char* word : kWords) {
    const std::size_t at = pattern.find(word);
    if (at == std::string::npos) continue;
    const std::string before = pattern.substr(0, at);
    const std::string after = pattern.substr(at + std::string_view(word).size());
    if (name.size() <= before.size() + after.size() || !name.starts_with(before) ||
        !name.ends_with(after))
      return false;
    const std::string middle =
        name.substr(before.size(), name.size() - before.size() - after.size());
    if (std::string_view(word) == "METRIC") return is_metric(middle);
    return std::string_view(word) == "AXIS" || is_name(middle);
  }
  return name == pattern;
}

std::string pattern_of(const TableFacts& table, const std::string& name) {
  // The longest: axis_x_name is an axis, input_vae_name no input called vae_name.
  std::string best;
  for (const std::string& pattern : table.columns) {
    if (pattern == name) return pattern;
    if (fits(name, pattern) && pattern.size() > best.size()) best = pattern;
  }
  return best;
}

std::string cost_meaning(const std::string& name) {
  for (const CostAxis& axis : cost_axes())
    if (axis.column == name) return axis.explanation;
  return {};
}

const ColumnFacts& facts_of(const std::string& table, const std::string& pattern) {
  const auto find = [](const std::string& name) {
    return std::find_if(std::begin(kColumns), std::end(kColumns),
                        [&](const ColumnFacts& one) { return name == one.name; });
  };
  auto found = find(table + "." + pattern);
  if (found == std::end(kColumns)) found = find(pattern);
  ISOCOST_CHECK(found != std::end(kColumns), "every column is in the table of columns");
  return *found;
}

std::string meaning_of(const ColumnFacts& facts) {
  return facts.meaning != nullptr ? facts.meaning : cost_meaning(facts.name);
}

}  // namespace

const std::vector<TableFacts>& table_facts() {
  static const std::vector<TableFacts> kTables = make_table_facts();
  return kTables;
}

const TableFacts* find_table(const std::string& name) {
  for (const TableFacts& table : table_facts())
    if (table.name == name) return &table;
  return nullptr;
}

bool is_pattern(const std::string& column) {
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](const char* word) { return column.find(word) != std::string::npos; });
}

bool has_column(const std::string& table, const std::string& name) {
  const TableFacts* facts = find_table(table);
  if (facts == nullptr) return false;
  const std::string pattern = pattern_of(*facts, name);
  return !pattern.empty() && !(pattern == name && is_pattern(pattern));
}

Column column(const std::string& table, const std::string& name) {
  const TableFacts* facts = find_table(table);
  const std::string pattern = facts == nullptr ? "" : pattern_of(*facts, name);
  ISOCOST_CHECK(!pattern.empty(), "a table has the columns that the table of columns names");
  const ColumnFacts& one = facts_of(table, pattern);
  return {name, one.type, one.unit, meaning_of(one)};
}

}  // namespace isocost::report
