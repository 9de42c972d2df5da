// What commands ask a running coordinator again and again: its status and its events, as structs.
//
//   tl::expected<core::Snapshot, CallFault> status = status_of(address);
//   Silence silence;                                    // of one that is waited for
//   if (!status && silence.is_too_long()) return complain(status.error());
//
// Fails with what call() fails with, and where the answer is not a coordinator's. Thread: any.
#pragma once

#include <chrono>
#include <vector>

#include "cli/http_client.h"
#include "coordinator/core/snapshot.h"

namespace isocost::cli {

inline constexpr const char* kStatusPath = "/api/v1/status";

template <class T>
using Asked = tl::expected<T, CallFault>;
[[nodiscard]] Asked<core::Snapshot> status_of(const CoordinatorAddress& address);
[[nodiscard]] Asked<std::vector<log::Event>> events_of(const CoordinatorAddress& address,
                                                       const log::EventQuery& query);

// A coordinator that is started again is waited for: so long.
class Silence {
 public:
  static constexpr std::chrono::seconds kMax{60};
  void end() { since_ = std::chrono::steady_clock::now(); }  // it answered
  [[nodiscard]] bool is_too_long() const {
    return std::chrono::steady_clock::now() - since_ > kMax;
  }

 private:
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

}  // namespace isocost::cli
