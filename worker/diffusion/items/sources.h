// The kinds of items, a function and a file each. For items.cpp alone, whose table names them.
#pragma once

#include "worker/diffusion/items/items.h"

namespace isocost::diffusion {

// Pictures in folders, a column a slot (base/io/item_files.h). `more`: further columns.
[[nodiscard]] Result<std::unique_ptr<ItemSource>> open_files(
    const ItemsSpec& spec, const std::map<std::string, std::string>& more, const FindColumn& find);

// Scenes of the mini world; options {"split", "count", "seed"}. They are targets, whose captions
// are their texts: what small pictures are made of and enlarged to.
[[nodiscard]] Result<std::unique_ptr<ItemSource>> open_world(
    const ItemsSpec& spec, const std::map<std::string, std::string>& more, const FindColumn& find);

}  // namespace isocost::diffusion
