#include "worker/diffusion/metrics/evaluation/pairs.h"

#include <algorithm>
#include <map>

#include "base/io/item_files.h"

namespace isocost::diffusion {
namespace {

namespace fs = std::filesystem;
using tasks::Slot;

constexpr const char* kTextMember = "text";
constexpr const char* kTargetTextMember = "target_text";
constexpr const char* kInstructionMember = "edit_prompt";
constexpr const char* kMaskMember = "mask_file_name";
constexpr const char* kTargetMember = "target_file_name";

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
  std::map<std::string, std::size_t> by_stem;
  bool is_unique = true;
  for (std::size_t i = 0; i < names.size(); ++i)
    is_unique &= by_stem.emplace(names[i].stem().string(), i).second;
  Alignment alignment;
  io::ManyFaults faults;
  std::size_t found = 0;
  for (const fs::path& picture : pictures) {
    const auto place = is_unique ? by_stem.find(picture.stem().string()) : by_stem.end();
    if (place == by_stem.end()) {
      faults.add(picture.string(), "there is no " + what + " of this name in " + where,
                 "one for each picture, as for others");
      continue;
    }
    ++found;
    alignment.places.push_back(place->second);
  }
  alignment.is_by_name = found > 0;
  if (found == pictures.size()) return alignment;
  if (found > 0) return fail(faults.take(where, "more pictures have no " + what));
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
    take_pictures(*table, Slot::kSource, io::kFileNameMember, pairs_.sources);
    take_pictures(*table, Slot::kMask, kMaskMember, pairs_.masks);
    if (sources_.targets.empty())
      take_pictures(*table, Slot::kTarget, kTargetMember, pairs_.targets);
    take_texts(*table, Slot::kPrompt, kTextMember, pairs_.prompts);
    take_texts(*table, Slot::kSourceText, kTextMember, pairs_.source_texts);
    take_texts(*table, Slot::kTargetText, target_text_member(*table), pairs_.target_texts);
  }

  static const char* target_text_member(const io::ItemTable& table) {
    const auto has = [&](const char* member) {
      return std::any_of(table.rows.begin(), table.rows.end(),
                         [&](const Json& row) { return row.contains(member); });
    };
    return has(kTargetTextMember) || has(kInstructionMember) ? kTargetTextMember : kTextMember;
  }

  void take_pictures(const io::ItemTable& table, Slot slot, const char* member,
                     std::vector<fs::path>& into) {
    if (!is_needed(sources_, slot)) return;
    const auto column = io::read_column(table, member);
    if (column)
      into = taken(column->files, places_);
    else
      failure_.add(column.error());
  }

  void take_texts(const io::ItemTable& table, Slot slot, const char* member,
                  std::vector<std::string>& into) {
    if (!is_needed(sources_, slot)) return;
    const auto texts = io::texts_of(table, member);
    if (texts)
      into = taken(*texts, places_);
    else
      failure_.add(texts.error());
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

std::string pixels_text(const io::Picture& picture) {
  return std::to_string(picture.width) + " x " + std::to_string(picture.height);
}

}  // namespace

Result<Pairs> pair_up(std::vector<fs::path> pictures, const PairSources& sources) {
  return Pairing(std::move(pictures), sources).run();
}

bool is_set(const io::Picture& mask, std::size_t pixel) {
  const std::uint8_t* rgb = &mask.rgb[3 * pixel];
  constexpr std::uint32_t kRed = 19595, kGreen = 38470, kBlue = 7471, kHalf = 0x8000;
  return ((rgb[0] * kRed + rgb[1] * kGreen + rgb[2] * kBlue + kHalf) >> 16U) >= 128;
}

Result<Pair> read_pair(const Pairs& pairs, std::size_t index, bool is_pixelwise) {
  Failure failure;
  const auto read = [&](const std::vector<fs::path>& files, std::optional<io::Picture>& into) {
    if (files.empty()) return;
    auto picture = io::read_picture(files[index]);
    if (picture)
      into = std::move(*picture);
    else
      failure.add(picture.error());
  };
  std::optional<io::Picture> picture;
  Pair pair;
  read(pairs.pictures, picture);
  read(pairs.sources, pair.source);
  read(pairs.targets, pair.target);
  read(pairs.masks, pair.mask);
  if (!failure.is_empty()) return fail(std::move(failure));
  pair.picture = std::move(*picture);
  const auto check = [&](const std::vector<fs::path>& files, const auto& other) {
    if (!other || !is_pixelwise) return;
    if (other->width == pair.picture.width && other->height == pair.picture.height) return;
    failure.add(files[index].string(), "it has " + pixels_text(*other) + " pixels",
                pixels_text(pair.picture) + ", as " + pairs.pictures[index].string());
  };
  check(pairs.sources, pair.source);
  check(pairs.targets, pair.target);
  check(pairs.masks, pair.mask);
  if (pair.mask) {
    bool has_set = false;
    for (std::size_t p = 0; !has_set && p < pair.mask->rgb.size() / 3; ++p)
      has_set = is_set(*pair.mask, p);
    if (!has_set)
      failure.add(pairs.masks[index].string(), "the mask has no pixel that is set",
                  "white where the picture may change");
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return pair;
}

}  // namespace isocost::diffusion
