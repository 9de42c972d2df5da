// Who may connect: answers libzmq's question (ZAP, RFC 27) for every CURVE handshake of one
// context.
//
// The allow list is read anew for each handshake, so that adding or removing a key file needs no
// restart. Handshakes are rare; sessions that stand are not asked again. For the sources of
// coordinator/net alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <thread>
#include <zmq.hpp>

#include "schema/transport/wake.h"

namespace isocost::net {

inline constexpr const char* kZapDomain = "isocost";

class ZapHandler {
 public:
  // Requires: made before any socket of `context` binds, destroyed after the last one closed.
  ZapHandler(zmq::context_t& context, std::filesystem::path allow_folder);
  ~ZapHandler();
  ZapHandler(const ZapHandler&) = delete;
  ZapHandler& operator=(const ZapHandler&) = delete;

  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  void run(zmq::socket_t socket);
  void answer(zmq::socket_t& socket);

  std::filesystem::path allow_folder_;
  transport::Wake stop_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<std::uint64_t> refused_{0};
  std::thread thread_;
};

}  // namespace isocost::net
