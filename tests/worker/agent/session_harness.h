// Drives a worker's session in virtual time and keeps what it wants done.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "worker/agent/session.h"

namespace isocost::agent {

inline wire::Lease lease(const std::string& unit, std::uint64_t counter = 1) {
  return {.unit = unit,
          .attempt = {1, counter},
          .kind = UnitKind::kScore,
          .body = "{}",
          .needs = {},
          .blobs = {}};
}

inline UnitResult result(const std::string& unit, bool has_artifact = false) {
  UnitResult made;
  made.unit = unit;
  made.digest = sha256(unit);
  if (has_artifact) made.artifacts.push_back({"rows/a", sha256(unit), 3});
  return made;
}

// Drives a session and keeps its effects in order.
class Harness {
 public:
  explicit Harness(std::vector<Outcome> spooled = {}, SessionOptions options = {}) {
    options.greeting.worker = "w";
    session.emplace(std::move(options), std::move(spooled), now);
  }

  void on(const Event& event) {
    for (Effect& effect : session->handle(event, now)) effects.push_back(std::move(effect));
    session->check_invariants();
  }
  void hear(wire::Message message) { on(Received{std::move(message)}); }
  void pass(Duration time) {
    now += time;
    on(Tick{});
  }
  void attach(const std::string& database = "db1") {
    on(Tick{});
    on(Connected{"5e55"});
    hear(wire::Welcome{.protocol = wire::kProtocolVersion,
                       .build = "",
                       .database = database,
                       .lease_ms = 9000,
                       .heartbeat_ms = 3000,
                       .artifact_port = 0,
                       .artifact_folder = {},
                       .artifact_nonce = {}});
  }
  void finish(const std::string& unit, bool has_artifact = false) {
    on(Finished{unit, result(unit, has_artifact), {}});
    on(Spooled{unit});
  }
  void acknowledge(const std::string& unit, wire::Verdict verdict = wire::Verdict::kAccepted) {
    hear(wire::Ack{unit, {1, 1}, verdict, {}});
  }

  // The effects of one kind since the last look.
  template <class T>
  std::vector<T> take() {
    std::vector<T> found;
    std::erase_if(effects, [&](const Effect& effect) {
      const auto* wanted = std::get_if<T>(&effect);
      if (wanted != nullptr) found.push_back(*wanted);
      return wanted != nullptr;
    });
    return found;
  }
  template <class T>
  std::vector<T> said() {
    std::vector<T> found;
    std::erase_if(effects, [&](const Effect& effect) {
      const auto* send = std::get_if<Send>(&effect);
      const auto* wanted = send == nullptr ? nullptr : std::get_if<T>(&send->message);
      if (wanted != nullptr) found.push_back(*wanted);
      return wanted != nullptr;
    });
    return found;
  }

  Instant now{};
  std::optional<Session> session;
  std::vector<Effect> effects;
};

}  // namespace isocost::agent
