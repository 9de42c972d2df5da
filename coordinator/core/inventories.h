// What workers say that they have, each list once however many workers say the same, bounded in
// all.
//
//   std::shared_ptr<const Inventory> mine = inventories.shared(hello.inventory);   // null: no room
//
// A list lives as long as somebody holds it. Pure, one thread.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/digest.h"

namespace isocost::core {

using Inventory = std::set<std::string>;

// Inputs that all different lists may name together.
inline constexpr std::size_t kInventoriesMax = 500'000;

class Inventories {
 public:
  [[nodiscard]] std::shared_ptr<const Inventory> shared(const std::vector<std::string>& inputs);

 private:
  std::map<Digest, std::weak_ptr<const Inventory>> lists_;
};

}  // namespace isocost::core
