// The HTTP interface as a pure function: what to answer, or what to ask of the coordinator.
//
//   Handled handled = handle(request, *commands.snapshot());
//   const auto* action = std::get_if<Action>(&handled);
//   Response response = action ? perform(*action, commands) : std::get<Response>(handled);
//
// GET    /                                   the status page
// GET    /metrics                            Prometheus text
// GET    /api/v1/status                      everything of a snapshot
// GET    /api/v1/workers
// GET    /api/v1/experiments
// GET    /api/v1/experiments/NAME            counts, failed cells with their reasons
// POST   /api/v1/experiments[?priority=N]    a Submission as JSON
// POST   /api/v1/experiments/NAME/retry      its failed units are taken up again
// POST   /api/v1/retry                       those of all experiments
// DELETE /api/v1/experiments/NAME            cancel
//
// Faults are {"errors": [{"where", "what", "expected"}]}. What changes something must come as
// application/json, which no foreign web page can send unasked. Pure, any thread; perform() waits
// for the coordinator's commit.
#pragma once

#include <istream>
#include <optional>
#include <string>
#include <variant>

#include "coordinator/core/commands.h"

namespace isocost::web {

struct Request {
  std::string method;  // "GET"
  std::string target;  // "/api/v1/status?x=y"
  std::string content_type;
  std::string body;
  std::istream* large_body = nullptr;  // instead of `body`; read once
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

struct Submit {
  Submission submission;
  int priority = 0;
};
struct Cancel {
  std::string experiment;
};
struct Retry {
  std::optional<std::string> experiment;  // none: all
};
using Action = std::variant<Submit, Cancel, Retry>;
using Handled = std::variant<Response, Action>;

[[nodiscard]] Handled handle(const Request& request, const core::Snapshot& snapshot);
[[nodiscard]] Response perform(const Action& action, core::Commands& commands);

[[nodiscard]] Response fault_response(int status, const Failure& failure);
[[nodiscard]] std::string metrics_text(const core::Snapshot& snapshot);
// The bytes of /: one HTML file that asks for /api/v1/status.
[[nodiscard]] std::string_view page();

// Largest body that a request to `target` may have.
[[nodiscard]] std::size_t body_bytes_max(std::string_view method, std::string_view target);

}  // namespace isocost::web
