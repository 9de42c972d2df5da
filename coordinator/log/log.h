// The coordinator's log: what an operator should know of its peers, counted and rate-limited.
//
//   log::Log log({.file = "study/coordinator.log"});   // no file: standard error
//   log.tell(log::Incident::kRefusedKey, "10.0.0.7", "the key 'Yne@...' is not in the folder");
//   log.tell(event);                                   // what happened (event.h)
//   log.counts();                                      // for /metrics and status: every one
//   log.tick();                                        // now and then: tells what was left out
//
// Every incident is counted; of each kind of incident and event a few lines are written at once and
// then one every few seconds, with how many were left out, so that no peer can fill a disk. What a
// peer said is cut and cleaned of control characters. Never throws, and a log that cannot be
// written changes nothing else. Thread: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "coordinator/log/event.h"
#include "coordinator/log/incident.h"

namespace isocost::log {

struct LogOptions {
  std::filesystem::path file = {};  // appended to; empty: standard error
  bool is_silent = false;           // counts alone
};

class Log {
 public:
  // Throws std::system_error when the file cannot be opened.
  explicit Log(const LogOptions& options);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void tell(Incident kind, std::string_view who, std::string_view what) noexcept;
  // An event, under its kind. One whose kind is an incident's was told as such already: not again.
  void tell(const Event& event) noexcept;
  // Each incident that is written is handed to `listener`, too, cleaned, from the thread that tells
  // it. None: empty. Requires: the listener tells this log nothing.
  using Listener = std::function<void(Incident kind, std::string who, std::string what)>;
  void listen(Listener listener);
  // What is no incident: the program's own steps. Not limited: nobody outside causes it.
  void note(std::string_view text) noexcept;
  void tick() noexcept;
  [[nodiscard]] IncidentCounts counts() const;
  [[nodiscard]] std::uint64_t count(Incident kind) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace isocost::log
