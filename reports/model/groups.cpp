#include "reports/model/groups.h"

#include <algorithm>
#include <map>

#include "base/json_text.h"

namespace isocost::report {
namespace {

// Scores of one metric and protocol over the same images, whichever the order of the rows.
std::vector<Group> collect(const Study& study) {
  std::map<std::string, Group> groups;
  std::vector<std::string> order;  // of the grid
  std::map<const ScoreSpec*, Group*> known;
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    for (const Score& score : study.points[i].cell->scores) {
      Group*& group = known[&*score.spec];
      if (group == nullptr) {
        const std::string key = canonical(Json{
            {"score", to_json(*score.spec)}, {"task", study.task_row}, {"data", study.data_key}});
        const auto [found, is_new] = groups.try_emplace(key);
        group = &found->second;
        if (is_new) {
          order.push_back(key);
          group->metric = metric_of(score.spec->metric);
          group->spec = *score.spec;
          group->place = score.place;
          group->scores.resize(study.points.size());
          group->id = score.spec->metric + "-" + sha256(key).hex().substr(0, 8);
        }
      }
      group->scores[i] = &score;
      group->place = std::min(group->place, score.place);
      if (score.value) ++group->count;
    }
  }
  std::vector<Group> list;
  list.reserve(groups.size());
  for (const std::string& key : order) list.push_back(std::move(groups.at(key)));
  std::stable_sort(list.begin(), list.end(), [](const Group& a, const Group& b) {
    return std::make_tuple(a.metric.name, b.count) < std::make_tuple(b.metric.name, a.count);
  });
  return list;
}

std::string reference_name(const Study& study, const Group& group) {
  const Reference* reference = study.data->reference_of(group.spec);
  if (reference == nullptr) return group.spec.reference.substr(0, 12);
  const auto& options = reference->spec.options;
  const std::string name = !reference->spec.input.empty() ? study.input_name(reference->spec.input)
                           : options.contains("split")
                               ? "the " + plain_text(options["split"]) + " split of the mini world"
                               : reference->spec.kind;
  const auto count = reference->count();
  return count ? name + " (n = " + std::to_string(*count) + ")" : name;
}

// Of several groups of one metric each says what the others have otherwise.
void tell_apart(Study& study) {
  for (Group& group : study.groups) {
    bool has_references = false, has_extractors = false, has_protocols = false;
    for (const Group& other : study.groups) {
      if (other.metric.name != group.metric.name || other.spec.range != group.spec.range) continue;
      const bool is_other_extractor = other.spec.extractor != group.spec.extractor;
      has_extractors |= is_other_extractor;
      // Another extractor makes another reference of the same pictures.
      has_references |= reference_name(study, other) != reference_name(study, group);
      has_protocols |= !is_other_extractor && other.spec.reference == group.spec.reference &&
                       other.spec.protocol != group.spec.protocol;
    }
    std::vector<std::string> parts;
    if (has_references) parts.push_back("against " + reference_name(study, group));
    if (has_extractors)
      parts.push_back("by " + (group.spec.extractor.input.empty()
                                   ? group.spec.extractor.kind
                                   : study.input_name(group.spec.extractor.input)));
    if (has_protocols) parts.push_back("with " + canonical(group.spec.protocol));
    for (const std::string& part : parts) group.apart += (group.apart.empty() ? "" : " ") + part;
  }
}

// What the ranking goes by: of the metric that the grid names first, the group that covers most
// cells. A metric without any value yet ranks nothing.
const Group* choose_group(const std::vector<Group>& groups) {
  const Group* first = nullptr;
  for (const Group& group : groups)
    if (group.count > 0 && (!first || std::make_pair(group.place, first->count) <
                                          std::make_pair(first->place, group.count)))
      first = &group;
  if (!first) return nullptr;
  const Group* best = nullptr;
  for (const Group& group : groups)
    if (group.metric.name == first->metric.name && group.count > 0 &&
        (!best || group.count > best->count))
      best = &group;
  return best;
}

bool are_disjoint(const ImageRange& a, const ImageRange& b) {
  return a.end <= b.begin || b.end <= a.begin;
}

bool differ_only_in_images(const Group& a, const Group& b) {
  return a.metric.name == b.metric.name && a.spec.extractor == b.spec.extractor &&
         a.spec.reference == b.spec.reference && a.spec.protocol == b.spec.protocol;
}

const Group* judging_group(const Study& study) {
  if (!study.choice) return nullptr;
  const Group* best = nullptr;
  for (const Group& group : study.groups) {
    if (!differ_only_in_images(group, *study.choice) ||
        !are_disjoint(group.spec.range, study.choice->spec.range))
      continue;
    if (group.count >= 2 && (!best || group.spec.range.size() > best->spec.range.size()))
      best = &group;
  }
  return best;
}

}  // namespace

void group_scores(Study& study) {
  study.groups = collect(study);
  tell_apart(study);
  study.choice = choose_group(study.groups);
  study.judgement = judging_group(study);
}

}  // namespace isocost::report
