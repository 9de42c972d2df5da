#include "cli/ask.h"

#include <fmt/format.h>

#include "cli/command.h"
#include "coordinator/web/json.h"

namespace isocost::cli {
namespace {

// What `read(json, where)` makes of an answer. Whoever answers at an address need not be a
// coordinator.
template <class Read>
auto asked(const CoordinatorAddress& address, const std::string& target, const std::string& what,
           Read read) -> Asked<typename decltype(read(Json(), std::string()))::value_type> {
  const auto answer = call(address, "GET", target, "");
  if (!answer) return tl::unexpected(answer.error());
  auto value = read(*answer, address.url + ": " + what);
  if (!value) return tl::unexpected(CallFault{std::move(value.error()), kExitInput});
  return std::move(*value);
}

}  // namespace

Asked<core::Snapshot> status_of(const CoordinatorAddress& address) {
  return asked(address, kStatusPath, "status", web::snapshot_from_json);
}

Asked<std::vector<log::Event>> events_of(const CoordinatorAddress& address,
                                         const log::EventQuery& query) {
  std::string target = fmt::format("/api/v1/events?limit={}", query.limit);
  if (query.after) target += fmt::format("&after={}", *query.after);
  if (!query.kind.empty()) target += "&kind=" + percent_encoded(query.kind);
  if (!query.experiment.empty()) target += "&experiment=" + percent_encoded(query.experiment);
  return asked(address, target, "events", web::events_from_json);
}

}  // namespace isocost::cli
