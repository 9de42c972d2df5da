#include "coordinator/net/intake.h"

#include <utility>

#include "schema/wire/codec.h"

namespace isocost::net {
namespace {

constexpr int kMalformedMax = 16;  // of one session; then it ends

}  // namespace

std::optional<wire::Message> Intake::take(const Arrival& arrival, RouterCounters& seen) {
  if (!arrival.is_formed()) {
    ++seen.malformed;
    expel(arrival, log::Incident::kMalformed,
          "a message of " + std::to_string(arrival.frames) + " frames");
    return std::nullopt;
  }
  if (peers_.size() > 2 * sessions_max_) peers_.clear();  // known again by what they say next
  Peer& peer = peers_[arrival.peer];
  peer.descriptor = arrival.descriptor;
  const auto name = name_of(arrival);
  if (!name) return std::nullopt;
  if (arrival.bytes > wire::kToCoordinatorBytesMax) {
    ++seen.malformed;
    expel(arrival, log::Incident::kOversized,
          "a message of " + std::to_string(arrival.bytes) + " bytes");
    return std::nullopt;
  }
  auto message = wire::decode(arrival.payload.to_string_view(), wire::Sender::kWorker);
  if (!message) {
    refuse(arrival, peer, message.error().message(), seen);
    // A peer of another version must be told, or it would wait for ever.
    return wire::Reject{wire::RejectCode::kBadHello, message.error().message()};
  }
  return pass(arrival, peer, *name, std::move(*message), seen);
}

std::optional<wire::Message> Intake::pass(const Arrival& arrival, Peer& peer,
                                          const std::string& name, wire::Message message,
                                          RouterCounters& seen) {
  if (std::holds_alternative<wire::Unknown>(message)) {
    ++seen.unknown_kinds;
    return std::nullopt;
  }
  if (auto* hello = std::get_if<wire::Hello>(&message)) {
    if (hello->session != arrival.peer) {
      refuse(arrival, peer, "HELLO of another session", seen);
      return std::nullopt;
    }
    if (!name.empty()) hello->worker = name;
    guard_.greeted(Door::kSession, arrival.descriptor, hello->worker);
  }
  if (const auto* result = std::get_if<wire::ResultMessage>(&message))
    if (const auto missing = missing_of(*result)) return *missing;
  if (inbox_.room(arrival.peer, arrival.bytes) == Inbox::Room::kNoneForPeer)
    expel(arrival, log::Incident::kOversized, "more messages than are taken from one peer");
  else
    inbox_.arrived(arrival.peer, std::move(message), arrival.bytes);
  return std::nullopt;
}

std::optional<int> Intake::descriptor_of(const std::string& peer) const {
  const auto known = peers_.find(peer);
  return known == peers_.end() ? std::nullopt : std::optional(known->second.descriptor);
}

std::optional<std::string> Intake::name_of(const Arrival& arrival) {
  if (allowed_ == nullptr) return std::string();
  auto name = allowed_->name_of(arrival.key);
  if (!name)
    expel(arrival, log::Incident::kRevokedKey, "its key is not in the allow folder any more");
  return name;
}

void Intake::refuse(const Arrival& arrival, Peer& peer, const std::string& what,
                    RouterCounters& seen) {
  ++seen.malformed;
  if (++peer.malformed < kMalformedMax)
    guard_.tell(Door::kSession, arrival.descriptor, log::Incident::kMalformed, what);
  else
    expel(arrival, log::Incident::kMalformed, what);
}

void Intake::expel(const Arrival& arrival, log::Incident why, const std::string& what) {
  guard_.expel(Door::kSession, arrival.descriptor, why, what);
}

std::optional<wire::Ack> Intake::missing_of(const wire::ResultMessage& message) const {
  if (artifacts_ == nullptr) return std::nullopt;
  wire::Ack ack{message.result.unit, message.attempt, wire::Verdict::kMissing, {}};
  for (const ArtifactRef& ref : message.result.artifacts) {
    const auto bytes = artifacts_->size(ref.digest);
    const bool is_cut = bytes && *bytes != ref.bytes && !artifacts_->is_whole(ref.digest);
    if (!bytes || is_cut) ack.missing.push_back(ref.digest);
  }
  return ack.missing.empty() ? std::nullopt : std::optional(std::move(ack));
}

}  // namespace isocost::net
