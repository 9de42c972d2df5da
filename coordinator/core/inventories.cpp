#include "coordinator/core/inventories.h"

#include <utility>

namespace isocost::core {

std::shared_ptr<const Inventory> Inventories::shared(const std::vector<std::string>& inputs) {
  Inventory list{inputs.begin(), inputs.end()};
  Sha256 hash;
  for (const std::string& input : list) hash.update(input + "\n");
  const Digest digest = hash.finish();
  if (const auto known = lists_.find(digest); known != lists_.end())
    if (auto there = known->second.lock()) return there;
  std::erase_if(lists_, [](const auto& entry) { return entry.second.expired(); });
  std::size_t members = list.size();
  for (const auto& [unused, other] : lists_)
    if (const auto there = other.lock()) members += there->size();
  if (members > kInventoriesMax) return nullptr;
  auto made = std::make_shared<const Inventory>(std::move(list));
  lists_[digest] = made;
  return made;
}

}  // namespace isocost::core
