// How long a unit may take: from its price and from what such work took on such a device.
//
//   paces.observe({.device_class = "...", .work = id, .gflops = 40}, 12.5);
//   Duration limit = paces.limit({.device_class = "...", .work = id, .gflops = 80});
//
// Generous: it is to find what never ends, not what is slow. Where nothing was observed the limit
// is a long one. Nothing of it is durable. Owned by the Core; one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "coordinator/core/units.h"

namespace isocost::core {

struct PaceOptions {
  double factor = 10;  // a limit is so many times what is expected
  Duration least = std::chrono::minutes(10);
  // Where no unit of this kind was finished on such a device; and any device computes at least so
  // much.
  Duration least_unknown = std::chrono::hours(1);
  double slowest_gflops_per_second = 1;
};

inline constexpr Duration kLimitMax = std::chrono::hours(24 * 365);
inline constexpr int kDoublingsMax = 10;
inline constexpr std::size_t kPacesMax = 65'536;  // kinds of work on kinds of device

class Paces {
 public:
  struct Work {
    std::string device_class{};
    ClassId work{};
    double gflops = 0;
    bool has_network = true;  // its price is one: that of scores and references is nominal
    int stalls = 0;           // attempts that took too long: each doubles the limit
  };

  explicit Paces(PaceOptions options) : options_(options) {}

  void observe(const Work& work, double seconds);
  [[nodiscard]] Duration limit(const Work& work) const;

 private:
  struct Pace {
    double gflops = 0;
    double seconds = 0;
    std::uint64_t units = 0;
  };
  [[nodiscard]] Duration first_limit(const Work& work) const;

  PaceOptions options_;
  std::map<std::pair<std::string, ClassId>, Pace> paces_;
  std::map<std::string, Pace> devices_;
};

}  // namespace isocost::core
