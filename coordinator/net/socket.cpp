#include "coordinator/net/socket.h"

#include <fmt/format.h>

#include <vector>
#include <zmq_addon.hpp>

#include "coordinator/net/zap.h"
#include "schema/transport/socket_options.h"
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
                                  int send_queue_max) {
  zmq::socket_t socket(context, zmq::socket_type::router);
  socket.set(zmq::sockopt::router_mandatory, true);
  transport::set_common_options(socket, {.send_queue_max = send_queue_max});
  if (keys) transport::set_server_keys(socket, *keys, kZapDomain);
  // libzmq binds to numbers and interfaces, not to names.
  transport::Endpoint numeric = endpoint;
  if (numeric.host == "localhost") numeric.host = "127.0.0.1";
  try {
    socket.bind(numeric.port == 0 ? "tcp://" + numeric.host + ":*" : numeric.text());
  } catch (const zmq::error_t& error) {
    return fail(bind_failure(endpoint, error));
  }
  const auto bound = transport::parse_endpoint(socket.get(zmq::sockopt::last_endpoint));
  if (!bound) return fail(bound.error());
  endpoint.port = bound->port;
  return socket;
}

std::optional<Arrival> receive(zmq::socket_t& socket, std::uint64_t& malformed) {
  while (true) {
    std::vector<zmq::message_t> frames;
    if (!zmq::recv_multipart(socket, std::back_inserter(frames), zmq::recv_flags::dontwait))
      return std::nullopt;
    if (frames.size() != 2 || !wire::is_name(frames[0].to_string_view())) {
      ++malformed;
      continue;
    }
    Arrival arrival{frames[0].to_string(), {}, std::move(frames[1])};
    if (const char* user = zmq_msg_gets(arrival.payload.handle(), "User-Id"); user != nullptr)
      arrival.user = user;
    return arrival;
  }
}

SendOutcome send_to(zmq::socket_t& socket, const std::string& peer, const std::string& payload) {
  const std::array<zmq::const_buffer, 2> frames = {zmq::buffer(peer), zmq::buffer(payload)};
  try {
    const auto sent = zmq::send_multipart(socket, frames, zmq::send_flags::dontwait);
    return sent ? SendOutcome::kSent : SendOutcome::kUnreachable;
  } catch (const zmq::error_t& error) {
    if (error.num() == EHOSTUNREACH) return SendOutcome::kUnreachable;
    throw;
  }
}

}  // namespace isocost::net
