// What somebody says of a metric: what makes its rows, and options of both, one after another. The
// same rules for grids and command lines, which tell faults at their own places.
//
//   Choice choice(*find_metric("fid"));
//   choice.take(extractor_for(choice.metric().rows, "torchscript"));
//   if (const auto expected = choice.set(*choice.find("resize"), "clean")) ...    // it does not
//   fit for (const auto& fault : choice.take(preset)) ...
//
// Options that nobody sets hold their defaults. Pure. Thread: one.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schema/metrics/extractor.h"

namespace isocost::metrics {

class Choice {
 public:
  explicit Choice(const Metric& metric);

  // Forgets what was said of another. Null: nobody knows, or rows are there already.
  void take(const Extractor* extractor);

  // Of the extractor, else of the protocol. Null: neither has it.
  [[nodiscard]] const Option* find(std::string_view name) const;
  // What fits, where the value does not; else it is taken. Requires: find() gave the option.
  [[nodiscard]] std::optional<std::string> set(const Option& option, const Json& value);
  // Likewise of the network's own. Requires: the extractor takes arguments.
  [[nodiscard]] std::optional<std::string> set_argument(const std::string& name, const Json& value);

  struct Fault {
    std::string what;
    std::string expected;
  };
  // Settings under a name; requires one of the metric's. Fails with: options of another extractor,
  // or that were set before: nothing overrules what somebody says. Then nothing of it is taken.
  [[nodiscard]] std::vector<Fault> take(const Preset& preset);

  [[nodiscard]] const Metric& metric() const { return *metric_; }
  [[nodiscard]] const Extractor* extractor() const { return extractor_; }
  // Every one.
  [[nodiscard]] const Json& extractor_options() const { return extractor_options_; }
  [[nodiscard]] const Json& protocol() const { return protocol_; }

 private:
  const Metric* metric_;
  const Extractor* extractor_ = nullptr;
  Json extractor_options_ = Json::object();
  Json protocol_;
  std::set<std::string, std::less<>> said_;
};

// Null: it has no preset of this name.
[[nodiscard]] const Preset* find_preset(const Metric& metric, std::string_view name);
[[nodiscard]] std::vector<std::string> preset_names(const Metric& metric);

}  // namespace isocost::metrics
