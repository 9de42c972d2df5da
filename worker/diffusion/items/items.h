// The items that a task begins with: pictures from a data set, made ready as the sample's key says.
//
//   auto items = ItemSet::open(spec.items, find);           // find: digest -> its pictures
//   auto item = items->load(image % items->count(), {.height = 64, .width = 64});
//
// plan loads every item of a data set once (check_items), a worker those of its groups, by the same
// code. What a key named by its content is held against it: a column whose digest is another, a
// file that was changed after it was opened. Fails with every fault; items that do not fit are told
// by their files' names. Knows no LibTorch. Thread: any, each object one at a time; load() from
// several.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/io/inputs.h"
#include "base/io/item_files.h"
#include "base/io/picture.h"
#include "schema/items.h"
#include "schema/tasks/task.h"

namespace isocost::diffusion {

// A mask: 0 to 255, from this on it is set.
inline constexpr int kMaskSetFrom = 128;
struct Mask {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> values{};  // [height][width]
  [[nodiscard]] bool has_set() const;
  // Whether a pixel is more than so many rows or columns away from every one that is set.
  [[nodiscard]] bool keeps_any(std::int64_t margin) const;
  bool operator==(const Mask&) const = default;
};
// Grey as PIL's convert("L") makes it.
[[nodiscard]] Mask mask_of(const io::Picture& picture);

// Pictures of one item; absent where its data set has none, or nobody asked.
struct Item {
  std::optional<io::Picture> source{};
  std::optional<Mask> mask{};
  std::optional<io::Picture> target{};
  std::string name{};       // for messages
  bool is_changed = false;  // resized or cut to fit
};

// Where items come from. A row of kSources in items.cpp makes one from a spec.
class ItemSource {
 public:
  ItemSource() = default;
  ItemSource(const ItemSource&) = delete;
  ItemSource& operator=(const ItemSource&) = delete;
  virtual ~ItemSource() = default;
  [[nodiscard]] virtual std::uint64_t count() const = 0;
  // Whether its items have this picture.
  [[nodiscard]] virtual bool has(tasks::Slot slot) const = 0;
  // A caption, kSourceText or kTargetText: of files those that were asked for. kPrompt: of what is
  // made, the instruction; else prompts are the sample's. Absent: they have no such text.
  [[nodiscard]] virtual std::optional<std::string> text(std::uint64_t index,
                                                        tasks::Slot slot) const = 0;
  // Whether they are made, all of one size, so that none is missing and one that fits stands for
  // all.
  [[nodiscard]] virtual bool are_alike() const { return false; }
  // The pictures of these slots as they are, before anything is fitted. Requires: has(slot).
  [[nodiscard]] virtual Result<Item> item(std::uint64_t index,
                                          const std::vector<tasks::Slot>& slots) const = 0;
};

// An input by its digest.
using FindColumn = std::function<Result<io::ItemColumn>(const std::string& digest)>;
// One that lies there. Fails with: other pictures than when it was looked at.
[[nodiscard]] Result<io::ItemColumn> open_column(const io::Place& place, const std::string& digest);

// Of the pictures that a cell draws.
struct PictureSize {
  int height = 0;
  int width = 0;
  auto operator<=>(const PictureSize&) const = default;
};
[[nodiscard]] std::string text_of(PictureSize size);  // as io::size_text

class ItemSet {
 public:
  // `more`: columns that extractors read besides, by their slots' keys (ExtractorSpec.items).
  [[nodiscard]] static Result<ItemSet> open(const ItemsSpec& spec, const FindColumn& find,
                                            const std::map<std::string, std::string>& more = {});

  [[nodiscard]] std::uint64_t count() const { return source_->count(); }
  [[nodiscard]] bool are_alike() const { return source_->are_alike(); }
  // Also where it is made: a source of a target.
  [[nodiscard]] bool has(tasks::Slot slot) const;
  [[nodiscard]] std::optional<std::string> text(std::uint64_t index, tasks::Slot slot) const {
    return source_->text(index, slot);
  }
  // Every picture that it has, fitted: targets and masks as large as `size`, sources a factor
  // smaller. Fails with: what does not fit, a mask without a set pixel.
  [[nodiscard]] Result<Item> load(std::uint64_t index, PictureSize size) const;
  // The target alone, as load() has it: a source that would be made of it is not. Requires:
  // has(kTarget).
  [[nodiscard]] Result<io::Picture> target(std::uint64_t index, PictureSize size) const;

 private:
  ItemSet(ItemsSpec spec, std::unique_ptr<ItemSource> source);
  [[nodiscard]] Result<Item> raw(std::uint64_t index) const;
  [[nodiscard]] Result<Item> fitted(const Item& raw, std::uint64_t index, PictureSize size) const;

  ItemsSpec spec_;
  std::unique_ptr<ItemSource> source_;
  std::vector<tasks::Slot> slots_;  // that the source gives
};

// Every item once, on several threads; of those that are alike the first. Whether any was changed
// to fit. `kept_margin`: of a metric that looks at what a mask keeps, if there is one; then each
// must keep a pixel beyond it.
[[nodiscard]] Result<bool> check_items(const ItemSet& items, PictureSize size,
                                       std::optional<std::int64_t> kept_margin = std::nullopt);
// What is wrong with a mask that keeps none; empty where it keeps one.
[[nodiscard]] Failure fault_of_kept(const Mask& mask, std::int64_t margin, const std::string& name);

// Kinds that an ItemsSpec may have.
[[nodiscard]] std::vector<std::string> item_kinds();
inline constexpr const char* kFileItems = "files";
inline constexpr const char* kWorldItems = "world";        // scenes, which enlargements begin with
inline constexpr const char* kWorldEdits = "world-edits";  // scenes and what they become

}  // namespace isocost::diffusion
