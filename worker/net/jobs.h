// A thread with a queue of jobs, done in order. Thread: post() and stop() the owner's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "base/check.h"

namespace isocost::worker_net {

class JobThread {
 public:
  JobThread() : thread_([this] { run(); }) {}
  // Waits for all jobs that were posted.
  ~JobThread() {
    stop();
    if (thread_.joinable()) thread_.join();
  }
  JobThread(const JobThread&) = delete;
  JobThread& operator=(const JobThread&) = delete;

  void post(std::function<void()> job) {
    {
      const std::scoped_lock lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_all();
  }
  void stop() {
    {
      const std::scoped_lock lock(mutex_);
      is_stopping_ = true;
    }
    changed_.notify_all();
  }
  // Whether the thread is done with its jobs, waiting for that no longer than `limit`. Requires:
  // stop() before.
  [[nodiscard]] bool is_done_within(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    ISOCOST_CHECK(is_stopping_, "a thread that was not told to stop is never done");
    return changed_.wait_for(lock, limit, [this] { return is_done_; });
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return is_stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) break;
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
    is_done_ = true;
    lock.unlock();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool is_stopping_ = false;
  bool is_done_ = false;
  std::thread thread_;  // last: it uses the members above
};

}  // namespace isocost::worker_net
