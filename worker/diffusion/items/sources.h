// The kinds of items, a function and a file each. For items.cpp alone, whose table names them.
#pragma once

#include "experiments/world/scene_range.h"
#include "worker/diffusion/items/items.h"

namespace isocost::diffusion {

// Pictures in folders, a column a slot (base/io/item_files.h). `more`: further columns.
[[nodiscard]] Result<std::unique_ptr<ItemSource>> open_files(
    const ItemsSpec& spec, const std::map<std::string, std::string>& more, const FindColumn& find);

// Scenes of the mini world; options as world::scene_options() has them. They are targets, whose
// captions are their texts: what small pictures are made of and enlarged to.
[[nodiscard]] Result<std::unique_ptr<ItemSource>> open_world(
    const ItemsSpec& spec, const std::map<std::string, std::string>& more, const FindColumn& find);

// Edits of the same world, with the same options: source, target and mask; an instruction, and a
// caption of the source and of the target.
[[nodiscard]] Result<std::unique_ptr<ItemSource>> open_world_edits(
    const ItemsSpec& spec, const std::map<std::string, std::string>& more, const FindColumn& find);

// For messages.
[[nodiscard]] std::string name_of_world_item(const std::string& what, std::uint64_t index,
                                             world::Split split);

}  // namespace isocost::diffusion
