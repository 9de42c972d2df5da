#include "worker/diffusion/items/sources.h"

#include <map>

#include "base/check.h"
#include "base/io/atomic_file.h"
#include "base/io/item_files.h"

namespace isocost::diffusion {
namespace {

using tasks::Slot;

constexpr Slot kColumnSlots[] = {Slot::kSource, Slot::kMask, Slot::kTarget, Slot::kSourceText,
                                 Slot::kTargetText};

class FileItems : public ItemSource {
 public:
  explicit FileItems(std::map<Slot, io::ItemColumn> columns) : columns_(std::move(columns)) {}

  [[nodiscard]] std::uint64_t count() const override { return columns_.begin()->second.size(); }
  [[nodiscard]] bool has(Slot slot) const override { return columns_.contains(slot); }
  [[nodiscard]] std::optional<std::string> text(std::uint64_t index, Slot slot) const override {
    const auto column = columns_.find(slot);
    if (column == columns_.end() || column->second.texts.empty()) return std::nullopt;
    return column->second.texts.at(index);
  }

  [[nodiscard]] Result<Item> item(std::uint64_t index,
                                  const std::vector<Slot>& slots) const override {
    Item item;
    Failure failure;
    for (const Slot slot : slots) {
      auto picture = read(columns_.at(slot), index);
      if (!picture)
        failure.add(picture.error());
      else if (slot == Slot::kMask)
        item.mask = mask_of(*picture);
      else
        (slot == Slot::kSource ? item.source : item.target) = std::move(*picture);
    }
    if (!failure.is_empty()) return fail(std::move(failure));
    item.name = columns_.at(slots.front()).files.at(index).string();
    return item;
  }

 private:
  static Result<io::Picture> read(const io::ItemColumn& column, std::uint64_t index) {
    const std::filesystem::path& file = column.files.at(index);
    const auto bytes = io::read_file(file, io::kPictureFileBytesMax);
    if (!bytes) return fail(bytes.error());
    if (sha256(*bytes) != column.digests.at(index))
      return fail(file.string(), "the picture was changed while it is in use",
                  "the content " + column.digests.at(index).name());
    return io::parse_picture(*bytes, file.string());
  }

  std::map<Slot, io::ItemColumn> columns_;  // equally long, at least one
};

}  // namespace

Result<io::ItemColumn> open_column(const io::Place& place, const std::string& digest) {
  const auto table = io::read_item_table(place.path);
  if (!table) return fail(table.error());
  auto column = io::read_column(*table, place.column);
  if (column && column->digest.name() != digest)
    return fail(place.path.string(),
                "its items (" + place.column + ") are others than when it was looked at", digest);
  return column;
}

Result<std::unique_ptr<ItemSource>> open_files(const ItemsSpec& spec,
                                               const std::map<std::string, std::string>& more,
                                               const FindColumn& find) {
  std::map<Slot, io::ItemColumn> columns;
  Failure failure;
  auto inputs = spec.inputs;
  inputs.insert(more.begin(), more.end());
  for (const Slot slot : kColumnSlots) {
    const auto input = inputs.find(std::string(tasks::slot_key(slot)));
    if (input == inputs.end()) continue;
    auto column = find(input->second);
    const bool is_text = tasks::is_text(slot);
    if (!column)
      failure.add(column.error());
    else if (column->texts.empty() == is_text)
      failure.add("items.inputs." + input->first, "this is of another form",
                  is_text ? "texts" : "pictures");
    else
      columns.emplace(slot, std::move(*column));
    inputs.erase(input);
  }
  for (const auto& [slot, unused] : inputs)
    failure.add("items.inputs", "'" + slot + "' is no picture of an item",
                "source, mask or target");
  if (failure.is_empty() && columns.empty())
    failure.add("items.inputs", "there are none", "source, mask or target");
  if (!failure.is_empty()) return fail(std::move(failure));
  const std::size_t count = columns.begin()->second.size();
  for (const auto& [slot, column] : columns)
    if (column.size() != count)
      failure.add("items.inputs." + std::string(tasks::slot_key(slot)),
                  "there are " + std::to_string(column.size()) + " of them",
                  std::to_string(count) + ", as many as of " +
                      std::string(tasks::slot_name(columns.begin()->first)));
  if (!failure.is_empty()) return fail(std::move(failure));
  return std::make_unique<FileItems>(std::move(columns));
}

}  // namespace isocost::diffusion
