#include "experiments/grid/ready_task.h"

#include <algorithm>

#include "experiments/world/world.h"

namespace isocost::experiments {
namespace {

class TaskReader {
 public:
  TaskReader(const Task& task, const std::string& grid_file, Catalog& catalog,
             Submission& submission, Failure& failure)
      : task_(task),
        grid_file_(grid_file),
        catalog_(catalog),
        submission_(submission),
        failure_(failure) {}

  ReadyTask run() {
    ready_.images = task_.images;
    read_prompts();
    read_metrics();
    return std::move(ready_);
  }

 private:
  void read_prompts() {
    const PromptSource& source = task_.prompts;
    std::string lines;
    if (source.kind == "world") {
      lines = world::prompts_jsonl(*world::parse_split(source.split), source.count, source.seed);
    } else if (source.kind == "list") {
      for (const std::string& text : source.texts) lines += canonical({{"prompt", text}}) + "\n";
    } else {
      auto text = catalog_.text_file(source.file, source.where);
      if (!text) {
        failure_.add(text.error());
        return;
      }
      check_prompts(*text);
      lines = std::move(*text);
    }
    ready_.prompts = sha256(lines).name();
    submission_.blobs[ready_.prompts] = std::move(lines);
    submission_.input_names[ready_.prompts] =
        source.kind == "world" ? "mini-world prompts (" + source.split + ")"
        : source.kind == "file"
            ? source.file
            : "prompts of " + (task_.name.empty() ? grid_file_ : "the task " + task_.name);
  }

  void check_prompts(const std::string& text) {
    std::size_t begin = 0;
    std::size_t count = 0;
    for (std::size_t line = 1; begin < text.size(); ++line) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string where =
          task_.prompts.where + ": " + task_.prompts.file + ":" + std::to_string(line);
      if (end > begin) {
        const auto json = parse_json(std::string_view(text).substr(begin, end - begin), where, 8);
        if (!json)
          failure_.add(json.error());
        else if (!json->is_object() || !json->contains("prompt") || !(*json)["prompt"].is_string())
          failure_.add(where, "this line has no text 'prompt'", R"({"prompt": "..."})");
        ++count;
      }
      begin = end + 1;
    }
    if (count == 0)
      failure_.add(task_.prompts.where, "there is no prompt in " + task_.prompts.file,
                   "a line {\"prompt\": ...} each");
  }

  ExtractorSpec extractor_of(const Metric& metric) {
    ExtractorSpec spec;
    const bool is_mini = metric.extractor == "mini";
    std::string name = metric.extractor;
    if (metric.name == "clip_score") {
      spec.kind = "clip";
      if (is_mini) name = "mini/clip";
    } else if (metric.name == "attribute_accuracy") {
      spec.kind = "mini-attributes";
      if (is_mini) name = "mini/features";
    } else if (is_mini) {
      spec.kind = "mini-features";
      name = "mini/features";
    } else {
      spec.kind = name.ends_with(".pt") || name.ends_with(".ts") ? "torchscript" : "clip-features";
    }
    const auto digest = catalog_.input(name, metric.where);
    if (!digest) {
      failure_.add(digest.error());
      return spec;
    }
    spec.input = *digest;
    submission_.input_names[*digest] = name;
    return spec;
  }

  std::string reference_of(const Metric& metric, const ExtractorSpec& extractor) {
    ReferenceSpec spec;
    const Reference source =
        metric.reference.value_or(Reference{.kind = "world", .path = {}, .where = metric.where});
    spec.kind = source.kind;
    spec.extractor = extractor;
    if (source.kind == "world") {
      spec.options = {{"split", source.split}, {"count", source.count}, {"seed", source.seed}};
    } else {
      const auto digest = catalog_.input(source.path, source.where);
      if (!digest) {
        failure_.add(digest.error());
        return {};
      }
      spec.input = *digest;
      submission_.input_names[*digest] = source.path;
    }
    const std::string key = reference_key(spec).hex();
    submission_.references.emplace(key, std::move(spec));
    return key;
  }

  void read_metrics() {
    for (const Metric& metric : task_.metrics) {
      const bool has_reference = metric.name == "fid" || metric.name == "kid";
      if (!has_reference && metric.reference) {
        failure_.add(metric.where, metric.name + " compares with no reference",
                     "no key 'reference' here");
      }
      if (metric.name == "kid" && metric.reference && metric.reference->kind == "npz") {
        failure_.add(metric.where,
                     "kid needs the rows of its reference, which an npz file does not hold",
                     "world or folder");
      }
      ScoreSpec score;
      score.metric = metric.name;
      score.extractor = extractor_of(metric);
      if (has_reference) score.reference = reference_of(metric, score.extractor);
      score.range = {task_.judge_from, task_.images};
      score.protocol = metric.protocol;
      if (std::find(ready_.scores.begin(), ready_.scores.end(), score) != ready_.scores.end())
        failure_.add(metric.where, metric.name + " is computed already, in the same way",
                     "each metric once");
      ready_.scores.push_back(std::move(score));
    }
  }

  const Task& task_;
  const std::string& grid_file_;
  Catalog& catalog_;
  Submission& submission_;
  Failure& failure_;
  ReadyTask ready_;
};

}  // namespace

ReadyTask ready_task(const Task& task, const std::string& grid_file, Catalog& catalog,
                     Submission& submission, Failure& failure) {
  return TaskReader(task, grid_file, catalog, submission, failure).run();
}

}  // namespace isocost::experiments
