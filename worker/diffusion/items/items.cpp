#include "worker/diffusion/items/items.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <system_error>

#include "base/check.h"
#include "base/io/for_each_of.h"
#include "base/io/item_files.h"
#include "worker/diffusion/items/degrade.h"
#include "worker/diffusion/items/fit.h"
#include "worker/diffusion/items/sources.h"

namespace isocost::diffusion {
namespace {

using tasks::Slot;

// To add a kind: a file with such a function, and its row here.
using OpenSource = Result<std::unique_ptr<ItemSource>> (*)(
    const ItemsSpec& spec, const std::map<std::string, std::string>& more, const FindColumn& find);
const std::map<std::string, OpenSource>& source_table() {
  static const std::map<std::string, OpenSource> kSources = {
      {kFileItems, open_files}, {kWorldItems, open_world}, {kWorldEdits, open_world_edits}};
  return kSources;
}

PictureSize size_of(const io::Picture& picture) { return {picture.height, picture.width}; }
PictureSize size_of(const Mask& mask) { return {mask.height, mask.width}; }

Result<void> check_same(const char* what, PictureSize size, PictureSize expected, int factor,
                        const std::string& name) {
  if (size == PictureSize{expected.height * factor, expected.width * factor}) return {};
  return fail(name, std::string("its ") + what + " has " + text_of(size) + " pixels",
              text_of({expected.height * factor, expected.width * factor}) +
                  (factor == 1 ? ", as its source has"
                               : ", " + std::to_string(factor) + " times its source's"));
}

// Sets what is at most `margin` away from a set one, along one row or column.
void widen_line(char* line, std::size_t count, std::size_t stride, std::int64_t margin) {
  const auto spread = [&](auto place) {
    std::int64_t left = 0;  // still to be set after the last set one
    for (std::size_t i = 0; i < count; ++i) {
      char& flag = line[place(i) * stride];
      if (flag == 1)
        left = margin;
      else if (left-- > 0)
        flag = 2;
    }
  };
  spread([](std::size_t i) { return i; });
  spread([&](std::size_t i) { return count - 1 - i; });
  for (std::size_t i = 0; i < count; ++i) line[i * stride] = line[i * stride] == 0 ? 0 : 1;
}

}  // namespace

std::string text_of(PictureSize size) { return io::size_text(size.width, size.height); }

bool Mask::has_set() const {
  return std::any_of(values.begin(), values.end(),
                     [](std::uint8_t v) { return v >= kMaskSetFrom; });
}

bool Mask::keeps_any(std::int64_t margin) const {
  std::vector<char> widened;
  widened.reserve(values.size());
  for (const std::uint8_t value : values) widened.push_back(value >= kMaskSetFrom ? 1 : 0);
  const auto columns = static_cast<std::size_t>(width), rows = static_cast<std::size_t>(height);
  for (std::size_t y = 0; y < rows; ++y) widen_line(&widened[y * columns], columns, 1, margin);
  for (std::size_t x = 0; x < columns; ++x) widen_line(&widened[x], rows, columns, margin);
  return std::find(widened.begin(), widened.end(), 0) != widened.end();
}

Failure fault_of_kept(const Mask& mask, std::int64_t margin, const std::string& name) {
  Failure failure;
  if (mask.keeps_any(margin)) return failure;
  failure.add(name,
              "its mask" +
                  (margin == 0 ? "" : ", widened by " + std::to_string(margin) + " pixels,") +
                  " leaves no pixel as it is",
              "one or more that must not change, which a metric looks at");
  return failure;
}

Mask mask_of(const io::Picture& picture) {
  constexpr std::uint32_t kRed = 19595, kGreen = 38470, kBlue = 7471, kHalf = 0x8000;
  Mask mask{picture.width, picture.height, {}};
  const std::size_t pixels = picture.rgb.size() / 3;
  mask.values.reserve(pixels);
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::uint32_t sum = picture.rgb[3 * i] * kRed + picture.rgb[3 * i + 1] * kGreen +
                              picture.rgb[3 * i + 2] * kBlue + kHalf;
    mask.values.push_back(static_cast<std::uint8_t>(sum >> 16U));
  }
  return mask;
}

ItemSet::ItemSet(ItemsSpec spec, std::unique_ptr<ItemSource> source)
    : spec_(std::move(spec)), source_(std::move(source)) {
  for (const Slot slot : {Slot::kSource, Slot::kMask, Slot::kTarget})
    if (source_->has(slot)) slots_.push_back(slot);
}

Result<ItemSet> ItemSet::open(const ItemsSpec& spec, const FindColumn& find,
                              const std::map<std::string, std::string>& more) {
  const auto row = source_table().find(spec.kind);
  if (row == source_table().end())
    return fail("items.kind", "'" + spec.kind + "' is unknown", "one of: " + joined(item_kinds()));
  auto source = row->second(spec, more, find);
  if (!source) return fail(source.error());
  const bool makes_sources = !spec.degradation.is_null();
  if (makes_sources && !(*source)->has(Slot::kTarget))
    return fail("items", "there is no target that sources could be made of", "its pictures");
  if (!(*source)->has(Slot::kSource) && !(*source)->has(Slot::kTarget))
    return fail("items", "there is neither source nor target", "pictures of one");
  if ((*source)->count() == 0) return fail("items", "there is none", "one or more");
  return ItemSet(spec, std::move(*source));
}

bool ItemSet::has(Slot slot) const {
  return source_->has(slot) || (slot == Slot::kSource && !spec_.degradation.is_null());
}

Result<Item> ItemSet::raw(std::uint64_t index) const {
  auto item = source_->item(index, slots_);
  // What is made is not taken from anywhere.
  if (item && !spec_.degradation.is_null()) item->source.reset();
  return item;
}

Result<Item> ItemSet::load(std::uint64_t index, PictureSize size) const {
  const auto item = raw(index);
  if (!item) return fail(item.error());
  return fitted(*item, index, size);
}

Result<io::Picture> ItemSet::target(std::uint64_t index, PictureSize size) const {
  const auto item = raw(index);
  if (!item) return fail(item.error());
  if (item->source) {
    auto whole = fitted(*item, index, size);
    if (!whole) return fail(whole.error());
    return std::move(*whole->target);
  }
  const auto frame = frame_of(spec_.fit, size_of(*item->target), size, item->name);
  if (!frame) return fail(frame.error());
  return diffusion::fitted(*item->target, *frame);
}

Result<Item> ItemSet::fitted(const Item& raw, std::uint64_t index, PictureSize size) const {
  const int factor = spec_.factor;
  if (size.height % factor != 0 || size.width % factor != 0)
    return fail("items.factor",
                text_of(size) + " pixels are not divided by " + std::to_string(factor),
                "a factor of the picture's sides");
  const PictureSize small{size.height / factor, size.width / factor};
  Item item;
  item.name = raw.name;
  if (!raw.source) {  // it is made of the target, or nobody needs it
    const auto frame = frame_of(spec_.fit, size_of(*raw.target), size, raw.name);
    if (!frame) return fail(frame.error());
    item.is_changed = size_of(*raw.target) != size;
    item.target = diffusion::fitted(*raw.target, *frame);
    if (spec_.degradation.is_null()) return item;
    auto source = degraded(spec_.degradation, *item.target, factor, index);
    if (!source) return fail(source.error());
    item.source = std::move(*source);
    return item;
  }
  Failure failure;
  const PictureSize own = size_of(*raw.source);
  const auto check = [&](const char* what, PictureSize found, int times) {
    if (const auto fits = check_same(what, found, own, times, raw.name); !fits)
      failure.add(fits.error());
  };
  if (raw.mask) check("mask", size_of(*raw.mask), 1);
  if (raw.target) check("target", size_of(*raw.target), factor);
  const auto frame = frame_of(spec_.fit, own, small, raw.name);
  if (!frame) failure.add(frame.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  item.is_changed = own != small;
  item.source = diffusion::fitted(*raw.source, *frame);
  if (raw.target) item.target = diffusion::fitted(*raw.target, scaled(*frame, factor));
  if (raw.mask) {
    item.mask = diffusion::fitted(*raw.mask, *frame);
    if (!item.mask->has_set())
      return fail(raw.name,
                  raw.mask->has_set() ? "its mask has no set pixel in what is cut out of it"
                                      : "its mask has no set pixel",
                  "one or more from 128 on, where the picture is to be drawn anew");
  }
  return item;
}

Result<bool> check_items(const ItemSet& items, PictureSize size,
                         std::optional<std::int64_t> kept_margin) {
  const auto all = static_cast<std::size_t>(items.count());
  const auto count = items.are_alike() && !kept_margin ? std::min<std::size_t>(all, 1) : all;
  std::vector<Failure> failures(count);
  std::atomic<bool> is_any_changed = false;
  const auto look = [&](std::size_t i) {
    try {
      const auto item = items.load(i, size);
      if (!item) {
        failures[i] = item.error();
        return;
      }
      if (item->is_changed) is_any_changed = true;
      if (item->mask && kept_margin)
        failures[i] = fault_of_kept(*item->mask, *kept_margin, item->name);
    } catch (const std::system_error& error) {
      failures[i].add("items", "a picture cannot be read: " + error.code().message());
    }
  };
  io::for_each_of(count, look);
  io::ManyFaults faults;
  for (const Failure& failure : failures) faults.add(failure);
  Failure failure = faults.take("items", "more items have faults");
  if (!failure.is_empty()) return fail(std::move(failure));
  return is_any_changed.load();
}

std::vector<std::string> item_kinds() {
  std::vector<std::string> names;
  for (const auto& [name, unused] : source_table()) names.push_back(name);
  return names;
}

}  // namespace isocost::diffusion
