// What the HTTP interface asks, for the tests of coordinator/web: a coordinator that writes down
// what it is told, and a database that knows three rows.
//
//   FakeCommands commands(snapshot);
//   FakeArchive archive;
//   auto server = Server::open({.endpoint = "http://127.0.0.1:0"}, commands, archive);
//
// Thread: one at a time.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/core/commands.h"
#include "coordinator/web/archive.h"

namespace isocost::web {

class FakeCommands : public core::Commands {
 public:
  explicit FakeCommands(core::Snapshot snapshot = {})
      : snapshot_(std::make_shared<core::Snapshot>(std::move(snapshot))) {}

  Result<core::SubmissionReply> submit(const Submission& submission, int priority) override {
    if (is_stopped) throw std::runtime_error("the coordinator is stopping");
    submitted.push_back(submission);
    priorities.push_back(priority);
    return core::SubmissionReply{.experiment = submission.name, .cells = 5, .images_new = 7};
  }
  Result<core::CancelReply> cancel(const std::string& experiment) override {
    if (experiment == "unknown") return fail("experiment", "'unknown' is not known");
    cancelled.push_back(experiment);
    return core::CancelReply{};
  }
  Result<core::RetryReply> retry(const std::optional<std::string>& experiment) override {
    retried.push_back(experiment);
    return core::RetryReply{1};
  }
  std::shared_ptr<const core::Snapshot> snapshot() const override { return snapshot_; }
  Duration silence() const override { return Duration(0); }

  bool is_stopped = false;
  std::vector<Submission> submitted;
  std::vector<int> priorities;
  std::vector<std::string> cancelled;
  std::vector<std::optional<std::string>> retried;

 private:
  std::shared_ptr<const core::Snapshot> snapshot_;
};

class FakeArchive : public Archive {
 public:
  Result<std::vector<log::Event>> events(const log::EventQuery& query) override {
    asked = query;
    return std::vector<log::Event>{{.id = 7,
                                    .at_ms = 1000,
                                    .kind = "lost",
                                    .who = "w2",
                                    .experiment = "study",
                                    .cell = 3,
                                    .labels = "steps 4",
                                    .what = "it is gone"}};
  }
  Result<TablePage> table(const TableQuery& query) override {
    if (is_unreadable) return fail("isocost.db", "it cannot be read");
    table_asked = query;
    if (bytes > 0) return TablePage{std::string(bytes, 'x'), 3};
    return TablePage{query.format == TableFormat::kCsv ? "cell\n0\n" : "[\n{\"cell\":0}\n]\n", 3};
  }

  bool is_unreadable = false;
  std::size_t bytes = 0;  // of a table; 0: those of a small one
  log::EventQuery asked;
  TableQuery table_asked;
};

}  // namespace isocost::web
