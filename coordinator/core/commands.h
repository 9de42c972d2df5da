// What people can tell a running coordinator: the port that the HTTP interface and `isocost run`
// speak to. The loop implements it.
//
//   Result<SubmissionReply> reply = commands.submit(submission, 0);     // after the commit
//
// Methods may be called from any thread but the loop's; they wait until the loop has committed.
// Fails with: a wrong submission, an unknown experiment. Throws std::exception when the machine
// stands in the way: a full disk, a coordinator that stops or whose store failed.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/instant.h"
#include "coordinator/core/snapshot.h"
#include "schema/spec.h"

namespace isocost::core {

class Commands {
 public:
  virtual ~Commands() = default;

  [[nodiscard]] virtual Result<SubmissionReply> submit(const Submission& submission,
                                                       int priority) = 0;
  [[nodiscard]] virtual Result<CancelReply> cancel(const std::string& experiment) = 0;
  // All experiments: nullopt.
  [[nodiscard]] virtual Result<RetryReply> retry(const std::optional<std::string>& experiment) = 0;
  // The newest published picture; never null.
  [[nodiscard]] virtual std::shared_ptr<const Snapshot> snapshot() const = 0;
  // Since the coordinator was last seen at work; it comes round many times a second.
  [[nodiscard]] virtual Duration silence() const = 0;
};

}  // namespace isocost::core
