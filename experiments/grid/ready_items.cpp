#include "experiments/grid/ready_items.h"
#include "experiments/world/scene_range.h"

#include <algorithm>

#include "base/check.h"
#include "base/io/item_files.h"
#include "experiments/grid/notes.h"
#include "schema/metrics/metric.h"
#include "schema/tasks/baseline.h"
#include "worker/diffusion/items/items.h"

namespace isocost::experiments {
namespace {

using tasks::Slot;

std::string key_of(Slot slot) { return std::string(tasks::slot_key(slot)); }

std::string stem_of(const std::string& name) { return std::filesystem::path(name).stem().string(); }

// What a large picture's name may be whose small one has this name: the same, and "0801" of
// "0801x4", as DIV2K calls a picture that is a quarter of another.
std::vector<std::string> large_names(const std::string& low) {
  std::vector<std::string> names = {low};
  const auto digits = low.find_last_not_of("0123456789");
  if (digits != std::string::npos && digits > 0 && digits + 1 < low.size() && low[digits] == 'x')
    names.push_back(low.substr(0, digits));
  return names;
}

bool is_twin(const std::string& low, const std::string& high) {
  const auto names = large_names(stem_of(low));
  return std::find(names.begin(), names.end(), stem_of(high)) != names.end();
}

class ItemsReader {
 public:
  ItemsReader(const Task& task, const std::set<Slot>& asked, Catalog& catalog,
              Submission& submission, Failure& failure, std::vector<std::string>& notes)
      : task_(task),
        data_(*task.data),
        kind_(*tasks::find_task(task.kind)),
        asked_(asked),
        catalog_(catalog),
        submission_(submission),
        failure_(failure),
        notes_(notes) {}

  ReadyItems run() {
    ready_.spec.fit = data_.fit;
    ready_.spec.factor = task_.factor.value_or(1);
    ready_.spec.degradation = task_.degradation;
    switch (data_.kind) {
      case DataSource::Kind::kNone:
        break;
      case DataSource::Kind::kWorld:
        read_world();
        break;
      case DataSource::Kind::kFolder:
        read_folder();
        break;
      case DataSource::Kind::kPairs:
        read_pairs();
        break;
    }
    return std::move(ready_);
  }

 private:
  [[nodiscard]] std::string member_of(Slot slot) const {
    return std::string(tasks::slot_member(slot, {kind_.is_instruction, is_made_smaller()}));
  }
  [[nodiscard]] bool is_made_smaller() const { return !task_.degradation.is_null(); }

  // Of the task itself, without its prompt; where sources are made, what they are made of.
  [[nodiscard]] std::vector<Slot> own_slots() const {
    if (is_made_smaller()) return {Slot::kTarget};
    std::vector<Slot> slots;
    for (const Slot slot : kind_.slots)
      if (slot != Slot::kPrompt) slots.push_back(slot);
    return slots;
  }

  void read_world() {
    ready_.spec.kind = is_made_smaller() ? diffusion::kWorldItems : diffusion::kWorldEdits;
    ready_.spec.options = world::scene_options(data_.split, data_.count, data_.seed);
    const auto items = diffusion::ItemSet::open(
        ready_.spec, [](const std::string& digest) -> Result<io::ItemColumn> {
          return fail(digest, "the mini world has no files");
        });
    const auto lacks = [&](Slot slot) { return slot != Slot::kPrompt && !items->has(slot); };
    const Slot prompt = kind_.is_instruction ? Slot::kPrompt : Slot::kTargetText;
    if (!items || std::any_of(kind_.slots.begin(), kind_.slots.end(), lacks) ||
        !items->text(0, prompt)) {
      failure_.add(data_.where, "the mini world makes no items for " + kind_.name,
                   "{folder: DIR} with metadata.jsonl");
      return;
    }
    ready_.prompts.reserve(items->count());
    for (std::uint64_t i = 0; i < items->count(); ++i)
      ready_.prompts.push_back(*items->text(i, prompt));
    ready_.slots.insert(Slot::kPrompt);
    for (const Slot slot : {Slot::kSource, Slot::kMask, Slot::kTarget})
      if (items->has(slot)) ready_.slots.insert(slot);
    for (const Slot slot : {Slot::kSourceText, Slot::kTargetText})
      if (items->text(0, slot)) ready_.slots.insert(slot);
  }

  // What is asked of a folder besides what the task itself begins with.
  [[nodiscard]] std::vector<Slot> further_slots() const {
    std::vector<Slot> slots;
    for (const Slot slot : asked_) {
      const bool is_made = is_made_smaller() && (slot == Slot::kSource || slot == Slot::kMask);
      const bool is_prompt =
          slot == Slot::kPrompt || (slot == Slot::kTargetText && !kind_.is_instruction);
      if (!is_own(slot) && !is_made && !is_prompt) slots.push_back(slot);
    }
    return slots;
  }

  // The prompt's member, and these.
  [[nodiscard]] ItemMembers members_of(const std::vector<Slot>& slots) const {
    ItemMembers members;
    (kind_.may_lack_prompt ? members.optional_texts : members.texts)
        .push_back(member_of(Slot::kPrompt));
    for (const Slot slot : slots)
      (tasks::is_text(slot) ? members.texts : members.files).push_back(member_of(slot));
    return members;
  }

  void read_folder() {
    ready_.spec.kind = diffusion::kFileItems;
    const std::vector<Slot> own = own_slots(), further = further_slots();
    std::vector<Slot> slots = own;
    slots.insert(slots.end(), further.begin(), further.end());
    const ItemsEntry entry = catalog_.items(data_.folder, members_of(slots), data_.where, failure_);
    if (entry.names.empty()) return;
    for (const Slot slot : slots) {
      const auto column = entry.columns.find(member_of(slot));
      if (column == entry.columns.end()) return;  // its fault is told
      (is_own(slot) ? ready_.spec.inputs : ready_.more)[key_of(slot)] = column->second;
      submission_.input_names[column->second] = data_.folder + " (" + column->first + ")";
      ready_.slots.insert(slot);
      if (tasks::is_text(slot)) ready_.texts[slot] = entry.texts.at(member_of(slot));
    }
    if (is_made_smaller()) ready_.slots.insert(Slot::kSource);
    take_prompts(entry);
    note_unnamed(data_.folder, entry);
  }

  [[nodiscard]] bool is_own(Slot slot) const {
    const auto own = own_slots();
    return std::find(own.begin(), own.end(), slot) != own.end();
  }

  void read_pairs() {
    ready_.spec.kind = diffusion::kFileItems;
    ItemMembers pictures;
    pictures.files = {io::kFileNameMember};
    ItemMembers with_texts = members_of({});
    with_texts.files = pictures.files;
    const ItemsEntry low = catalog_.items(data_.low, pictures, data_.where, failure_);
    const ItemsEntry high = catalog_.items(data_.high, with_texts, data_.where, failure_);
    if (low.names.empty() || high.names.empty() || !are_twins(low.names, high.names)) return;
    for (const ItemsEntry* entry : {&low, &high})
      if (!entry->columns.contains(io::kFileNameMember)) return;  // its fault is told
    const auto take = [&](Slot slot, const std::string& folder, const ItemsEntry& entry) {
      const std::string& digest = entry.columns.at(io::kFileNameMember);
      (slot == Slot::kSource ? ready_.spec.inputs : ready_.more)[key_of(slot)] = digest;
      submission_.input_names[digest] = folder;
      ready_.slots.insert(slot);
      note_unnamed(folder, entry);
    };
    take(Slot::kSource, data_.low, low);
    take(Slot::kTarget, data_.high, high);
    take_prompts(high);
  }

  // Each low picture beside the high one of its name, and none alone.
  bool are_twins(const std::vector<std::string>& low, const std::vector<std::string>& high) {
    io::ManyFaults faults;
    std::set<std::string> lows, highs, wanted;
    for (const std::string& name : high)
      if (!highs.insert(stem_of(name)).second) add_double(data_.high, name, faults);
    for (const std::string& name : low) {
      if (!lows.insert(stem_of(name)).second) add_double(data_.low, name, faults);
      const auto names = large_names(stem_of(name));
      wanted.insert(names.begin(), names.end());
      if (std::none_of(names.begin(), names.end(),
                       [&](const std::string& one) { return highs.contains(one); }))
        add_lone(data_.low, name, data_.high, faults);
    }
    for (const std::string& name : high)
      if (!wanted.contains(stem_of(name))) add_lone(data_.high, name, data_.low, faults);
    Failure failure = faults.take(data_.where, "more pictures have faults");
    for (std::size_t i = 0; failure.is_empty() && i < low.size(); ++i)
      if (!is_twin(low[i], high[i]))
        failure.add(
            data_.where,
            data_.low + "/" + low[i] + " stands where " + data_.high + "/" + high[i] + " does",
            "names in the same order in both folders");
    const bool are_sound = failure.is_empty();
    failure_.add(failure);
    return are_sound;
  }

  void add_double(const std::string& folder, const std::string& name,
                  io::ManyFaults& faults) const {
    faults.add(data_.where, folder + " has two pictures that are called '" + stem_of(name) + "'",
               "each name once");
  }
  void add_lone(const std::string& folder, const std::string& name, const std::string& other,
                io::ManyFaults& faults) const {
    faults.add(data_.where, folder + "/" + name + " has no twin in " + other,
               "a picture of the same name in both");
  }

  // Pictures of a data set without texts have empty prompts, where the task may do without.
  void take_prompts(const ItemsEntry& entry) {
    const auto texts = entry.texts.find(member_of(Slot::kPrompt));
    ready_.prompts =
        texts == entry.texts.end() ? std::vector<std::string>(entry.names.size()) : texts->second;
    if (texts == entry.texts.end()) return;
    ready_.slots.insert(Slot::kPrompt);
    if (kind_.is_instruction) return;
    ready_.slots.insert(Slot::kTargetText);
    ready_.texts[Slot::kTargetText] = ready_.prompts;
  }

  void note_unnamed(const std::string& folder, const ItemsEntry& entry) {
    if (entry.unnamed == 0) return;
    add_note(notes_, folder + " has " + std::to_string(entry.names.size()) + " items; " +
                         std::to_string(entry.unnamed) +
                         " more pictures in it are named by no line of metadata.jsonl");
  }

  const Task& task_;
  const DataSource& data_;
  const tasks::TaskKind& kind_;
  const std::set<Slot>& asked_;
  Catalog& catalog_;
  Submission& submission_;
  Failure& failure_;
  std::vector<std::string>& notes_;
  ReadyItems ready_;
};

}  // namespace

std::set<tasks::Slot> asked_slots(const Task& task) {
  std::set<tasks::Slot> asked;
  for (const Metric& metric : task.metrics)
    if (const auto* row = metrics::find_metric(metric.name))
      asked.insert(row->needs().begin(), row->needs().end());
  for (const Placed& baseline : task.baselines)
    if (const auto* row = tasks::find_baseline(baseline.value.get_ref<const std::string&>()))
      asked.insert(row->slot);
  return asked;
}

ReadyItems ready_items(const Task& task, const std::set<tasks::Slot>& asked, Catalog& catalog,
                       Submission& submission, Failure& failure, std::vector<std::string>& notes) {
  return ItemsReader(task, asked, catalog, submission, failure, notes).run();
}

}  // namespace isocost::experiments
