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
  static const std::map<std::string, OpenSource> kSources = {{kFileItems, open_files},
                                                             {kWorldItems, open_world}};
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

}  // namespace

std::string text_of(PictureSize size) { return io::size_text(size.width, size.height); }

bool Mask::has_set() const {
  return std::any_of(values.begin(), values.end(),
                     [](std::uint8_t v) { return v >= kMaskSetFrom; });
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

Result<bool> check_items(const ItemSet& items, PictureSize size) {
  const auto count = static_cast<std::size_t>(items.count());
  std::vector<Failure> failures(count);
  std::atomic<bool> is_any_changed = false;
  const auto look = [&](std::size_t i) {
    try {
      const auto item = items.load(i, size);
      if (!item)
        failures[i] = item.error();
      else if (item->is_changed)
        is_any_changed = true;
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
