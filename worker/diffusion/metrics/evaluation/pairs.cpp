#include "worker/diffusion/metrics/evaluation/pairs.h"

#include <algorithm>
#include <map>

#include "base/io/item_files.h"

namespace isocost::diffusion {
namespace {

namespace fs = std::filesystem;
using tasks::Slot;

bool is_needed(const PairSources& sources, Slot slot) {
  return std::find(sources.needs.begin(), sources.needs.end(), slot) != sources.needs.end();
}

// For each picture the place of its partner among `names` (paths of files).
struct Alignment {
  std::vector<std::size_t> places;
  bool is_by_name = false;
};

Result<Alignment> align(const std::vector<fs::path>& pictures, const std::vector<fs::path>& names,
                        const std::string& where, const std::string& what) {
  std::map<std::string, std::vector<std::size_t>> by_stem;
  for (std::size_t i = 0; i < names.size(); ++i) by_stem[names[i].stem().string()].push_back(i);
  Alignment alignment;
  io::ManyFaults faults;
  bool is_sound = true;
  for (const fs::path& picture : pictures) {
    const auto found = by_stem.find(picture.stem().string());
    alignment.is_by_name |= found != by_stem.end();
    if (found != by_stem.end() && found->second.size() == 1) {
      alignment.places.push_back(found->second.front());
      continue;
    }
    is_sound = false;
    if (found == by_stem.end())
      faults.add(picture.string(), "there is no " + what + " of this name in " + where,
                 "one for each picture, as for others");
    else
      faults.add(picture.string(),
                 "there are two " + what + "s of this name in " + where + ": " +
                     names[found->second[0]].string() + " and " + names[found->second[1]].string(),
                 "each name once");
  }
  if (is_sound) return alignment;
  if (alignment.is_by_name) return fail(faults.take(where, "more pictures have no " + what));
  if (names.size() != pictures.size())
    return fail(where,
                "it has " + std::to_string(names.size()) + " " + what + "s for " +
                    std::to_string(pictures.size()) + " pictures",
                "as many, in the same order, or the same names");
  for (std::size_t i = 0; i < names.size(); ++i) alignment.places.push_back(i);
  return alignment;
}

template <class T>
std::vector<T> taken(const std::vector<T>& all, const std::vector<std::size_t>& places) {
  std::vector<T> some;
  some.reserve(places.size());
  for (const std::size_t place : places) some.push_back(all[place]);
  return some;
}

class Pairing {
 public:
  Pairing(std::vector<fs::path> pictures, const PairSources& sources) : sources_(sources) {
    pairs_.pictures = std::move(pictures);
  }

  Result<Pairs> run() {
    if (!sources_.items.empty()) read_items();
    if (!sources_.targets.empty()) read_targets();
    if (!failure_.is_empty()) return fail(std::move(failure_));
    return std::move(pairs_);
  }

 private:
  bool place(const std::vector<fs::path>& names, const std::string& where, const char* what) {
    auto alignment = align(pairs_.pictures, names, where, what);
    if (!alignment) {
      failure_.add(alignment.error());
      return false;
    }
    places_ = std::move(alignment->places);
    pairs_.aligned_by = alignment->is_by_name ? "names" : "order";
    if (names.size() > places_.size())
      pairs_.notes.push_back(std::to_string(names.size() - places_.size()) + " of " +
                             std::to_string(names.size()) + " " + what + "s belong to no picture");
    return true;
  }

  void read_items() {
    const auto table = io::read_item_table(sources_.items);
    if (!table) {
      failure_.add(table.error());
      return;
    }
    std::vector<fs::path> names;
    names.reserve(table->rows.size());
    for (const Json& row : table->rows)
      names.emplace_back(row.at(io::kFileNameMember).get<std::string>());
    if (!place(names, sources_.items.string(), "item")) return;
    const tasks::ItemUse use{.is_instruction = has_instructions(*table)};
    take_pictures(*table, Slot::kSource, use, pairs_.sources);
    take_pictures(*table, Slot::kMask, use, pairs_.masks);
    if (sources_.targets.empty()) take_pictures(*table, Slot::kTarget, use, pairs_.targets);
    take_texts(*table, Slot::kPrompt, use, pairs_.prompts);
    take_texts(*table, Slot::kSourceText, use, pairs_.source_texts);
    take_texts(*table, Slot::kTargetText, use, pairs_.target_texts);
    if (!pairs_.source_texts.empty() && !pairs_.target_texts.empty()) check_texts_differ();
  }

  // Lines have what is theirs alone.
  static bool has_instructions(const io::ItemTable& table) {
    constexpr tasks::ItemUse kInstructions{.is_instruction = true};
    return std::any_of(table.rows.begin(), table.rows.end(), [&](const Json& row) {
      return row.contains(std::string(tasks::slot_member(Slot::kPrompt, kInstructions))) ||
             row.contains(std::string(tasks::slot_member(Slot::kTargetText, kInstructions)));
    });
  }

  void take_pictures(const io::ItemTable& table, Slot slot, tasks::ItemUse use,
                     std::vector<fs::path>& into) {
    if (!is_needed(sources_, slot)) return;
    const auto files = io::files_of(table, std::string(tasks::slot_member(slot, use)));
    if (files)
      into = taken(*files, places_);
    else
      failure_.add(files.error());
  }

  void take_texts(const io::ItemTable& table, Slot slot, tasks::ItemUse use,
                  std::vector<std::string>& into) {
    if (!is_needed(sources_, slot)) return;
    const auto texts = io::texts_of(table, std::string(tasks::slot_member(slot, use)));
    if (texts)
      into = taken(*texts, places_);
    else
      failure_.add(texts.error());
  }

  // Between equal ones there is no direction.
  void check_texts_differ() {
    io::ManyFaults faults;
    for (std::size_t i = 0; i < pairs_.pictures.size(); ++i)
      if (pairs_.source_texts[i] == pairs_.target_texts[i])
        faults.add(pairs_.pictures[i].string(),
                   "'" + pairs_.target_texts[i].substr(0, 80) +
                       "' is the text of its source and of its target",
                   "two texts that differ, between which there is a direction");
    failure_.add(faults.take(sources_.items.string(), "more items have equal texts"));
  }

  void read_targets() {
    const auto files = io::picture_files(sources_.targets);
    if (!files) {
      failure_.add(files.error());
      return;
    }
    if (place(*files, sources_.targets.string(), "target")) pairs_.targets = taken(*files, places_);
  }

  const PairSources& sources_;
  Pairs pairs_;
  std::vector<std::size_t> places_;
  Failure failure_;
};

template <class Some>  // a picture or a mask
std::string pixels_text(const Some& some) {
  return std::to_string(some.width) + " x " + std::to_string(some.height);
}

// What decoded pictures do not have that an extractor takes.
Failure misfits(const Pairs& pairs, std::size_t index, const PairChecks& checks, const Pair& pair) {
  Failure failure;
  const std::string name = pairs.pictures[index].string();
  if (std::min(pair.picture.width, pair.picture.height) < checks.least_side)
    failure.add(name, "it has " + pixels_text(pair.picture) + " pixels",
                std::to_string(checks.least_side) + " or more a side, as the metric is asked for");
  const auto check = [&](const std::vector<fs::path>& files, const auto& other) {
    if (!other || !checks.is_pixelwise) return;
    if (other->width == pair.picture.width && other->height == pair.picture.height) return;
    failure.add(files[index].string(), "it has " + pixels_text(*other) + " pixels",
                pixels_text(pair.picture) + ", as " + name);
  };
  check(pairs.sources, pair.source);
  check(pairs.targets, pair.target);
  check(pairs.masks, pair.mask);
  if (pair.mask && !pair.mask->has_set())
    failure.add(pairs.masks[index].string(), "the mask has no pixel that is set",
                "white where the picture may change");
  else if (pair.mask)
    failure.add(fault_of_kept(*pair.mask, checks.kept_margin, pairs.masks[index].string()));
  return failure;
}

}  // namespace

Result<Pairs> pair_up(std::vector<fs::path> pictures, const PairSources& sources) {
  return Pairing(std::move(pictures), sources).run();
}

Result<Pair> read_pair(const Pairs& pairs, std::size_t index, const PairChecks& checks) {
  Failure failure;
  const auto read = [&](const std::vector<fs::path>& files) -> std::optional<io::Picture> {
    if (files.empty()) return std::nullopt;
    auto picture = io::read_picture(files[index]);
    if (picture) return std::move(*picture);
    failure.add(picture.error());
    return std::nullopt;
  };
  auto picture = read(pairs.pictures);
  Pair pair;
  pair.source = read(pairs.sources);
  pair.target = read(pairs.targets);
  if (const auto mask = read(pairs.masks)) pair.mask = mask_of(*mask);
  if (!failure.is_empty()) return fail(std::move(failure));
  pair.picture = std::move(*picture);
  failure = misfits(pairs, index, checks, pair);
  if (!failure.is_empty()) return fail(std::move(failure));
  return pair;
}

}  // namespace isocost::diffusion
