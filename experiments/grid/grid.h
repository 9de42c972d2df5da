// A grid file as a value: what a user wrote, checked, before anything of it is looked up.
//
//   Result<Grid> grid = parse_grid(text, "study.yaml");         // every fault with its place
//   Result<Submission> submission = expand(*grid, catalog);     // experiments/grid/expand.h
//
// docs/grid.md has the language, schema/grid.schema.json the same for editors. Pure, any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "schema/items.h"

namespace isocost::experiments {

inline constexpr std::size_t kGridBytesMax = 4U << 20U;
inline constexpr std::size_t kCellsMax = 1'000'000;

// A value with the place it was written at ("study.yaml:7:12"), for messages.
struct Placed {
  Json value;
  std::string where;
};

struct Axis {
  std::string name;  // model, sampler, steps, ..., a parameter's path, or a name of the user's
  std::vector<Placed> values;
  std::string where;
  std::vector<std::string> paths;  // the parameters that it sets; most often its own name
};

// A parameter that cells have unless an axis sets it: options of samplers, for those that have
// them.
struct Default {
  std::string path;
  Placed value;
};

// One condition of an include or exclude entry: a value, several, or a comparison with a number.
struct Condition {
  std::string axis;
  std::string comparison;    // "", ">", ">=", "<", "<=", "!="
  std::vector<Json> values;  // any of them (comparison ""), or the one compared with
  std::string where;
};
using Rule = std::vector<Condition>;  // all of them

// Scenes of the mini world, where a source says that it is of these: {world: SPLIT, count, seed}.
struct WorldSource {
  std::string split = "validation";
  std::uint64_t count = 4096;
  std::uint64_t seed = 0;
};

struct PromptSource : WorldSource {
  std::string kind;  // world, file, list
  std::string file;
  std::vector<std::string> texts;
  std::string where;
};

struct Reference : WorldSource {
  Reference() { seed = 1; }  // other scenes than those of the prompts
  std::string kind;          // world, folder, npz
  std::string path;
  std::string where;
};

// What makes a metric's rows: a row of schema/metrics/extractor.h, its input, and all of its
// options.
struct ExtractorChoice {
  std::string kind;  // empty: a fault was told
  std::string name;  // of its input: "mini/features", a file, a folder
  Json options = Json::object();
  [[nodiscard]] bool is_mini() const { return name.starts_with("mini/"); }
};

struct Metric {
  std::string name;  // of a row in schema/metrics
  ExtractorChoice extractor;
  std::optional<Reference> reference;
  Json protocol = Json::object();  // all of it, defaults written out
  std::string where;
};

// Where the items of a task with pictures come from.
struct DataSource : WorldSource {
  DataSource() { count = 1024; }
  enum class Kind : int { kNone, kWorld, kFolder, kPairs };
  Kind kind = Kind::kNone;  // none: a fault was told
  std::string folder;
  std::string low;
  std::string high;
  std::string fit = kFitExact;
  std::string where;
};

// In a task's model: what the axis says of a model, and the last folder of that.
inline constexpr const char* kModelWord = "{model}";
inline constexpr const char* kNameWord = "{name}";

// What is sampled for which prompts or items, and how it is judged.
struct Task {
  std::string name;   // empty: the grid's own, where it names no tasks
  std::string kind;   // a row of schema/tasks
  std::string model;  // a pattern over the axis; empty: the axis's models serve
  std::string model_where;
  PromptSource prompts;            // of tasks without pictures
  std::optional<DataSource> data;  // of those with pictures
  std::optional<int> factor;
  std::string factor_where;
  Json degradation;                          // with all of its options; null: none
  std::map<std::string, Placed> parameters;  // that it sets itself
  std::vector<Metric> metrics;
  std::vector<Placed>
      baselines;  // names of rows of schema/tasks/baseline.h that may stand beside it
  std::uint64_t images = 0;
  std::uint64_t judge_from = 0;
  std::string where;
};

struct Grid {
  std::string file;
  std::string text;
  std::string name;
  std::vector<Axis> axes;  // in the order of the file, then those that defaults stand for
  std::string axes_where;
  std::vector<std::vector<std::string>> zips;  // names of axes that go together
  std::vector<Rule> exclude;
  std::vector<Rule> include;
  std::vector<Default> defaults;
  std::vector<Task> tasks;  // one at least
  std::uint64_t unit_images = 256;
  std::uint64_t keep_pictures = 8;
  std::optional<int> group_size;  // by default as many as fit the model's size
  std::string dtype = "float32";
  std::string negative_prompt;
  std::optional<int> height;
  std::optional<int> width;
};

[[nodiscard]] Result<Grid> parse_grid(const std::string& text, const std::string& file);

// What could be read of a grid, and every fault of the rest in reading order.
struct GridDraft {
  Grid grid;
  Failure failure;
};
[[nodiscard]] GridDraft draft_grid(const std::string& text, const std::string& file);

// The points of a grid, in its order. Each value stands once; a point is a row of numbers of
// values, one an axis.
class Points {
 public:
  explicit Points(const Grid& grid);

  [[nodiscard]] std::size_t size() const { return axes_ == 0 ? 0 : rows_.size() / axes_; }
  [[nodiscard]] const std::uint32_t* row(std::size_t point) const { return &rows_[point * axes_]; }
  // Of an axis: those of the grid, then what include names besides.
  [[nodiscard]] const std::vector<Placed>& values(std::size_t axis) const { return values_[axis]; }
  [[nodiscard]] const Placed& at(std::size_t point, std::size_t axis) const {
    return values_[axis][row(point)[axis]];
  }

 private:
  friend Result<Points> points(const Grid& grid);
  std::size_t axes_;
  std::vector<std::vector<Placed>> values_;
  std::vector<std::uint32_t> rows_;
};

// Pure counting, nothing is looked up. Fails with: more than kCellsMax points, none at all.
[[nodiscard]] Result<Points> points(const Grid& grid);

}  // namespace isocost::experiments
