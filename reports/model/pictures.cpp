// Which pictures stand side by side: at equal cost first, then by size, by steps and by guidance,
// as the grids of Mei et al. (2024) do. From what cells kept; nothing is picked by hand.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "reports/model/display.h"
#include "reports/model/pictures.h"

namespace isocost::report {
namespace {

constexpr std::size_t kPictureBlocksMax = 3;   // at equal cost
constexpr std::size_t kPictureRowsMax = 8;     // of one block
constexpr std::size_t kPicturesPerRowMax = 8;  // at equal cost
constexpr std::size_t kPicturesPerSweepRowMax = 4;
constexpr double kEqualCost = 1.3;      // costs within this factor count as equal
constexpr double kBlockDistance = 2.5;  // between the costs of two blocks

double gflops_of(const Setting& setting) { return setting.point->costs[kGflopsAxis].value_or(0); }

bool is_equal_cost(const Setting& setting, double gflops) {
  return std::abs(std::log(gflops_of(setting) / gflops)) <= std::log(kEqualCost);
}

// The setting of each model that is nearest to a cost, among those that have pictures.
std::map<std::size_t, Setting> at_cost(const TaskReport& task, const std::string& series,
                                       double gflops) {
  std::map<std::size_t, Setting> by_model;
  for (const Setting& setting : task.optimal) {
    if (setting.point->series != series || setting.point->cell->pictures.empty() ||
        gflops_of(setting) <= 0)
      continue;
    if (!is_equal_cost(setting, gflops)) continue;
    const auto& models = task.study.models;
    const auto model = static_cast<std::size_t>(
        std::find(models.begin(), models.end(), setting.point->model) - models.begin());
    const auto found = by_model.find(model);
    const auto distance = [&](const Setting& s) {
      return std::abs(std::log(gflops_of(s) / gflops));
    };
    if (found == by_model.end())
      by_model.emplace(model, setting);
    else if (distance(setting) < distance(found->second))
      found->second = setting;
  }
  return by_model;
}

// Every n-th of them, the first and the last among them.
template <class T>
std::vector<T> thinned(const std::vector<T>& all, std::size_t most) {
  if (all.size() <= most) return all;
  std::vector<T> kept;
  kept.reserve(most);
  for (std::size_t i = 0; i < most; ++i) kept.push_back(all[i * (all.size() - 1) / (most - 1)]);
  return kept;
}

// The first images that all of the settings kept.
PictureBlock block_of(PictureBlock::Kind kind, std::string title,
                      const std::vector<Setting>& settings, std::size_t columns_max) {
  PictureBlock block;
  block.kind = kind;
  block.title = std::move(title);
  const std::vector<Setting> shown = thinned(settings, kPictureRowsMax);
  std::map<std::uint64_t, std::size_t> times;
  for (const Setting& setting : shown)
    for (const Picture& picture : setting.point->cell->pictures) ++times[picture.number];
  for (const auto& [number, count] : times)
    if (count == shown.size() && block.numbers.size() < columns_max)
      block.numbers.push_back(number);
  for (const Setting& setting : shown) {
    PictureRow row{setting, {}};
    for (const Picture& picture : setting.point->cell->pictures)
      if (std::find(block.numbers.begin(), block.numbers.end(), picture.number) !=
          block.numbers.end())
        row.pictures.push_back(picture.digest);
    block.rows.push_back(std::move(row));
  }
  return block;
}

std::vector<PictureBlock> blocks_of(const TaskReport& task, const std::string& series) {
  std::vector<std::pair<std::size_t, double>> costs;  // models at it, cost
  for (const Setting& setting : task.optimal)
    if (setting.point->series == series && gflops_of(setting) > 0 &&
        !setting.point->cell->pictures.empty())
      costs.emplace_back(at_cost(task, series, gflops_of(setting)).size(), gflops_of(setting));
  std::sort(costs.begin(), costs.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::vector<PictureBlock> blocks;
  for (const auto& [models, gflops] : costs) {
    const bool is_near =
        std::any_of(blocks.begin(), blocks.end(), [&, cost = gflops](const PictureBlock& block) {
          return std::abs(std::log(block.gflops / cost)) < std::log(kBlockDistance);
        });
    if (is_near || blocks.size() == kPictureBlocksMax || (models < 2 && !blocks.empty())) continue;
    std::vector<Setting> settings;
    for (const auto& [model, setting] : at_cost(task, series, gflops)) settings.push_back(setting);
    PictureBlock block =
        block_of(PictureBlock::Kind::kEqualCost,
                 fmt::format("About {} GFLOPs an image, {}", display(gflops), series), settings,
                 kPicturesPerRowMax);
    block.gflops = gflops;
    if (!block.numbers.empty()) blocks.push_back(std::move(block));
  }
  std::sort(blocks.begin(), blocks.end(),
            [](const PictureBlock& a, const PictureBlock& b) { return a.gflops < b.gflops; });
  return blocks;
}

// From the series that shows most models side by side; among equals the one with the better scores.
std::vector<PictureBlock> at_equal_cost(const TaskReport& task) {
  std::vector<PictureBlock> best;
  std::size_t best_rows = 0;
  for (const std::string& series : task.study.series) {
    std::vector<PictureBlock> blocks = blocks_of(task, series);
    std::size_t rows = 0;
    for (const PictureBlock& block : blocks) rows += block.rows.size();
    if (rows <= best_rows) continue;
    best_rows = rows;
    best = std::move(blocks);
  }
  return best;
}

bool has_pictures(const Setting& setting) { return !setting.point->cell->pictures.empty(); }

void add(PictureBlock block, std::vector<PictureBlock>& blocks) {
  if (block.rows.size() > 1 && !block.numbers.empty()) blocks.push_back(std::move(block));
}

// The setting that the others are shown around: the best one of those that kept pictures.
const Setting* middle_of(const TaskReport& task) {
  const Setting* best = nullptr;
  for (const Setting& setting : task.optimal)
    if (has_pictures(setting) &&
        (!best || is_better(setting.value, best->value, task.study.choice->metric)))
      best = &setting;
  return best;
}

void add_sizes_and_steps(const TaskReport& task, const Setting& middle,
                         std::vector<PictureBlock>& blocks) {
  std::vector<Setting> sizes, steps;
  for (const Setting& setting : task.optimal) {  // by model, series, steps
    if (!has_pictures(setting) || setting.point->series != middle.point->series) continue;
    if (setting.point->steps == middle.point->steps) sizes.push_back(setting);
    if (setting.point->model == middle.point->model) steps.push_back(setting);
  }
  add(block_of(PictureBlock::Kind::kSize,
               fmt::format("By size: {}, {} steps", middle.point->series, middle.point->steps),
               sizes, kPicturesPerSweepRowMax),
      blocks);
  add(block_of(PictureBlock::Kind::kSteps,
               fmt::format("By steps: {}, {}", middle.point->model, middle.point->series), steps,
               kPicturesPerSweepRowMax),
      blocks);
}

void add_guidances(const TaskReport& task, const Setting& middle,
                   std::vector<PictureBlock>& blocks) {
  const Study& study = task.study;
  std::map<double, Setting> by_guidance;
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    const Point& point = study.points[i];
    const Score* score = study.choice->scores[i];
    if (!score || !score->value || point.cell->pictures.empty() ||
        point.model != middle.point->model || point.series != middle.point->series ||
        point.steps != middle.point->steps)
      continue;
    Setting setting;
    setting.point = &point;
    setting.score = score;
    setting.value = *score->value;
    by_guidance.emplace(point.guidance, setting);
  }
  std::vector<Setting> settings;
  settings.reserve(by_guidance.size());
  for (const auto& [guidance, setting] : by_guidance) settings.push_back(setting);
  add(block_of(PictureBlock::Kind::kGuidance,
               fmt::format("By guidance: {}, {}, {} steps", middle.point->model,
                           middle.point->series, middle.point->steps),
               settings, kPicturesPerSweepRowMax),
      blocks);
}

}  // namespace

std::vector<PictureBlock> pictures_of(const TaskReport& task) {
  if (!task.study.choice) return {};
  std::vector<PictureBlock> blocks = at_equal_cost(task);
  const Setting* middle = middle_of(task);
  if (middle == nullptr) return blocks;
  add_sizes_and_steps(task, *middle, blocks);
  add_guidances(task, *middle, blocks);
  return blocks;
}

std::vector<ItemRow> item_rows(const Study& study, const std::vector<std::uint64_t>& numbers) {
  std::vector<ItemRow> rows;
  const auto found = study.data->items.find(study.data_key);
  if (found == study.data->items.end()) return rows;
  for (const tasks::Slot slot : {tasks::Slot::kSource, tasks::Slot::kMask, tasks::Slot::kTarget}) {
    ItemRow row{slot, {}};
    bool has_any = false;
    for (const std::uint64_t number : numbers) {
      const auto one = std::find_if(
          found->second.begin(), found->second.end(),
          [&](const ItemPicture& item) { return item.number == number && item.slot == slot; });
      row.pictures.push_back(one == found->second.end() ? std::nullopt
                                                        : std::optional(one->digest));
      has_any |= one != found->second.end();
    }
    if (has_any) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace isocost::report
