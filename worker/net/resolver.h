// Asks the system for the addresses of a name, on a thread of its own: it may wait for others for
// long, and the worker's speaking thread must not.
//
//   resolver.start(endpoint);          // wait until descriptor() is readable
//   if (auto addresses = resolver.take()) ...
//
// A question that nobody waits for any more ends by itself. Thread: the owner's.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/transport/addresses.h"
#include "base/transport/wake.h"

namespace isocost::worker_net {

class Resolver {
 public:
  using Addresses = Result<std::vector<transport::Endpoint>>;

  // Forgets what was asked before. A numeric address is answered at once.
  void start(const transport::Endpoint& endpoint);
  // The answer, once.
  [[nodiscard]] std::optional<Addresses> take();
  // Readable when there is an answer; -1 when nothing was asked.
  [[nodiscard]] int descriptor() const { return asked_ ? asked_->wake.descriptor() : -1; }

 private:
  struct Question {
    transport::Wake wake;
    std::mutex mutex;
    std::optional<Addresses> answer;
  };
  std::shared_ptr<Question> asked_;  // the thread holds it, too
};

}  // namespace isocost::worker_net
