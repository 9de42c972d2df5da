// The HTTP interface as a pure function: what to answer, what to ask of the coordinator, or what to
// read from its database.
//
//   Handled handled = handle(request, *commands.snapshot());
//   Response response = ...;       // perform(action, commands) or answer(question, archive)
//   send(conditional(request, std::move(response)));
//
// GET    /                                   the status page
// GET    /metrics                            Prometheus text
// GET    /healthz                            200: this process answers
// GET    /readyz                             200: the coordinator takes work; else 503 and why
// GET    /api/v1/openapi.json                this interface, as schema/openapi.json
// GET    /api/v1/status                      everything of a snapshot
// GET    /api/v1/workers
// GET    /api/v1/events                      ?after=ID&limit=N&kind=K&experiment=E
// GET    /api/v1/experiments
// GET    /api/v1/experiments/NAME            counts, failed cells with their reasons
// GET    /api/v1/experiments/NAME/TABLE.csv  or .json, ?offset=N&limit=N: one of table_names()
// POST   /api/v1/experiments                 ?priority=N; a Submission as JSON
// POST   /api/v1/experiments/NAME/retry      its failed units are taken up again
// POST   /api/v1/retry                       those of all experiments
// DELETE /api/v1/experiments/NAME            cancel
//
// Faults are {"errors": [{"where", "what", "expected"}]}. What changes something must come as
// application/json, which no foreign web page can send unasked. Pure, any thread; perform() waits
// for the coordinator's commit, answer() for the database, and both throw what these throw.
#pragma once

#include <cstddef>
#include <istream>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "coordinator/core/commands.h"
#include "coordinator/web/archive.h"

namespace isocost::web {

struct Request {
  std::string method;  // "GET"
  std::string target;  // "/api/v1/status?x=y"
  std::string content_type;
  std::string body;
  std::istream* large_body = nullptr;  // instead of `body`; read once
  std::string if_none_match{};         // the header
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers{};  // further ones
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
// A table comes with the path that it was asked by, for the address of its next page.
struct TableQuestion {
  TableQuery query;
  std::string path;
};
using Question = std::variant<log::EventQuery, TableQuestion>;
using Handled = std::variant<Response, Action, Question>;

// `silence`: since the coordinator was last seen at work.
[[nodiscard]] Handled handle(const Request& request, const core::Snapshot& snapshot,
                             Duration silence = {});
[[nodiscard]] Response perform(const Action& action, core::Commands& commands);
[[nodiscard]] Response answer(const Question& question, Archive& archive);
// What was read carries the mark of its content (ETag); who has it already gets 304 and no body.
[[nodiscard]] Response conditional(const Request& request, Response response);

// What there is, as in OpenAPI: "/api/v1/experiments/{name}/{table}.{format}".
struct RouteName {
  std::string_view method;
  std::string_view path;
};
[[nodiscard]] std::vector<RouteName> routes();
// The tables of an experiment.
[[nodiscard]] const std::vector<std::string>& table_names();
// A table, or a page of one, of more bytes is refused, with how to ask for less.
inline constexpr std::size_t kTableBytesMax = std::size_t{32} << 20;
// Whether the answer may take long, since a whole experiment is read for it.
[[nodiscard]] bool is_long(std::string_view target);
// Whether a path tells nothing of what is computed, and needs no token.
[[nodiscard]] bool is_public(std::string_view target);

[[nodiscard]] Response fault_response(int status, const Failure& failure);
[[nodiscard]] std::string metrics_text(const core::Snapshot& snapshot);
// The bytes of /: one HTML file that asks for /api/v1/status.
[[nodiscard]] std::string_view page();
// schema/openapi.json
[[nodiscard]] std::string_view openapi();

// Largest body that a request to `target` may have.
[[nodiscard]] std::size_t body_bytes_max(std::string_view method, std::string_view target);

}  // namespace isocost::web
