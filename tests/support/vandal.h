// Damages a store of artifacts, one file at a time, while somebody works with it.
//
//   Vandal vandal(out / "artifacts", 7);
//   while (is_running()) vandal.strike();
//
// Rows, references and pictures are deleted, cut or changed by a bit; prompts, which no unit makes,
// are spared. Thread: one.
#pragma once

#include <filesystem>
#include <random>
#include <vector>

namespace isocost::testing {

class Vandal {
 public:
  Vandal(std::filesystem::path store, unsigned seed) : store_(std::move(store)), chance_(seed) {}

  enum class Prey { kAny, kNeeded };  // kNeeded: no pictures, which nothing computes with
  // False: there is nothing yet.
  bool strike(Prey prey = Prey::kAny);

 private:
  [[nodiscard]] std::vector<std::filesystem::path> victims(Prey prey) const;

  std::filesystem::path store_;
  std::mt19937 chance_;
};

}  // namespace isocost::testing
