// Who may connect: answers libzmq's question (ZAP, RFC 27) for every CURVE handshake of one
// context.
//
// What the allow list says at that moment counts. A peer that is let in carries its key as the user
// of every message, so that a key which is removed later can be told by it. Refusals are logged and
// counted. For the sources of coordinator/net alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <zmq.hpp>

#include "base/transport/wake.h"
#include "coordinator/log/log.h"
#include "coordinator/net/allow_list.h"

namespace isocost::net {

inline constexpr const char* kZapDomain = "isocost";

class ZapHandler {
 public:
  // Requires: made before any socket of `context` binds, destroyed after the last one closed.
  ZapHandler(zmq::context_t& context, AllowList& allowed, log::Log& log);
  ~ZapHandler();
  ZapHandler(const ZapHandler&) = delete;
  ZapHandler& operator=(const ZapHandler&) = delete;

  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  void run(zmq::socket_t socket);
  void answer(zmq::socket_t& socket);

  AllowList& allowed_;
  log::Log& log_;
  transport::Wake stop_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<std::uint64_t> refused_{0};
  std::thread thread_;
};

}  // namespace isocost::net
