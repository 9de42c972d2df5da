// The HTTP interface against its description, and what it reads from the database.
#include <gmock/gmock.h>

#include <set>

#include "coordinator/web/access.h"
#include "coordinator/web/handler.h"
#include "coordinator/web/json.h"
#include "tests/coordinator/web/fakes.h"
#include "tests/support/submission_builder.h"

namespace isocost::web {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

core::Snapshot full_snapshot() {
  core::Snapshot snapshot;
  core::ExperimentView experiment;
  experiment.name = "study";
  experiment.cells = 2;
  experiment.failed = {{1, {{"model", "w16"}}, "generate/x", "bug", "it broke", {"a line"}}};
  snapshot.experiments = {experiment};
  core::WorkerView worker;
  worker.name = "w1";
  core::RunningView running;
  running.run = {"generate/x", {3, 7}, 0.5};
  running.kind = "generate";
  worker.running = {running};
  snapshot.workers = {worker};
  core::GoneWorkerView gone;
  gone.name = "w2";
  gone.is_lost = true;
  snapshot.gone_workers = {gone};
  snapshot.missing_inputs = {{"sha256:ab", "models/w8/unet"}};
  return snapshot;
}

FakeArchive stored;

Response respond(const Request& request, Duration silence = {}) {
  FakeCommands commands;
  const Handled handled = handle(request, full_snapshot(), silence);
  if (const auto* response = std::get_if<Response>(&handled))
    return conditional(request, *response);
  if (const auto* action = std::get_if<Action>(&handled)) return perform(*action, commands);
  return conditional(request, answer(std::get<Question>(handled), stored));
}

Response got(const std::string& target) { return respond({"GET", target, "", ""}); }

std::string header(const Response& response, const std::string& name) {
  for (const auto& [known, value] : response.headers)
    if (known == name) return value;
  return {};
}

// --- the description --------------------------------------------------------------------------

const Json& description() {
  static const Json kJson = Json::parse(openapi());
  return kJson;
}

const Json& followed(const Json& schema) {
  if (!schema.contains("$ref")) return schema;
  const std::string path = schema.at("$ref").get<std::string>();
  return description().at(Json::json_pointer(path.substr(1)));
}

bool is_of_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  return type == "null" && value.is_null();
}

// What the schema says, and that it says everything: no member is missing, none is left out.
void compare(const Json& value, const Json& with, const std::string& where) {
  const Json& schema = followed(with);
  const Json& type = schema.at("type");
  bool fits = false;
  for (const Json& one : type.is_array() ? type : Json::array({type}))
    fits |= is_of_type(value, one.get<std::string>());
  EXPECT_TRUE(fits) << where << ": " << value << " is not of type " << type;
  if (value.is_array() && schema.contains("items"))
    for (std::size_t i = 0; i < value.size(); ++i)
      compare(value[i], schema.at("items"), where + "[" + std::to_string(i) + "]");
  if (!value.is_object() || !schema.contains("properties")) return;
  std::set<std::string> told, described;
  for (const auto& [name, unused] : value.items()) told.insert(name);
  for (const auto& [name, unused] : schema.at("properties").items()) described.insert(name);
  EXPECT_EQ(told, described) << where;
  for (const auto& [name, member] : value.items())
    if (described.contains(name))
      compare(member, schema.at("properties").at(name), where + "." + name);
}

std::string with_names(std::string path) {
  for (const auto& [name, value] :
       {std::pair("{name}", "study"), {"{table}", "cells"}, {"{format}", "json"}})
    if (const auto at = path.find(name); at != std::string::npos)
      path.replace(at, std::string(name).size(), value);
  return path;
}

TEST(OpenApi, NamesEveryRouteAndNoOther) {
  std::set<std::string> served, described;
  for (const RouteName& route : routes())
    served.insert(std::string(route.method) + " " + std::string(route.path));
  for (const auto& [path, operations] : description().at("paths").items())
    for (const char* method : {"get", "post", "delete", "put", "patch"})
      if (operations.contains(method)) {
        std::string name = method;
        for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        described.insert(name + " " + path);
      }

  EXPECT_EQ(served, described);
}

TEST(OpenApi, DescribesWhatIsAnswered) {
  std::size_t compared = 0;
  for (const RouteName& route : routes()) {
    std::string method(route.method);
    const std::string path(route.path);
    const std::string body = method == "POST" && path == "/api/v1/experiments"
                                 ? to_json(testing::submission_of()).dump()
                                 : std::string();
    const Response response =
        respond({method, with_names(path), method == "GET" ? "" : "application/json", body});
    for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const Json& operation = description().at("paths").at(path).at(method);
    const std::string status = std::to_string(response.status);
    ASSERT_TRUE(operation.at("responses").contains(status)) << path << " " << response.body;
    const std::string type = response.content_type.substr(0, response.content_type.find(';'));
    const Json& content = operation.at("responses").at(status).at("content");
    ASSERT_TRUE(content.contains(type)) << path << " answers " << type;
    if (type != "application/json") continue;
    compare(Json::parse(response.body), content.at(type).at("schema"), path);
    ++compared;
  }
  EXPECT_GE(compared, 12U);
}

TEST(OpenApi, DescribesFaultsAsTheyAreTold) {
  const Json& faults = description().at("components").at("schemas").at("Faults");
  for (const auto& [method, target, status] :
       {std::tuple("GET", "/api/v1/events?limit=0", 400),
        {"GET", "/api/v1/events?what=1", 400},
        {"GET", "/api/v1/events?limit=1&limit=2", 400},
        {"GET", "/api/v1/experiments/other", 404},
        {"GET", "/api/v1/experiments/study/rows.csv", 404},
        {"GET", "/api/v1/experiments/study/cells.xml", 404},
        {"GET", "/api/v1/experiments/other/cells.csv", 404},
        {"GET", "/api/v1/experiments/study/cells.csv?offset=-1", 400},
        {"DELETE", "/api/v1/experiments/unknown", 422},
        {"POST", "/api/v1/experiments?priority=x", 400}}) {
    const Response response = respond({method, target, "application/json", "{}"});
    EXPECT_EQ(response.status, status) << target;
    compare(Json::parse(response.body), faults, target);
  }
}

// Parameters that are described are understood, and no others.
TEST(OpenApi, NamesTheParametersThatAreUnderstood) {
  for (const auto& [path, operations] : description().at("paths").items()) {
    if (!operations.contains("get") || !operations.at("get").contains("parameters")) continue;
    for (const Json& parameter : operations.at("get").at("parameters")) {
      if (parameter.at("in") != "query") continue;
      const std::string target =
          with_names(path) + "?" + parameter.at("name").get<std::string>() + "=1";
      EXPECT_EQ(got(target).status, 200) << target;
    }
    EXPECT_EQ(got(with_names(path) + "?nothing=1").status, 400) << path;
  }
}

// --- what is read -----------------------------------------------------------------------------

TEST(WebEvents, AreAskedForAfterAnIdAndByKind) {
  EXPECT_EQ(got("/api/v1/events?after=5&limit=20&kind=lost&experiment=my%20study").status, 200);
  EXPECT_EQ(stored.asked.after, 5);
  EXPECT_EQ(stored.asked.limit, 20U);
  EXPECT_EQ(stored.asked.kind, "lost");
  EXPECT_EQ(stored.asked.experiment, "my study");

  const auto back = events_from_json(Json::parse(got("/api/v1/events").body), "events");

  ASSERT_TRUE(back.has_value()) << back.error().message();
  EXPECT_EQ(*back, *stored.events({}));
  EXPECT_EQ(Json::parse(got("/api/v1/events").body).at("events")[0].at("about"),
            "w2: study, cell 3 (steps 4): it is gone");
  EXPECT_FALSE(stored.asked.after.has_value());
}

TEST(WebTables, GoByPages) {
  const Response page = got("/api/v1/experiments/study/cells.csv?offset=1&limit=1");

  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.content_type, HasSubstr("text/csv"));
  EXPECT_EQ(stored.table_asked.offset, 1U);
  EXPECT_EQ(stored.table_asked.limit, 1U);
  EXPECT_EQ(header(page, "X-Total-Count"), "3");
  EXPECT_EQ(header(page, "Link"),
            "</api/v1/experiments/study/cells.csv?offset=2&limit=1>; rel=\"next\"");
  EXPECT_EQ(header(got("/api/v1/experiments/study/cells.csv?offset=2&limit=1"), "Link"), "");
  EXPECT_EQ(header(got("/api/v1/experiments/study/cells.csv"), "Link"), "");
  EXPECT_FALSE(stored.table_asked.limit.has_value());
}

// One that is too large for an answer, and how to have it all the same.
TEST(WebTables, AreRefusedWhereTheyAreTooLarge) {
  const auto asked = [](std::size_t bytes) {
    stored.bytes = bytes;
    Response response = got("/api/v1/experiments/study/cells.csv");
    stored.bytes = 0;
    return response;
  };

  const Response large = asked(kTableBytesMax + 1);

  EXPECT_EQ(large.status, 413);
  EXPECT_THAT(large.body, HasSubstr("the table has 33554433 bytes"));
  EXPECT_THAT(large.body, HasSubstr("?limit=N&offset=N"));
  EXPECT_EQ(asked(kTableBytesMax).status, 200);
}

// Only what is not there is not found.
TEST(WebTables, TellADatabaseThatCannotBeReadFromAnExperimentThatIsNotThere) {
  stored.is_unreadable = true;
  const Response unreadable = got("/api/v1/experiments/study/cells.csv");
  const Response unknown = got("/api/v1/experiments/other/cells.csv");
  stored.is_unreadable = false;

  EXPECT_EQ(unreadable.status, 503);
  EXPECT_THAT(unreadable.body, HasSubstr("it cannot be read"));
  EXPECT_EQ(unknown.status, 404);
}

TEST(WebTables, AreNotSentAgainToWhoHasThem) {
  const std::string target = "/api/v1/experiments/study/scores.json";
  const std::string mark = header(got(target), "ETag");

  const auto same = respond({"GET", target, "", "", nullptr, mark});
  const auto among = respond({"HEAD", target, "", "", nullptr, "\"other\", " + mark});
  const auto other = respond({"GET", target, "", "", nullptr, "\"other\""});

  EXPECT_EQ(same.status, 304);
  EXPECT_TRUE(same.body.empty());
  EXPECT_EQ(header(same, "ETag"), mark);
  EXPECT_EQ(among.status, 304);
  EXPECT_EQ(other.status, 200);
  EXPECT_FALSE(other.body.empty());
  EXPECT_NE(header(got("/api/v1/experiments/study/cells.csv"), "ETag"), mark);
}

TEST(WebHealth, TellsWhetherTheCoordinatorTakesWork) {
  EXPECT_EQ(got("/healthz").status, 200);
  EXPECT_EQ(got("/readyz").status, 200);

  const Response hanging = respond({"GET", "/readyz", "", ""}, std::chrono::minutes(2));

  EXPECT_EQ(hanging.status, 503);
  EXPECT_THAT(hanging.body, HasSubstr("it has not come round for a while"));
  EXPECT_EQ(respond({"GET", "/healthz", "", ""}, std::chrono::minutes(2)).status, 200);
}

// --- who may ask ------------------------------------------------------------------------------

TEST(WebAccess, RefusesPagesOfOtherOrigins) {
  const auto status = [](const std::string& origin, const std::string& host,
                         const std::string& token = {}, const std::string& given = {}) {
    const auto refused = refuse({.target = "/api/v1/status",
                                 .host = host,
                                 .origin = origin,
                                 .authorization = given.empty() ? "" : "Bearer " + given},
                                token);
    return refused ? refused->status : 200;
  };

  EXPECT_EQ(status("", "127.0.0.1:7780"), 200);
  EXPECT_EQ(status("http://127.0.0.1:7780", "127.0.0.1:7780"), 200);
  EXPECT_EQ(status("http://LOCALHOST:7780", "localhost:7780"), 200);
  for (const char* foreign : {"http://evil.example", "http://127.0.0.1:9999", "https://127.0.0.1",
                              "http://127.0.0.1:7780.evil.example", "null", "file://"})
    EXPECT_EQ(status(foreign, "127.0.0.1:7780"), 403) << foreign;
  EXPECT_EQ(
      status("https://studies.example", "studies.example", "a secret token", "a secret token"),
      200);
  EXPECT_EQ(status("https://evil.example", "studies.example", "a secret token", "a secret token"),
            403);
  EXPECT_EQ(status("", "studies.example", "a secret token"), 401);
}

TEST(WebAccess, AnswersProbesWithoutTheToken) {
  for (const char* target : {"/", "/healthz", "/readyz"})
    EXPECT_FALSE(refuse({.target = target, .host = "node:7780"}, "a secret token")) << target;
  for (const char* target : {"/metrics", "/api/v1/openapi.json", "/api/v1/events"})
    EXPECT_EQ(refuse({.target = target, .host = "node:7780"}, "a secret token")->status, 401)
        << target;
}

}  // namespace
}  // namespace isocost::web
