#include "coordinator/net/zap.h"

#include <array>
#include <optional>
#include <string>
#include <vector>
#include <zmq_addon.hpp>

#include "coordinator/net/socket.h"

namespace isocost::net {
namespace {

// The frames of a question: version, request id, domain, address, routing id, mechanism, key.
constexpr std::size_t kRequestId = 1, kAddress = 3, kMechanism = 5, kKey = 6, kFrames = 7;

std::string z85(const zmq::message_t& key) {
  std::array<char, 41> text{};
  zmq_z85_encode(text.data(), key.data<std::uint8_t>(), key.size());
  return text.data();
}

// The key that a question is about; none where it is about something else.
std::optional<std::string> key_of(const std::vector<zmq::message_t>& request) {
  if (request.size() != kFrames || request[kMechanism].to_string_view() != "CURVE" ||
      request[kKey].size() != 32)
    return std::nullopt;
  return z85(request[kKey]);
}

}  // namespace

ZapHandler::ZapHandler(zmq::context_t& context, AllowList& allowed, log::Log& log)
    : allowed_(allowed), log_(log) {
  zmq::socket_t socket(context, zmq::socket_type::rep);
  socket.set(zmq::sockopt::linger, 0);
  socket.bind("inproc://zeromq.zap.01");
  thread_ = std::thread([this, moved = std::move(socket)]() mutable { run(std::move(moved)); });
}

ZapHandler::~ZapHandler() {
  is_stopping_ = true;
  stop_.ring();
  thread_.join();
}

void ZapHandler::run(zmq::socket_t socket) {
  std::array<zmq::pollitem_t, 2> items{
      {{socket.handle(), 0, ZMQ_POLLIN, 0}, {nullptr, stop_.descriptor(), ZMQ_POLLIN, 0}}};
  while (!is_stopping_) {
    wait_for(items.data(), items.size(), std::chrono::milliseconds(-1));
    if ((items[0].revents & ZMQ_POLLIN) != 0) answer(socket);
  }
}

void ZapHandler::answer(zmq::socket_t& socket) {
  std::vector<zmq::message_t> request;
  const auto frames =
      zmq::recv_multipart(socket, std::back_inserter(request), zmq::recv_flags::dontwait);
  if (!frames || request.size() < 2) return;
  const auto key = key_of(request);
  const bool is_allowed = key && allowed_.name_of(*key);
  if (!is_allowed) {
    ++refused_;
    log_.tell(log::Incident::kRefusedKey,
              request.size() > kAddress ? request[kAddress].to_string_view() : "a peer",
              key ? "the key " + *key + " is not in the allow folder" : "it showed no key");
  }
  const std::string id = request[kRequestId].to_string();
  const std::array<zmq::const_buffer, 6> reply = {
      zmq::str_buffer("1.0"),
      zmq::buffer(id),
      is_allowed ? zmq::const_buffer(zmq::str_buffer("200"))
                 : zmq::const_buffer(zmq::str_buffer("400")),
      is_allowed ? zmq::const_buffer(zmq::str_buffer("OK"))
                 : zmq::const_buffer(zmq::str_buffer("not in the allow list")),
      is_allowed ? zmq::buffer(*key) : zmq::const_buffer(),
      zmq::const_buffer()};
  zmq::send_multipart(socket, reply);
}

}  // namespace isocost::net
