#include "coordinator/net/zap.h"

#include <array>
#include <optional>
#include <string>
#include <vector>
#include <zmq_addon.hpp>

#include "schema/transport/keys.h"

namespace isocost::net {
namespace {

std::string z85(const zmq::message_t& key) {
  std::array<char, 41> text{};
  zmq_z85_encode(text.data(), key.data<std::uint8_t>(), key.size());
  return text.data();
}

std::optional<std::string> worker_of(const std::vector<zmq::message_t>& request,
                                     const std::filesystem::path& folder) {
  // version, request id, domain, address, routing id, mechanism, key
  constexpr std::size_t kMechanism = 5, kKey = 6, kFrames = 7;
  if (request.size() != kFrames || request[kMechanism].to_string_view() != "CURVE" ||
      request[kKey].size() != 32)
    return std::nullopt;
  const auto names = transport::read_allow_list(folder);
  if (!names) return std::nullopt;
  const auto found = names->find(z85(request[kKey]));
  return found == names->end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

ZapHandler::ZapHandler(zmq::context_t& context, std::filesystem::path allow_folder)
    : allow_folder_(std::move(allow_folder)) {
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
    zmq::poll(items.data(), items.size(), std::chrono::milliseconds(-1));
    if ((items[0].revents & ZMQ_POLLIN) != 0) answer(socket);
  }
}

void ZapHandler::answer(zmq::socket_t& socket) {
  std::vector<zmq::message_t> request;
  const auto frames =
      zmq::recv_multipart(socket, std::back_inserter(request), zmq::recv_flags::dontwait);
  if (!frames || request.size() < 2) return;
  const auto worker = worker_of(request, allow_folder_);
  if (!worker) ++refused_;
  const std::string id = request[1].to_string();
  const std::array<zmq::const_buffer, 6> reply = {
      zmq::str_buffer("1.0"),
      zmq::buffer(id),
      worker ? zmq::const_buffer(zmq::str_buffer("200"))
             : zmq::const_buffer(zmq::str_buffer("400")),
      worker ? zmq::const_buffer(zmq::str_buffer("OK"))
             : zmq::const_buffer(zmq::str_buffer("not in the allow list")),
      worker ? zmq::buffer(*worker) : zmq::const_buffer(),
      zmq::const_buffer()};
  zmq::send_multipart(socket, reply);
}

}  // namespace isocost::net
