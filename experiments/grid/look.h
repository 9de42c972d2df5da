// What extractors and items are, looked at before anything runs and without LibTorch. For
// experiments/grid alone.
//
// Fails with: what the worker would fail with hours later, as far as files tell it: missing parts,
// Git LFS pointers, pickles, weights that do not fit their configuration, a tokenizer that does not
// fit its encoder. What a TorchScript module makes of pictures only a worker can tell.
// Thread: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "worker/diffusion/items/items.h"

namespace isocost::experiments {

struct ExtractorLook {
  int side = 0;              // that pictures must have, both ways; 0: any size
  std::int64_t columns = 0;  // of the rows; 0: not known before it runs
};
// `kind` as ExtractorSpec has it.
[[nodiscard]] Result<ExtractorLook> look_at_extractor(const std::string& kind,
                                                      const std::filesystem::path& path);

// Every item once, as a cell of this size will load it: whether any picture is resized or cut.
// What was found sound is remembered in the cache of digests by the items' contents.
// `columns`: by their digests. Fails with: as diffusion::check_items.
[[nodiscard]] Result<bool> look_at_items(const ItemsSpec& spec,
                                         const std::map<std::string, std::string>& more,
                                         diffusion::PictureSize size,
                                         std::optional<std::int64_t> kept_margin,
                                         const std::map<std::string, io::ItemColumn>& columns);

}  // namespace isocost::experiments
