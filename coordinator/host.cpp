#include "coordinator/host.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/io/limits.h"
#include "coordinator/net/router.h"
#include "coordinator/storage/sqlite_store.h"

namespace isocost::coordinator {
namespace {

namespace fs = std::filesystem;

// The first reason why the coordinator cannot go on, from whatever thread.
class EndReason {
 public:
  void set(const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (!why_) why_ = why;
  }
  [[nodiscard]] std::optional<std::string> get() const {
    const std::lock_guard lock(mutex_);
    return why_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<std::string> why_;
};

// Takes away what a start that failed has made: files that were not there before.
class Fresh {
 public:
  Fresh(const fs::path& database, const fs::path& artifacts, const fs::path& log) {
    for (const char* suffix : {"", "-wal", "-shm", ".lock", ".acknowledged"})
      watch(database.string() + suffix);
    watch(artifacts);
    if (!log.empty()) watch(log);
  }
  Fresh(const Fresh&) = delete;
  Fresh& operator=(const Fresh&) = delete;
  ~Fresh() {
    std::error_code ignored;
    for (const fs::path& path : made_) fs::remove_all(path, ignored);
  }
  void keep() { made_.clear(); }

 private:
  void watch(const fs::path& path) {
    std::error_code ignored;
    if (!fs::exists(path, ignored)) made_.push_back(path);
  }
  std::vector<fs::path> made_;
};

// Each connection takes two descriptors, and others are left for files, uploads, HTTP, and those
// that come in a flood before the guard puts them out.
std::size_t connections_max(std::size_t descriptors) {
  constexpr std::size_t kMost = 4096, kFiles = 128;
  const std::size_t others = kFiles + descriptors / 3;
  return std::clamp<std::size_t>(descriptors > others ? (descriptors - others) / 2 : 0, 16, kMost);
}

class LoopInbox : public net::Inbox {
 public:
  LoopInbox(Loop& loop, EndReason& end) : loop_(loop), end_(end) {}
  [[nodiscard]] Room room(const std::string& peer, std::size_t bytes) const override {
    switch (loop_.room(peer, bytes)) {
      case PeerQueue::Room::kThere:
        return Room::kThere;
      case PeerQueue::Room::kNoneForAll:
        return Room::kNoneForAll;
      case PeerQueue::Room::kNoneForPeer:
        return Room::kNoneForPeer;
    }
    return Room::kThere;
  }
  void arrived(const std::string& peer, wire::Message message, std::size_t bytes) override {
    loop_.arrived(peer, std::move(message), bytes);
  }
  void unreachable(const std::string& peer) override { loop_.unreachable(peer); }
  void revoked(const std::string& peer) override { loop_.revoked(peer); }
  void failed(const std::string& why) override { end_.set(why); }

 private:
  Loop& loop_;
  EndReason& end_;
};

}  // namespace

class Host::Impl {
 public:
  Impl(std::unique_ptr<storage::SqliteStore> store, std::filesystem::path artifacts,
       const HostOptions& options)
      : store_(std::move(store)),
        artifacts_(std::move(artifacts)),
        log_(options.log),
        loop_(*store_, artifacts_, logging(options.loop, log_)),
        inbox_(loop_, end_) {}

  ~Impl() { stop(); }

  Result<bool> start(const HostOptions& options) {
    auto router = net::Router::open({.endpoint = options.listen,
                                     .secret_file = options.secret_file,
                                     .allow_folder = options.allow_folder,
                                     .artifacts = &artifacts_,
                                     .log = &log_,
                                     .connections_max = connections_max(io::descriptors_max())},
                                    inbox_);
    if (!router) return fail(std::move(router.error()));
    router_ = std::move(*router);
    loop_.attach({.send = [this](const std::string& peer,
                                 const wire::Message& message) { router_->send(peer, message); },
                  .artifact_port = router_->artifact_port(),
                  .artifact_folder = std::filesystem::absolute(artifacts_.root()).string(),
                  .artifact_nonce = router_->artifact_nonce(),
                  .key_faults = [this] { return router_->key_faults(); }});
    thread_ = std::thread([this] { run(); });
    return true;
  }

  // The loop's thread: the one place where faults of the store end.
  void run() {
    try {
      loop_.run();
    } catch (const std::exception& fault) {
      end_.set(fault.what());
    }
  }

  void stop() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
    router_.reset();
  }

  static LoopOptions logging(LoopOptions options, log::Log& log) {
    options.log = &log;
    return options;
  }

  std::unique_ptr<storage::SqliteStore> store_;
  io::ArtifactStore artifacts_;
  log::Log log_;
  Loop loop_;
  EndReason end_;
  LoopInbox inbox_;
  std::unique_ptr<net::Router> router_;
  std::thread thread_;
};

Host::Host(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Host::~Host() = default;

Result<std::unique_ptr<Host>> Host::open(const HostOptions& options) {
  const fs::path artifacts = options.artifacts.empty()
                                 ? fs::absolute(options.database).parent_path() / "artifacts"
                                 : options.artifacts;
  Fresh fresh(options.database, artifacts,
              options.log.file);  // goes last: after what it may remove is closed
  auto store = storage::SqliteStore::open(options.database, {.accepts_loss = options.accepts_loss});
  if (!store) return fail(std::move(store.error()));
  try {
    fs::create_directories(artifacts);
    auto impl = std::make_unique<Impl>(std::move(*store), artifacts, options);
    if (auto started = impl->start(options); !started) return fail(std::move(started.error()));
    if (options.prepare)
      if (auto prepared = options.prepare(impl->loop_, impl->log_); !prepared)
        return fail(std::move(prepared.error()));
    fresh.keep();
    impl->loop_.announce();
    return std::unique_ptr<Host>(new Host(std::move(impl)));
  } catch (const std::exception& fault) {
    return fail("", fault.what());
  }
}

Loop& Host::loop() { return impl_->loop_; }
io::ArtifactStore& Host::artifacts() { return impl_->artifacts_; }
log::Log& Host::log() { return impl_->log_; }
const std::vector<std::string>& Host::warnings() const { return impl_->store_->warnings(); }
std::string Host::endpoint() const { return impl_->router_->endpoint().text(); }

std::optional<std::string> Host::fault() const { return impl_->end_.get(); }

void Host::stop() { impl_->stop(); }

}  // namespace isocost::coordinator
