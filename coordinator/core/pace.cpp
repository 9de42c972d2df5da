#include "coordinator/core/pace.h"

#include <algorithm>

namespace isocost::core {
namespace {

Duration from_seconds(double seconds) {
  const double most = std::chrono::duration<double>(kLimitMax).count();
  if (!(seconds < most)) return kLimitMax;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

void Paces::observe(const Work& work, double seconds) {
  if (!(seconds > 0) || paces_.size() >= kPacesMax) return;
  const auto add = [&](Pace& pace) {
    pace.gflops += work.gflops;
    pace.seconds += seconds;
    ++pace.units;
  };
  add(paces_[{work.device_class, work.work}]);
  if (work.has_network) add(devices_[work.device_class]);
}

Duration Paces::limit(const Work& work) const {
  const Duration first = first_limit(work);
  return std::min(first * (1 << std::clamp(work.stalls, 0, kDoublingsMax)), kLimitMax);
}

Duration Paces::first_limit(const Work& work) const {
  if (const auto known = paces_.find({work.device_class, work.work}); known != paces_.end()) {
    const Pace& pace = known->second;
    const double expected = pace.gflops > 0 && work.gflops > 0
                                ? work.gflops * pace.seconds / pace.gflops
                                : pace.seconds / static_cast<double>(pace.units);
    return std::max(options_.least, from_seconds(options_.factor * expected));
  }
  double seconds = work.gflops / options_.slowest_gflops_per_second;
  const auto device = devices_.find(work.device_class);
  // Another network may reach much less of the device.
  if (work.has_network && device != devices_.end() && device->second.gflops > 0)
    seconds = std::min(seconds, options_.factor * options_.factor * work.gflops *
                                    device->second.seconds / device->second.gflops);
  return std::max(options_.least_unknown, from_seconds(seconds));
}

}  // namespace isocost::core
