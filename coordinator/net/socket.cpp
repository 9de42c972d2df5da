#include "coordinator/net/socket.h"

#include <fmt/format.h>

#include <vector>
#include <zmq_addon.hpp>

#include "base/text.h"
#include "base/transport/addresses.h"
#include "coordinator/net/zap.h"
#include "schema/wire/codec.h"

namespace isocost::net {
namespace {

Failure bind_failure(const transport::Endpoint& endpoint, const zmq::error_t& error) {
  Failure failure;
  if (error.num() == EADDRINUSE)
    failure.add(endpoint.text(), "the port is in use",
                "a free port, or 0 for one that the system picks");
  else if (error.num() == EACCES)
    failure.add(endpoint.text(), "this user may not listen there", "a port from 1024");
  else
    failure.add(endpoint.text(), fmt::format("cannot listen there: {}", error.what()),
                "an address of this machine");
  return failure;
}

}  // namespace

Result<zmq::socket_t> bind_router(zmq::context_t& context, transport::Endpoint& endpoint,
                                  const std::optional<transport::KeyPair>& keys,
                                  const transport::SocketLimits& limits) {
  zmq::socket_t socket(context, zmq::socket_type::router);
  socket.set(zmq::sockopt::router_mandatory, true);
  transport::set_common_options(socket, limits);
  if (keys) transport::set_server_keys(socket, *keys, kZapDomain);
  const auto addresses = transport::addresses_of(endpoint);
  if (!addresses) return fail(addresses.error());
  const bool is_any_port = endpoint.port == 0;
  std::optional<zmq::error_t> refused;
  bool is_bound = false;
  for (transport::Endpoint address : *addresses) {
    address.port = endpoint.port;  // after the first one the port that it got
    try {
      socket.bind(address.port == 0 ? "tcp://" + address.host + ":*" : address.text());
      const auto bound = transport::parse_endpoint(socket.get(zmq::sockopt::last_endpoint));
      if (!bound) return fail(bound.error());
      endpoint.port = bound->port;
      is_bound = true;
    } catch (const zmq::error_t& error) {
      // A name may stand for an address that this machine does not have (::1 without IPv6); who
      // else has the port at one of them would get some of the workers.
      if (!refused || error.num() == EADDRINUSE) refused = error;
    }
  }
  if (!is_bound || (!is_any_port && refused && refused->num() == EADDRINUSE))
    return fail(bind_failure(endpoint, *refused));
  return socket;
}

bool Arrival::is_formed() const { return frames == 2 && is_name(peer); }

std::optional<Arrival> receive(zmq::socket_t& socket) {
  std::vector<zmq::message_t> frames;
  if (!zmq::recv_multipart(socket, std::back_inserter(frames), zmq::recv_flags::dontwait))
    return std::nullopt;
  Arrival arrival;
  arrival.frames = frames.size();
  for (const zmq::message_t& frame : frames) arrival.bytes += frame.size();
  arrival.peer = frames.front().to_string();
  arrival.payload = std::move(frames.back());
  if (const char* user = zmq_msg_gets(arrival.payload.handle(), "User-Id"); user != nullptr)
    arrival.key = user;
  arrival.descriptor = zmq_msg_get(arrival.payload.handle(), ZMQ_SRCFD);
  return arrival;
}

void wait_for(zmq::pollitem_t* items, std::size_t count, std::chrono::milliseconds limit) {
  if (zmq_poll(items, static_cast<int>(count), static_cast<long>(limit.count())) >= 0) return;
  if (zmq_errno() != EINTR) throw zmq::error_t();
  for (std::size_t i = 0; i < count; ++i) items[i].revents = 0;
}

SendStatus send_to(zmq::socket_t& socket, const std::string& peer, const std::string& payload) {
  const std::array<zmq::const_buffer, 2> frames = {zmq::buffer(peer), zmq::buffer(payload)};
  try {
    const auto sent = zmq::send_multipart(socket, frames, zmq::send_flags::dontwait);
    return sent ? SendStatus::kSent : SendStatus::kFull;
  } catch (const zmq::error_t& error) {
    if (error.num() == EHOSTUNREACH) return SendStatus::kUnreachable;
    throw;
  }
}

}  // namespace isocost::net
