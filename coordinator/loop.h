// The coordinator's one loop: events from the link and commands from people go through the core;
// what it writes is committed in one transaction for all that waited, and only then are messages
// sent.
//
//   Loop loop(store, artifacts, options);
//   auto router = net::Router::open(router_options, inbox_of(loop));
//   loop.attach({.send = ..., .artifact_port = router->artifact_port(), ...});
//   std::thread thread([&] { loop.run(); });     // until stop()
//   loop.submit(submission, 0);                  // from any other thread
//
// run() owns the core and the store; everything else may be called from any thread. run() throws
// std::runtime_error when the store fails (disk full): the program ends and a restart recovers.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/io/artifact_store.h"
#include "coordinator/core/commands.h"
#include "coordinator/core/core.h"
#include "coordinator/core/ports.h"
#include "coordinator/log/log.h"
#include "coordinator/peer_queue.h"

namespace isocost::coordinator {

struct LoopOptions {
  std::string build;
  Duration lease = std::chrono::seconds(15);
  Duration heartbeat = std::chrono::seconds(2);
  log::Log* log = nullptr;  // null: incidents are counted by nobody
};

// Where messages go, and what WELCOME tells of the artifacts.
struct Outlet {
  std::function<void(const std::string& peer, wire::Message message)> send;
  std::uint16_t artifact_port = 0;
  std::string artifact_folder;
  std::string artifact_nonce;
  // What is wrong with the folder of allowed keys, for status.
  std::function<std::vector<std::string>()> key_faults = {};
};

class Loop : public core::Commands {
 public:
  Loop(core::Store& store, io::ArtifactStore& artifacts, LoopOptions options);
  ~Loop() override;

  // Requires: before run().
  void attach(Outlet outlet) { outlet_ = std::move(outlet); }
  void run();
  // Records that the coordinator has started: when nothing can keep it from it any more.
  void announce();
  // Tells workers to leave; run() goes on. Then stop() ends it.
  void drain();
  void stop();

  // From the link, on its threads.
  [[nodiscard]] PeerQueue::Room room(const std::string& peer, std::size_t bytes) const;
  void arrived(const std::string& peer, wire::Message message, std::size_t bytes);
  void unreachable(const std::string& peer);
  // Its session is over at once, and what it said counts no more.
  void revoked(const std::string& peer);

  [[nodiscard]] Result<core::SubmissionReply> submit(const Submission& submission,
                                                     int priority) override;
  [[nodiscard]] Result<core::CancelReply> cancel(const std::string& experiment) override;
  [[nodiscard]] Result<core::RetryReply> retry(
      const std::optional<std::string>& experiment) override;
  [[nodiscard]] std::shared_ptr<const core::Snapshot> snapshot() const override;
  [[nodiscard]] Duration silence() const override;

 private:
  using Answer = Result<core::Reply>;
  // Hands the core its events; the core answers after the commit, unless something is wrong.
  using Command = std::function<Result<void>(core::RequestId)>;
  struct Unreachable {
    std::string peer;
  };
  struct Revoked {
    std::string peer;
  };
  struct Request {
    Command command;
    std::promise<Answer> promise;
  };
  struct DrainRequest {};
  using Item = std::variant<Unreachable, Revoked, Request, DrainRequest, core::RecordEvent>;
  struct Batch {
    std::vector<PeerQueue::Item> arrivals;
    std::deque<Item> items;
    [[nodiscard]] bool is_empty() const { return arrivals.empty() && items.empty(); }
  };

  [[nodiscard]] Batch next_batch();
  void process(Item& item);
  void process(PeerQueue::Item& arrival);
  void process(Request& request);
  [[nodiscard]] core::FailureArrived failure_of(core::SessionId session,
                                                wire::FailureMessage message);
  void hand(const core::Event& event);
  void record(log::Incident kind, const std::string& who, const std::string& what);
  void cancel_unwanted();
  void tick();
  void finish_batch();
  void deliver(const core::Message& message);
  void deliver(const core::SendLease& lease);
  void publish();
  void refuse_all(const std::string& why);
  template <class Reply>
  [[nodiscard]] Result<Reply> ask(Command command);
  [[nodiscard]] std::optional<UnitFailure> check(const core::KnownUnit& known,
                                                 const UnitResult& result);

  core::Store& store_;
  io::ArtifactStore& artifacts_;
  LoopOptions options_;
  Outlet outlet_;
  core::RecordEvent started_;

  // Of run()'s thread.
  std::unique_ptr<core::Core> core_;
  std::vector<core::Message> messages_;  // to be sent after the commit
  std::map<core::RequestId, std::promise<Answer>> waiting_;
  std::uint64_t request_ = 0;
  std::chrono::steady_clock::time_point next_tick_{};
  std::chrono::steady_clock::time_point next_snapshot_{};
  bool is_snapshot_due_ = true;
  bool was_finished_ = false;

  std::atomic<Duration::rep> seen_{0};  // when run() last came round

  mutable std::mutex mutex_;
  std::condition_variable woken_;
  std::deque<Item> queue_;
  PeerQueue arrivals_;
  std::size_t incidents_waiting_ = 0;
  bool is_stopping_ = false;
  std::shared_ptr<const core::Snapshot> snapshot_;
};

}  // namespace isocost::coordinator
