// The account that the summaries write into: one method a layer adds its tensors and its
// multiply-adds. Internal.
#pragma once

#include <string>

#include "schema/arch/network.h"

namespace isocost::arch {

class Ledger {
 public:
  struct Area {
    std::int64_t height = 1;
    std::int64_t width = 1;
    [[nodiscard]] std::int64_t positions() const { return height * width; }
    // What a convolution of stride 2 with padding 1 leaves.
    [[nodiscard]] Area halved() const { return {(height + 1) / 2, (width + 1) / 2}; }
    [[nodiscard]] Area doubled() const { return {2 * height, 2 * width}; }
  };

  explicit Ledger(NetworkSummary& summary) : summary_(summary) {}

  // While off, tensors are listed and nothing is charged.
  void charge(bool is_on) { is_charging_ = is_on; }

  void tensor(const std::string& name, std::vector<std::int64_t> shape) {
    summary_.tensors.push_back({name, std::move(shape)});
  }

  void norm(const std::string& name, std::int64_t width) {
    tensor(name + ".weight", {width});
    tensor(name + ".bias", {width});
  }

  struct Conv {
    std::int64_t in = 0;
    std::int64_t out = 0;
    std::int64_t kernel = 3;
    bool has_bias = true;
  };
  // `area` is the output's.
  void conv(const std::string& name, const Conv& c, Area area) {
    tensor(name + ".weight", {c.out, c.in, c.kernel, c.kernel});
    if (c.has_bias) tensor(name + ".bias", {c.out});
    if (is_charging_)
      summary_.macs_conv += product({c.in, c.out, c.kernel, c.kernel, area.positions()});
  }

  struct Linear {
    std::int64_t in = 0;
    std::int64_t out = 0;
    bool has_bias = true;
  };
  void linear(const std::string& name, const Linear& l, std::int64_t rows) {
    tensor(name + ".weight", {l.out, l.in});
    if (l.has_bias) tensor(name + ".bias", {l.out});
    if (is_charging_) summary_.macs_linear += product({l.in, l.out, rows});
  }

  // Both products of attention over `width` channels in all heads together.
  void attention(std::int64_t queries, std::int64_t keys, std::int64_t width) {
    if (is_charging_) summary_.macs_attention += 2 * product({queries, keys, width});
  }

 private:
  static double product(std::initializer_list<std::int64_t> factors) {
    double result = 1;
    for (const auto factor : factors) result *= static_cast<double>(factor);
    return result;
  }

  NetworkSummary& summary_;
  bool is_charging_ = true;
};

}  // namespace isocost::arch
