#include "experiments/grid/ready_task.h"

#include <algorithm>

#include "base/check.h"
#include "base/io/picture.h"
#include "experiments/grid/notes.h"
#include "experiments/world/scene_range.h"
#include "schema/metrics/extractor.h"
#include "schema/prompts.h"
#include "schema/tasks/baseline.h"
#include "worker/diffusion/items/items.h"

namespace isocost::experiments {
namespace {

std::string size_text(const std::pair<int, int>& size) {
  return io::size_text(size.first, size.second);
}

// `columns`: of the rows that are kept; 0 where statistics are.
void check_reference(const Metric& metric, std::uint64_t least, std::uint64_t count,
                     std::int64_t columns, Failure& failure) {
  if (count < least)
    failure.add(metric.where,
                "the reference of " + metric.name + " has " + std::to_string(count) + " pictures",
                std::to_string(least) + " or more");
  const std::uint64_t bytes = count * static_cast<std::uint64_t>(columns) * sizeof(float);
  if (bytes > kReferenceRowsBytesMax)
    failure.add(
        metric.where,
        "the rows of the reference of " + metric.name + " have " + std::to_string(bytes) + " bytes",
        "at most " + std::to_string(kReferenceRowsBytesMax) + ": fewer pictures in the reference");
}

void check_captions(const Metric& metric, const std::vector<std::string>& texts, Failure& failure) {
  std::size_t wrong = 0;
  const std::string* first = nullptr;
  for (const std::string& text : texts) {
    if (world::parse_caption(text)) continue;
    if (wrong++ == 0) first = &text;
  }
  if (wrong == 0) return;
  failure.add(metric.where,
              std::to_string(wrong) + " of " + std::to_string(texts.size()) +
                  " prompts are no captions of the mini world, first '" + first->substr(0, 80) +
                  "'",
              "captions as the world's grammar makes them, which " + metric.name + " needs");
}

void check_images(const Metric& metric, std::uint64_t least, const Task& task, Failure& failure) {
  const std::uint64_t judged = task.images - std::min(task.images, task.judge_from);
  if (judged >= least) return;
  failure.add(metric.where,
              metric.name + " has " + std::to_string(judged) + " images to judge" +
                  (task.judge_from == 0 ? ""
                                        : ", those from " + std::to_string(task.judge_from) +
                                              " to " + std::to_string(task.images)),
              std::to_string(least) + " or more: images, less judge_from");
}

// Between equal texts there is no direction.
void check_texts_differ(const Metric& metric, const metrics::Metric& row, const ReadyItems& items,
                        Failure& failure) {
  const auto texts_of = [&](tasks::Slot slot) -> const std::vector<std::string>* {
    const auto& needs = row.needs();
    const auto found = items.texts.find(slot);
    const bool is_needed = std::find(needs.begin(), needs.end(), slot) != needs.end();
    return is_needed && found != items.texts.end() ? &found->second : nullptr;
  };
  const auto* source = texts_of(tasks::Slot::kSourceText);
  const auto* target = texts_of(tasks::Slot::kTargetText);
  if (source == nullptr || target == nullptr) return;
  std::size_t equal = 0, first = 0;
  for (std::size_t i = source->size(); i-- > 0;) {
    if ((*source)[i] != (*target)[i]) continue;
    ++equal;
    first = i;
  }
  if (equal == 0) return;
  failure.add(metric.where,
              "of " + std::to_string(equal) + " of " + std::to_string(source->size()) +
                  " items the source's text is the target's, first '" +
                  (*source)[first].substr(0, 80) + "'",
              "two texts that differ, between which " + metric.name + " has a direction");
}

// What they are made of must be there: pictures of the items, or those that prompts of the mini
// world describe.
void check_baselines(const Task& task, ReadyTask& ready, Failure& failure) {
  if (task.baselines.empty() || (task.data && ready.texts.empty())) return;
  if (!task.data && task.prompts.kind == "world") {
    ready.baseline_items.kind = diffusion::kWorldItems;
    ready.baseline_items.options =
        world::scene_options(task.prompts.split, task.prompts.count, task.prompts.seed);
  }
  for (const Placed& baseline : task.baselines) {
    const auto* row = tasks::find_baseline(baseline.value.get_ref<const std::string&>());
    const bool is_there =
        task.data ? ready.items.slots.contains(row->slot) : !ready.baseline_items.is_empty();
    if (!is_there)
      failure.add(baseline.where,
                  "the baseline '" + row->name + "' is made of the " +
                      std::string(tasks::slot_name(row->slot)) + " of each image, which " +
                      (task.data ? "items of the task '" + task.name + "'" : "these prompts") +
                      " have not",
                  task.data ? "data that has it, or another baseline"
                            : "prompts: {world: SPLIT}, whose scenes can be drawn");
  }
}

// What is compared pixel by pixel has one size, and what a task enlarges is smaller than its
// pictures.
void check_source_size(const Metric& metric, const metrics::Metric& row, const Task& task,
                       Failure& failure) {
  const auto& needs = row.needs();
  const bool reads_source =
      std::find(needs.begin(), needs.end(), tasks::Slot::kSource) != needs.end();
  const int factor = task.factor.value_or(1);
  if (!reads_source || !metrics::rows_kind(row.rows).is_pixelwise || factor <= 1) return;
  failure.add(metric.where,
              metric.name + " needs a source as large as the picture, and that of the task '" +
                  task.name + "' is " + std::to_string(factor) + " times smaller",
              "a task that edits, or another metric");
}

class TaskReader {
 public:
  TaskReader(const Task& task, const std::string& grid_file, Catalog& catalog,
             Submission& submission, Failure& failure, std::vector<std::string>& notes)
      : task_(task),
        grid_file_(grid_file),
        catalog_(catalog),
        submission_(submission),
        failure_(failure),
        notes_(notes) {}

  ReadyTask run() {
    ready_.images = task_.images;
    if (task_.data)
      read_data();
    else
      read_prompts();
    for (const Metric& metric : task_.metrics) read_metric(metric);
    check_baselines(task_, ready_, failure_);
    return std::move(ready_);
  }

 private:
  void read_data() {
    ready_.items = ready_items(task_, asked_slots(task_), catalog_, submission_, failure_, notes_);
    if (ready_.items.prompts.empty()) return;
    ready_.texts = ready_.items.prompts;
    std::string lines = prompts_text(ready_.texts);
    ready_.prompts = sha256(lines).name();
    submission_.blobs[ready_.prompts] = std::move(lines);
    submission_.input_names[ready_.prompts] = "prompts of the task " + task_.name;
  }

  void read_prompts() {
    const PromptSource& source = task_.prompts;
    // Where there is nothing but a prompt, it says what is wanted.
    ready_.items.slots = {tasks::Slot::kPrompt, tasks::Slot::kTargetText};
    std::string lines;
    if (source.kind == "world") {
      lines = world::prompts_jsonl(*world::parse_split(source.split), source.count, source.seed);
    } else if (source.kind == "list") {
      lines = prompts_text(source.texts);
    } else {
      auto text = catalog_.text_file(source.file, source.where);
      if (!text) {
        failure_.add(text.error());
        return;
      }
      lines = std::move(*text);
    }
    auto texts = parse_prompts(lines, source.where + ": " + source.file);
    if (!texts)
      failure_.add(texts.error());
    else
      ready_.texts = std::move(*texts);
    ready_.prompts = sha256(lines).name();
    submission_.blobs[ready_.prompts] = std::move(lines);
    submission_.input_names[ready_.prompts] =
        source.kind == "world" ? "mini-world prompts (" + source.split + ")"
        : source.kind == "file"
            ? source.file
            : "prompts of " + (task_.name.empty() ? grid_file_ : "the task " + task_.name);
  }

  struct Found {
    ExtractorSpec spec;
    std::string name;  // as the grid's
    ExtractorEntry entry;
  };

  // Without an input where its fault is told.
  Found extractor_of(const Metric& metric) {
    const auto& choice = metric.extractor;
    Found found{.spec = {choice.kind, {}, choice.options}, .name = choice.name, .entry = {}};
    const auto* kind = metrics::find_extractor(choice.kind);
    if (kind != nullptr) {
      const auto least = static_cast<int>(kind->least_side(choice.options));
      if (least > 1)
        ready_.limits.push_back({.side = 0,
                                 .least_side = least,
                                 .extractor = found.name.empty() ? "of " + metric.name : found.name,
                                 .where = metric.where});
      if (const auto margin = kind->kept_margin(choice.options))
        ready_.items.kept_margin = std::max(*margin, ready_.items.kept_margin.value_or(0));
      if (!kind->has_input()) return found;
    }
    auto entry = catalog_.extractor(found.spec.kind, found.name, metric.where);
    if (!entry) {
      failure_.add(entry.error());
      return found;
    }
    found.spec.input = entry->input;
    submission_.input_names[entry->input] = found.name;
    if (entry->side > 0)
      ready_.limits.push_back(
          {.side = entry->side, .extractor = found.name, .where = metric.where});
    found.entry = std::move(*entry);
    return found;
  }

  // Its key; how many pictures it has goes to `count`, 0 where nobody knows. Empty where its fault
  // is told.
  std::string reference_of(const Metric& metric, const Found& extractor, std::uint64_t& count) {
    ReferenceSpec spec;
    Reference source;
    source.kind = "world";
    source.where = metric.where;
    if (metric.reference) source = *metric.reference;
    spec.kind = source.kind;
    spec.extractor = extractor.spec;
    if (source.kind == "world") {
      count = source.count;
      spec.options = world::scene_options(source.split, source.count, source.seed);
      if (extractor.entry.side > 0 && extractor.entry.side != world::kSide)
        failure_.add(source.where,
                     "pictures of the mini world have " + size_text({world::kSide, world::kSide}) +
                         " pixels",
                     size_text({extractor.entry.side, extractor.entry.side}) +
                         ", which is what the extractor " + extractor.name + " takes");
    } else if (source.kind == "folder") {
      if (!take_pictures(source, extractor, spec)) return {};
      count = spec.options.at("count").get<std::uint64_t>();
    } else if (!take_statistics(source, extractor, spec)) {
      return {};
    }
    const std::string key = reference_key(spec).hex();
    submission_.references.emplace(key, std::move(spec));
    return key;
  }

  bool take_pictures(const Reference& source, const Found& extractor, ReferenceSpec& spec) {
    const auto entry = catalog_.pictures(source.path, source.where);
    if (!entry) {
      failure_.add(entry.error());
      return false;
    }
    spec.input = entry->input;
    spec.options = {{"count", entry->count}};
    submission_.input_names[entry->input] = source.path;
    const std::string count = std::to_string(entry->count);
    const std::string below = std::to_string(entry->below) + " more in sub-folders are not read";
    if (entry->below > 0)
      add_note(notes_, "the reference " + source.path + " has " + count + " pictures; " + below);
    const int side = extractor.entry.side;
    for (const auto& [size, name] : entry->sizes) {
      if (side == 0 || size == std::pair(side, side)) continue;
      failure_.add(
          source.where,
          source.path + " has " + count + " pictures" +
              (entry->below > 0 ? " (" + below + ")" : "") + ", and some of " + size_text(size) +
              " pixels, first " + name,
          size_text({side, side}) + ", which is what the extractor " + extractor.name + " takes");
      return false;
    }
    return true;
  }

  bool take_statistics(const Reference& source, const Found& extractor, ReferenceSpec& spec) {
    const auto entry = catalog_.statistics(source.path, source.where);
    if (!entry) {
      failure_.add(entry.error());
      return false;
    }
    spec.input = entry->input;
    submission_.input_names[entry->input] = source.path;
    const auto columns = extractor.entry.columns;
    if (columns == 0 || entry->columns == columns) return true;
    failure_.add(
        source.where,
        source.path + " has statistics of " + std::to_string(entry->columns) + " features",
        std::to_string(columns) + ", as many as the extractor " + extractor.name + " gives");
    return false;
  }

  void read_metric(const Metric& metric) {
    const auto* row = metrics::find_metric(metric.name);
    ISOCOST_CHECK(row != nullptr, "a parsed metric is one of the table");
    const bool has_reference = row->reference != metrics::ReferenceNeed::kNone;
    const bool needs_rows = row->reference == metrics::ReferenceNeed::kRows;
    if (!has_reference && metric.reference) {
      failure_.add(metric.where, metric.name + " compares with no reference",
                   "no key 'reference' here");
    }
    if (needs_rows && metric.reference && metric.reference->kind == "npz") {
      failure_.add(
          metric.where,
          metric.name + " needs the rows of its reference, which an npz file does not hold",
          "world or folder");
    }
    const std::uint64_t least = row->images_for(metric.protocol);
    check_images(metric, least, task_, failure_);
    if (row->rows == metrics::Rows::kAnswers) check_captions(metric, ready_.texts, failure_);
    ScoreSpec score;
    score.metric = metric.name;
    Found extractor = extractor_of(metric);
    check_needs(metric, *row, extractor.spec);
    score.extractor = extractor.spec;
    std::uint64_t count = 0;
    if (has_reference) score.reference = reference_of(metric, extractor, count);
    constexpr std::uint64_t kStatisticsMin = 2;  // one picture has no covariance
    if (count > 0)
      check_reference(metric, needs_rows ? least : kStatisticsMin, count,
                      needs_rows ? extractor.entry.columns : 0, failure_);
    score.range = {task_.judge_from, task_.images};
    score.protocol = metric.protocol;
    const auto* kind = metrics::find_extractor(extractor.spec.kind);
    const bool has_input = kind == nullptr || kind->has_input();
    if (!(has_input && extractor.spec.input.empty()) &&
        std::find(ready_.scores.begin(), ready_.scores.end(), score) != ready_.scores.end())
      failure_.add(metric.where, metric.name + " is computed already, in the same way",
                   "each metric once");
    ready_.scores.push_back(std::move(score));
  }

  // What it reads of the items is in its extractor's key where it is not in the sample's.
  void check_needs(const Metric& metric, const metrics::Metric& row, ExtractorSpec& spec) {
    if (task_.data && ready_.texts.empty()) return;  // the items' fault is told
    const auto all_missing = missing_slots(row, ready_.items.slots);
    for (const std::string& missing : all_missing)
      failure_.add(metric.where,
                   metric.name + " needs the " + missing + " of each image, which items of " +
                       (task_.data ? "the task '" + task_.name + "'" : task_.kind) + " have not",
                   "a task whose data has it, or another metric");
    if (all_missing.empty()) check_source_size(metric, row, task_, failure_);
    check_texts_differ(metric, row, ready_.items, failure_);
    for (const tasks::Slot slot : row.needs()) {
      const std::string key(tasks::slot_key(slot));
      if (const auto more = ready_.items.more.find(key); more != ready_.items.more.end())
        spec.items[key] = more->second;
    }
  }

  const Task& task_;
  const std::string& grid_file_;
  Catalog& catalog_;
  Submission& submission_;
  Failure& failure_;
  std::vector<std::string>& notes_;
  ReadyTask ready_;
};

}  // namespace

std::vector<std::string> missing_slots(const metrics::Metric& metric,
                                       const std::set<tasks::Slot>& slots) {
  std::vector<std::string> missing;
  for (const tasks::Slot slot : metric.needs())
    if (!slots.contains(slot)) missing.emplace_back(tasks::slot_name(slot));
  return missing;
}

ReadyTask ready_task(const Task& task, const std::string& grid_file, Catalog& catalog,
                     Submission& submission, Failure& failure, std::vector<std::string>& notes) {
  return TaskReader(task, grid_file, catalog, submission, failure, notes).run();
}

}  // namespace isocost::experiments
