// Time as an argument, for the state machines of both ends: a clock without now(), so that peeking
// does not compile. Drivers make instants from a steady clock, simulators from their own. Pure, any
// thread.
#pragma once

#include <chrono>

namespace isocost {

struct Clock {
  using duration = std::chrono::milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;
};
using Instant = Clock::time_point;
using Duration = Clock::duration;

}  // namespace isocost
