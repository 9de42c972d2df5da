// scores.csv: tidy, one row a score, in the order of cells and of the metrics in their grids.
#include <algorithm>

#include "reports/model/columns.h"
#include "reports/model/tables.h"

namespace isocost::report {
namespace {

struct PlacedScore {
  PlacedPoint at;
  std::size_t score = 0;
};

class ScoresTable {
 public:
  explicit ScoresTable(const Report& report) : data_(report.data), texts_(*report.data) {
    for (const PlacedPoint& at : placed_points(report)) {
      std::vector<std::size_t> order(at.point().cell->scores.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return at.point().cell->scores[a].place < at.point().cell->scores[b].place;
      });
      for (const std::size_t i : order) scores_.push_back({at, i});
    }
  }

  [[nodiscard]] std::size_t size() const { return scores_.size(); }

  [[nodiscard]] Row row(std::size_t i) const {
    const PlacedPoint& at = scores_[i].at;
    const Point& point = at.point();
    const Cell& cell = *point.cell;
    const Score& score = cell.scores[scores_[i].score];
    const ScoreSpec& spec = *score.spec;
    const auto& texts = texts_.of(score);
    const ReportData& data = *data_;
    const Group* group = group_of(at, score);
    const Study& study = at.task->study;
    const Json interval = score.low ? score.remarks->interval.value("method", Json()) : Json();
    return {cell.experiment,
            cell.number,
            cell.sample_key,
            study.task,
            drawn(point, point.model),
            point.series,
            drawn(point, point.steps),
            drawn(point, point.guidance),
            spec.metric,
            metric_of(spec.metric).is_lower_better,
            number_or_null(score.value),
            number_or_null(score.low),
            number_or_null(score.high),
            score.value ? Json(score.n) : Json(),
            spec.range.begin,
            spec.range.end,
            interval.is_string() ? interval : Json(),
            texts.protocol,
            spec.extractor.kind,
            text_or_null(spec.extractor.input),
            name_or_null(data, spec.extractor.input),
            texts.extractor,
            text_or_null(spec.reference),
            texts.reference == nullptr ? Json() : name_or_null(data, texts.reference->spec.input),
            score.remarks->reference_n ? Json(*score.remarks->reference_n) : texts.reference_n,
            group == nullptr ? Json() : Json(group->id),
            group == nullptr || at.is_baseline ? Json()
            : group == study.choice            ? Json("ranking")
            : group == study.judgement         ? Json("judging")
                                               : Json(),
            score.key.hex(),
            score.measured_seconds > 0 ? Json(score.measured_seconds) : Json(),
            text_or_null(*score.measured_device_class)};
  }

 private:
  [[nodiscard]] static const Group* group_of(const PlacedPoint& at, const Score& score) {
    for (const Group& group : at.task->study.groups)
      if (at.is_baseline ? group.spec == *score.spec : group.scores[at.index] == &score)
        return &group;
    return nullptr;
  }

  std::shared_ptr<const ReportData> data_;
  SpecTexts texts_;
  std::vector<PlacedScore> scores_;
};

}  // namespace

Table scores_table(const Report& report) {
  Table table = table_named("scores");
  const auto maker = std::make_shared<const ScoresTable>(report);
  table.size = maker->size();
  table.row = [maker](std::size_t i) { return maker->row(i); };
  return table;
}

}  // namespace isocost::report
