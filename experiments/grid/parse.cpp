// From YAML to a Grid: every key, every fault. The parts are in parse_*.cpp.
#include <yaml-cpp/depthguard.h>

#include "base/io/atomic_file.h"
#include "base/text.h"
#include "experiments/grid/parse_parts.h"

namespace isocost::experiments {
namespace {

const std::set<std::string>& grid_keys() {
  static const std::set<std::string> kKeys = {
      "name",      "description", "axes",    "zip",        "exclude", "include",
      "defaults",  "tasks",       "prompts", "metrics",    "images",  "judge_from",
      "baselines", "unit_images", "keep",    "group_size", "dtype",   "negative_prompt",
      "height",    "width"};
  return kKeys;
}

void read_sizes(YamlFile& file, const Members& members, Grid& grid) {
  if (members.contains("unit_images"))
    grid.unit_images = file.whole(members.at("unit_images"), "unit_images", 1, kImagesMax);
  if (members.contains("group_size"))
    grid.group_size = static_cast<int>(file.whole(members.at("group_size"), "group_size", 1, 4096));
  if (members.contains("height"))
    grid.height = static_cast<int>(file.whole(members.at("height"), "height", 8, 8192));
  if (members.contains("width"))
    grid.width = static_cast<int>(file.whole(members.at("width"), "width", 8, 8192));
  if (!members.contains("keep")) return;
  const Members keep = file.members(members.at("keep"), {"features", "pictures"}, "keep");
  if (keep.contains("pictures"))
    grid.keep_pictures = file.whole(keep.at("pictures"), "pictures", 0, kImagesMax);
  if (keep.contains("features") && file.scalar(keep.at("features")) != true) {
    file.fault(keep.at("features"), "features cannot be dropped: scores are computed from them",
               "true");
  }
}

void read_name(YamlFile& file, const YAML::Node& node, Grid& grid) {
  grid.name = file.text(node, "name");
  if (!node.IsScalar()) return;
  if (grid.name.empty() || grid.name.size() > 100 || grid.name.find('/') != std::string::npos) {
    file.fault(node, "the name '" + grid.name + "' does not fit", "1 to 100 characters without /");
  }
}

void read_members(YamlFile& file, const YAML::Node& root, Grid& grid) {
  if (root.IsNull()) {
    file.failure().add(file.name() + ":1:1", "there is nothing in this file",
                       "a grid: name, axes, prompts, images, metrics");
    return;
  }
  const Members members = file.members(root, grid_keys(), "the grid");
  if (!root.IsMap()) return;
  for (const char* needed : {"name", "axes"}) {
    if (!members.contains(needed))
      file.fault(root, std::string("the key '") + needed + "' is missing");
  }
  if (members.contains("name")) read_name(file, members.at("name"), grid);
  if (members.contains("description")) (void)file.text(members.at("description"), "description");
  read_sizes(file, members, grid);
  if (members.contains("dtype"))
    grid.dtype = file.choice(members.at("dtype"), "dtype", {"float32", "bfloat16", "float16"});
  if (members.contains("negative_prompt"))
    grid.negative_prompt = file.text(members.at("negative_prompt"), "negative_prompt");
  if (members.contains("axes")) read_axes(file, members.at("axes"), grid);
  if (members.contains("defaults")) read_defaults(file, members.at("defaults"), members, grid);
  if (members.contains("axes")) check_needed_axes(file, members.at("axes"), grid);
  read_tasks(file, root, members, grid);
  if (members.contains("zip")) read_zips(file, members.at("zip"), grid);
  if (members.contains("exclude"))
    grid.exclude = read_rules(file, grid, members.at("exclude"), "exclude");
  if (members.contains("include"))
    grid.include = read_rules(file, grid, members.at("include"), "include");
}

// YAML forbids tabs as indentation, and the parser says so in words that do not mention them.
bool is_indented_by_tab(const std::string& text, int line) {
  std::size_t begin = 0;
  for (int i = 0; i < line && begin != std::string::npos; ++i) {
    begin = text.find('\n', begin);
    if (begin != std::string::npos) ++begin;
  }
  if (begin == std::string::npos) return false;
  const std::size_t end = text.find_first_not_of(" \t", begin);
  return text.substr(begin, end == std::string::npos ? end : end - begin).find('\t') !=
         std::string::npos;
}

tl::unexpected<Failure> no_yaml(const std::string& text, const std::string& name,
                                const YAML::ParserException& error) {
  const std::string line = name + ":" + std::to_string(error.mark.line + 1);
  if (is_indented_by_tab(text, error.mark.line))
    return fail(line + ":1", "a tab indents this line, which YAML does not allow", "spaces");
  return fail(line + ":" + std::to_string(error.mark.column + 1), "this is not YAML: " + error.msg,
              "key: value lines");
}

// Faults of the grid go into `file`; what is not even YAML is the error.
Result<void> read_text(const std::string& text, const std::string& name, YamlFile& file,
                       Grid& grid) {
  if (text.size() > kGridBytesMax) return fail(name, "the file is larger than 4 MiB", "a grid");
  if (!is_utf8(text)) return fail(name, "the file is not UTF-8", "a grid in UTF-8");
  try {
    read_members(file, YAML::Load(text), grid);
  } catch (const YAML::DeepRecursion& error) {
    return fail(name + ":" + std::to_string(error.mark.line + 1) + ":" +
                    std::to_string(error.mark.column + 1),
                "this is nested too deeply", "a grid");
  } catch (const YAML::ParserException& error) {
    return no_yaml(text, name, error);
  } catch (const YAML::Exception& error) {
    return fail(name, "this is not YAML: " + error.msg, "key: value lines");
  }
  return {};
}

}  // namespace

Result<Grid> parse_grid(const std::string& text, const std::string& name) {
  GridDraft draft = draft_grid(text, name);
  if (!draft.failure.is_empty()) return fail(std::move(draft.failure));
  return std::move(draft.grid);
}

GridDraft draft_grid(const std::string& text, const std::string& name) {
  YamlFile file(name);
  GridDraft draft;
  draft.grid.file = name;
  draft.grid.text = text;
  if (const auto read = read_text(text, name, file, draft.grid); !read)
    draft.failure = read.error();
  else
    draft.failure = in_reading_order(file.failure(), name);
  return draft;
}

}  // namespace isocost::experiments
