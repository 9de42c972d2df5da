// Reads YAML nodes into values and collects every fault with its place. For experiments/grid alone.
#pragma once

#include <yaml-cpp/yaml.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "schema/options.h"

namespace isocost::experiments {

class YamlFile {
 public:
  explicit YamlFile(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string where(const YAML::Node& node) const;
  void fault(const YAML::Node& node, std::string what, std::string expected = {});
  [[nodiscard]] Failure& failure() { return failure_; }

  // The members of a map, each key once; faults keys that are not among `known` with the nearest
  // one that is.
  [[nodiscard]] std::map<std::string, YAML::Node> members(const YAML::Node& node,
                                                          const std::set<std::string>& known,
                                                          const std::string& what);
  // A scalar as YAML 1.2 core reads it: true, 3, 0.5, text; quoted scalars are text. Null stays
  // null.
  [[nodiscard]] Json scalar(const YAML::Node& node);
  [[nodiscard]] std::string text(const YAML::Node& node, const std::string& what);
  [[nodiscard]] std::uint64_t whole(const YAML::Node& node, const std::string& what,
                                    std::uint64_t least, std::uint64_t most);
  [[nodiscard]] std::string choice(const YAML::Node& node, const std::string& what,
                                   const std::vector<std::string>& allowed);
  // Any tree as JSON, at most 16 levels deep and 10,000 values in a file.
  [[nodiscard]] Json tree(const YAML::Node& node, int depth = 0);

 private:
  static constexpr std::size_t kTreeNodesMax = 10'000;

  std::string name_;
  Failure failure_;
  std::size_t tree_nodes_ = 0;
};

// The faults of the file `name` by line and column, each once; behind kFaultsMax of them their
// number stands for the rest.
inline constexpr std::size_t kFaultsMax = 100;
[[nodiscard]] Failure in_reading_order(const Failure& failure, const std::string& name);

// The one of `known` that is nearest in spelling, or empty when none is near.
[[nodiscard]] std::string nearest(const std::string& word, const std::set<std::string>& known);

}  // namespace isocost::experiments
