#include "coordinator/web/handler.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <sstream>

#include "base/digest.h"
#include "coordinator/web/json.h"
#include "schema/options.h"

namespace isocost::web {
namespace {

constexpr std::size_t kSubmissionBytesMax = std::size_t{512} << 20;
constexpr std::size_t kOtherBytesMax = std::size_t{64} << 10;
constexpr std::string_view kExperiments = "/api/v1/experiments";
// A loop that is at work comes round many times a second.
constexpr Duration kSilenceMax = std::chrono::seconds(30);

// Everything that is not ours to believe is shown as it is, with bad bytes replaced.
std::string text_of(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace);
}

Response json_response(const Json& json, int status = 200) {
  return {status, "application/json", text_of(json) + "\n", {}};
}

Response fault(int status, std::string where, std::string what, std::string expected = {}) {
  return fault_response(status,
                        Failure{{{std::move(where), std::move(what), std::move(expected)}}});
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
    if (error != std::errc() || end != text.data() + i + 3) return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

struct Target {
  std::string_view path;
  std::string_view query;
};

Target split(std::string_view target) {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  return {target.substr(0, mark), target.substr(mark + 1)};
}

std::vector<std::string_view> pieces(std::string_view text, char separator) {
  std::vector<std::string_view> found;
  while (true) {
    const std::size_t end = text.find(separator);
    found.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return found;
    text.remove_prefix(end + 1);
  }
}

// What stands behind the question mark: each parameter once, and none that nobody knows.
class Parameters {
 public:
  Parameters(std::string_view query, std::vector<std::string_view> known) {
    std::string expected;
    for (const std::string_view name : known)
      expected += (expected.empty() ? "" : ", ") + std::string(name);
    if (query.empty()) return;
    for (const std::string_view piece : pieces(query, '&')) {
      const std::size_t equals = piece.find('=');
      const std::string name(piece.substr(0, equals));
      const auto value = equals == std::string_view::npos
                             ? std::nullopt
                             : percent_decoded(piece.substr(equals + 1));
      if (!value || std::find(known.begin(), known.end(), name) == known.end() ||
          !values_.emplace(name, *value).second)
        failure_.add("query", "'" + std::string(piece) + "' is not understood",
                     expected.empty() ? "no parameter" : expected + ", each once, as NAME=VALUE");
    }
  }

  [[nodiscard]] std::string text(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string() : found->second;
  }

  [[nodiscard]] std::optional<std::int64_t> number(const std::string& name, std::int64_t least,
                                                   std::int64_t most) {
    const auto found = values_.find(name);
    if (found == values_.end()) return std::nullopt;
    const std::string& text = found->second;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size() && value >= least && value <= most)
      return value;
    failure_.add("query", "'" + name + "=" + text + "' is not understood",
                 fmt::format("{}=N with N from {} to {}", name, least, most));
    return std::nullopt;
  }

  [[nodiscard]] const Failure& failure() const { return failure_; }

 private:
  std::map<std::string, std::string> values_;
  Failure failure_;
};

// A request that a route was found for.
struct Call {
  const Request& request;
  Target target;
  std::vector<std::string> names;  // what stands in the places of {name}
  const core::Snapshot& snapshot;
  Duration silence;
};

Handled get_page(const Call&) {
  return Response{200, "text/html; charset=utf-8", std::string(page()), {}};
}

Handled get_metrics(const Call& call) {
  return Response{200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(call.snapshot), {}};
}

Handled get_health(const Call&) { return json_response({{"status", "ok"}}); }

Handled get_readiness(const Call& call) {
  const std::string why = call.snapshot.is_draining ? "it is stopping"
                          : call.silence > kSilenceMax
                              ? "it has not come round for a while: its disk may hang"
                              : "";
  return json_response({{"ready", why.empty()}, {"why", why}}, why.empty() ? 200 : 503);
}

Handled get_openapi(const Call&) {
  return Response{200, "application/json", std::string(openapi()), {}};
}

Handled get_status(const Call& call) { return json_response(to_json(call.snapshot)); }

template <class View>
Response list_response(const std::vector<View>& views) {
  Json list = Json::array();
  for (const View& view : views) list.push_back(to_json(view));
  return json_response(list);
}

Handled get_workers(const Call& call) { return list_response(call.snapshot.workers); }
Handled get_experiments(const Call& call) { return list_response(call.snapshot.experiments); }

// Null: there is none of this name.
const core::ExperimentView* find_experiment(const Call& call) {
  for (const core::ExperimentView& experiment : call.snapshot.experiments)
    if (experiment.name == call.names[0]) return &experiment;
  return nullptr;
}

Response no_experiment(const Call& call) {
  return fault(404, "experiment", "'" + call.names[0] + "' is not known here");
}

Handled get_experiment(const Call& call) {
  const core::ExperimentView* experiment = find_experiment(call);
  return experiment != nullptr ? json_response(to_json(*experiment)) : no_experiment(call);
}

Handled get_events(const Call& call) {
  Parameters parameters(call.target.query, {"after", "limit", "kind", "experiment"});
  log::EventQuery query{.kind = parameters.text("kind"),
                        .experiment = parameters.text("experiment")};
  query.after = parameters.number("after", 0, std::int64_t{1} << 53);
  if (const auto limit = parameters.number("limit", 1, std::int64_t{log::kEventsAtOnceMax}))
    query.limit = static_cast<std::size_t>(*limit);
  if (!parameters.failure().is_empty()) return fault_response(400, parameters.failure());
  return Question(std::move(query));
}

Handled get_table(const Call& call) {
  Parameters parameters(call.target.query, {"offset", "limit"});
  const std::string& format = call.names[2];
  const auto& tables = table_names();
  const bool is_table = std::find(tables.begin(), tables.end(), call.names[1]) != tables.end();
  if (!is_table || (format != "csv" && format != "json"))
    return fault(404, std::string(call.target.path), "there is no such table",
                 joined(tables) + ", as .csv or .json");
  if (find_experiment(call) == nullptr) return no_experiment(call);
  constexpr std::int64_t kRowsMax = std::int64_t{1} << 40;
  TableQuestion question{{.experiment = call.names[0],
                          .table = call.names[1],
                          .format = format == "csv" ? TableFormat::kCsv : TableFormat::kJson},
                         std::string(call.target.path)};
  question.query.offset =
      static_cast<std::size_t>(parameters.number("offset", 0, kRowsMax).value_or(0));
  if (const auto limit = parameters.number("limit", 1, kRowsMax))
    question.query.limit = static_cast<std::size_t>(*limit);
  if (!parameters.failure().is_empty()) return fault_response(400, parameters.failure());
  return Question(std::move(question));
}

Handled submit(const Call& call) {
  Parameters parameters(call.target.query, {"priority"});
  const auto priority = parameters.number("priority", -1000, 1000);
  if (!parameters.failure().is_empty()) return fault_response(400, parameters.failure());
  std::istringstream small(call.request.body);
  auto submission = submission_from_text(
      call.request.large_body != nullptr ? *call.request.large_body : small, "submission");
  if (!submission) return fault_response(400, submission.error());
  return Action(Submit{std::move(*submission), static_cast<int>(priority.value_or(0))});
}

Handled retry_one(const Call& call) { return Action(Retry{call.names[0]}); }
Handled retry_all(const Call&) { return Action(Retry{}); }
Handled cancel(const Call& call) { return Action(Cancel{call.names[0]}); }

struct Route {
  RouteName name;
  Handled (*handle)(const Call& call);
};

constexpr std::array kRoutes = {
    Route{{"GET", "/"}, get_page},
    Route{{"GET", "/metrics"}, get_metrics},
    Route{{"GET", "/healthz"}, get_health},
    Route{{"GET", "/readyz"}, get_readiness},
    Route{{"GET", "/api/v1/openapi.json"}, get_openapi},
    Route{{"GET", "/api/v1/status"}, get_status},
    Route{{"GET", "/api/v1/workers"}, get_workers},
    Route{{"GET", "/api/v1/events"}, get_events},
    Route{{"GET", "/api/v1/experiments"}, get_experiments},
    Route{{"GET", "/api/v1/experiments/{name}"}, get_experiment},
    Route{{"GET", "/api/v1/experiments/{name}/{table}.{format}"}, get_table},
    Route{{"POST", "/api/v1/experiments"}, submit},
    Route{{"POST", "/api/v1/experiments/{name}/retry"}, retry_one},
    Route{{"POST", "/api/v1/retry"}, retry_all},
    Route{{"DELETE", "/api/v1/experiments/{name}"}, cancel},
};

// One segment of a path against one of a route: "study" against "{name}", "cells.csv" against
// "{table}.{format}".
bool matches(std::string_view pattern, std::string_view segment, std::vector<std::string>& names) {
  if (!pattern.starts_with('{')) return pattern == segment;
  std::vector<std::string_view> parts{segment};
  if (pattern.find('.') != std::string_view::npos) {
    const std::size_t dot = segment.rfind('.');
    if (dot == std::string_view::npos) return false;
    parts = {segment.substr(0, dot), segment.substr(dot + 1)};
  }
  for (const std::string_view part : parts) {
    const auto name = percent_decoded(part);
    if (!name || name->empty()) return false;
    names.push_back(*name);
  }
  return true;
}

// What the route's names stand for. Absent: the path is another.
std::optional<std::vector<std::string>> match(std::string_view route, std::string_view path) {
  const auto patterns = pieces(route, '/');
  const auto segments = pieces(path, '/');
  if (patterns.size() != segments.size()) return std::nullopt;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < patterns.size(); ++i)
    if (!matches(patterns[i], segments[i], names)) return std::nullopt;
  return names;
}

Response table_response(const TableQuestion& question, const TablePage& page) {
  const TableQuery& query = question.query;
  if (page.text.size() > kTableBytesMax)
    return fault(413, question.path, fmt::format("the table has {} bytes", page.text.size()),
                 fmt::format("pages of {} bytes at most: ?limit=N&offset=N", kTableBytesMax));
  const bool is_csv = query.format == TableFormat::kCsv;
  Response response{
      200, is_csv ? "text/csv; charset=utf-8; header=present" : "application/json", page.text, {}};
  response.headers.emplace_back("X-Total-Count", std::to_string(page.rows));
  if (query.limit && query.offset + *query.limit < page.rows)
    response.headers.emplace_back(
        "Link", fmt::format("<{}?offset={}&limit={}>; rel=\"next\"", question.path,
                            query.offset + *query.limit, *query.limit));
  return response;
}

}  // namespace

Handled handle(const Request& request, const core::Snapshot& snapshot, Duration silence) {
  const Target target = split(request.target);
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  if (method != "GET" && method != "POST" && method != "DELETE")
    return fault(405, request.method, "this method is not understood", "GET, POST or DELETE");
  if (method != "GET" && !request.content_type.starts_with("application/json"))
    return fault(415, "Content-Type", "'" + request.content_type + "' is not understood",
                 "application/json");
  for (const Route& route : kRoutes) {
    if (route.name.method != method) continue;
    if (auto names = match(route.name.path, target.path))
      return route.handle({request, target, std::move(*names), snapshot, silence});
  }
  if (method != "GET")
    return fault(404, std::string(target.path), "there is nothing here to change");
  return fault(404, std::string(target.path), "there is nothing here",
               "/, /metrics or a path of /api/v1/openapi.json");
}

Response perform(const Action& action, core::Commands& commands) {
  const auto respond = [](const auto& reply) {
    return reply ? json_response(to_json(*reply)) : fault_response(422, reply.error());
  };
  if (const auto* submit = std::get_if<Submit>(&action))
    return respond(commands.submit(submit->submission, submit->priority));
  if (const auto* cancel = std::get_if<Cancel>(&action))
    return respond(commands.cancel(cancel->experiment));
  return respond(commands.retry(std::get<Retry>(action).experiment));
}

Response answer(const Question& question, Archive& archive) {
  if (const auto* events = std::get_if<log::EventQuery>(&question)) {
    const auto found = archive.events(*events);
    return found ? json_response(to_json(*found)) : fault_response(503, found.error());
  }
  const auto& table = std::get<TableQuestion>(question);
  const auto page = archive.table(table.query);
  return page ? table_response(table, *page) : fault_response(503, page.error());
}

Response conditional(const Request& request, Response response) {
  if (response.status != 200 || (request.method != "GET" && request.method != "HEAD"))
    return response;
  const std::string mark = "\"" + sha256(response.body).hex().substr(0, 32) + "\"";
  const std::string& known = request.if_none_match;
  response.headers.emplace_back("ETag", mark);
  if (known == "*" || known.find(mark) != std::string::npos) {
    response.status = 304;
    response.body.clear();
  }
  return response;
}

std::vector<RouteName> routes() {
  std::vector<RouteName> names;
  names.reserve(kRoutes.size());
  for (const Route& route : kRoutes) names.push_back(route.name);
  return names;
}

const std::vector<std::string>& table_names() {
  static const std::vector<std::string> kNames{"cells", "scores", "units", "answer"};
  return kNames;
}

bool is_long(std::string_view target) {
  return match("/api/v1/experiments/{name}/{table}.{format}", split(target).path).has_value();
}

bool is_public(std::string_view target) {
  const std::string_view path = split(target).path;
  return path == "/" || path == "/healthz" || path == "/readyz";
}

Response fault_response(int status, const Failure& failure) {
  Json errors = Json::array();
  for (const Error& error : failure.errors)
    errors.push_back({{"where", error.where}, {"what", error.what}, {"expected", error.expected}});
  return json_response({{"errors", errors}}, status);
}

std::size_t body_bytes_max(std::string_view method, std::string_view target) {
  return method == "POST" && split(target).path == kExperiments ? kSubmissionBytesMax
                                                                : kOtherBytesMax;
}

}  // namespace isocost::web
