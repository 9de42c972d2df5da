// A worker's socket in the hands of a test that means no good, and what such a one says.
//
//   EvilPeer liar(context, keys, server_key, "5e55");  liar.connect(port);
//   liar.send(mutated(chance));  liar.hello();          // answered: what came before was looked at
//
// Thread: one.
#pragma once

#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "base/transport/keys.h"
#include "schema/wire/codec.h"
#include "tests/support/wire_samples.h"

namespace isocost::testing {

inline constexpr std::size_t kLargeFrame = std::size_t{10} << 20U;

// A valid message of a worker with a few bits flipped, or cut.
inline std::string mutated(std::mt19937_64& chance) {
  std::string bytes = wire::encode(random_message(chance));
  while (!wire::decode(bytes, wire::Sender::kWorker)) bytes = wire::encode(random_message(chance));
  for (std::uint64_t n = 1 + chance() % 4; n > 0; --n)
    bytes[chance() % bytes.size()] ^= static_cast<char>(1U << (chance() % 8));
  if (chance() % 8 == 0) bytes.resize(chance() % bytes.size());
  return bytes;
}

// Whether the coordinator has to count it: at the session's door a greeting of another session,
// too.
inline bool is_malformed(const std::string& bytes, bool is_of_session) {
  const auto message = wire::decode(bytes, wire::Sender::kWorker);
  return !message || (is_of_session && std::holds_alternative<wire::Hello>(*message));
}

// A worker's socket in the hands of a test.
class EvilPeer {
 public:
  EvilPeer(zmq::context_t& context, const transport::KeyPair& keys, const std::string& server_key,
           std::string session)
      : socket_(context, zmq::socket_type::dealer), session_(std::move(session)) {
    socket_.set(zmq::sockopt::routing_id, session_);
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvtimeo, 30'000);
    socket_.set(zmq::sockopt::reconnect_ivl, -1);
    socket_.set(zmq::sockopt::curve_publickey, keys.public_key);
    socket_.set(zmq::sockopt::curve_secretkey, keys.secret_key);
    socket_.set(zmq::sockopt::curve_serverkey, server_key);
  }
  void connect(std::uint16_t port) { socket_.connect("tcp://127.0.0.1:" + std::to_string(port)); }
  // False: the connection was taken from us, or nobody takes what is sent.
  bool send(const std::string& bytes) {
    return socket_.send(zmq::buffer(bytes), zmq::send_flags::dontwait).has_value();
  }
  bool send(const wire::Message& message) { return send(wire::encode(message)); }
  // A frame of at most kLargeFrame, of which nobody here makes a copy.
  bool send_large(std::size_t size, bool is_last) {
    static std::string bytes(kLargeFrame, 'x');
    const auto keep = [](void*, void*) {};
    zmq::message_t frame(bytes.data(), size, keep);
    return socket_
        .send(frame, is_last ? zmq::send_flags::dontwait
                             : zmq::send_flags::dontwait | zmq::send_flags::sndmore)
        .has_value();
  }
  template <class T>
  std::optional<T> receive() {
    zmq::message_t frame;
    while (socket_.recv(frame))
      if (auto message = wire::decode(frame.to_string_view()))
        if (auto* wanted = std::get_if<T>(&*message)) return std::move(*wanted);
    return std::nullopt;
  }
  bool greet(const std::vector<std::string>& inventory = {}) {
    return send(wire::Hello{.worker = "w", .session = session_, .inventory = inventory});
  }
  // What it said before was looked at when this is answered.
  std::optional<wire::Welcome> hello(const std::vector<std::string>& inventory = {}) {
    return greet(inventory) ? receive<wire::Welcome>() : std::nullopt;
  }
  zmq::socket_t& socket() { return socket_; }

 private:
  zmq::socket_t socket_;
  std::string session_;
};

}  // namespace isocost::testing
