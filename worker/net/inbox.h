// Events from a worker's other threads, and a descriptor that tells when there are some. Thread:
// any; take() the owner's.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "base/transport/wake.h"
#include "worker/agent/session.h"

namespace isocost::worker_net {

class EventInbox {
 public:
  void post(agent::Event event) {
    {
      const std::scoped_lock lock(mutex_);
      events_.push_back(std::move(event));
    }
    wake_.ring();
  }
  [[nodiscard]] std::vector<agent::Event> take() {
    wake_.clear();
    const std::scoped_lock lock(mutex_);
    return std::exchange(events_, {});
  }
  [[nodiscard]] int descriptor() const { return wake_.descriptor(); }

 private:
  std::mutex mutex_;
  std::vector<agent::Event> events_;
  transport::Wake wake_;
};

}  // namespace isocost::worker_net
