// What a peer did that no healthy one does, or what became of it: the kinds that the coordinator
// logs and counts.
//
//   log.tell(log::Incident::kMalformed, "worker w1", "a message of 3 frames");
//   for (log::Incident kind : log::kIncidents) ... incident_name(kind) ...
//
// Names are labels of /metrics and keys of status: do not change them. Pure values, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace isocost::log {

enum class Incident : std::size_t {
  kRefusedKey,      // a handshake with a key that is not in the allow folder
  kBadKeyFile,      // a file of the allow folder that holds no key
  kRevokedKey,      // a connection ended, since its key is not in the allow folder any more
  kMalformed,       // a message that is none of this protocol
  kOversized,       // more bytes at once than a peer may send, or a body that is too large
  kStalled,         // a peer that takes nothing of what it asked for, or never says anything
  kEvicted,         // a connection ended so that others have room
  kUnbelieved,      // an outcome or a claim that nothing was given out for, or that cannot be one
  kRefusedRequest,  // an HTTP request without the token, of a foreign host, or beyond the limits
  kFailing,         // a worker that fails unit after unit and rests
  kQuarantined,     // one that fails where others succeed: it gets a unit now and then
  kOverdue,         // a unit that took far too long and is taken elsewhere
  kLostArtifact,    // a unit whose artifacts are missing or damaged, and that is made again
};

inline constexpr std::array kIncidents = {
    Incident::kRefusedKey,     Incident::kBadKeyFile, Incident::kRevokedKey,  Incident::kMalformed,
    Incident::kOversized,      Incident::kStalled,    Incident::kEvicted,     Incident::kUnbelieved,
    Incident::kRefusedRequest, Incident::kFailing,    Incident::kQuarantined, Incident::kOverdue,
    Incident::kLostArtifact};

using IncidentCounts = std::array<std::uint64_t, kIncidents.size()>;

[[nodiscard]] constexpr std::string_view incident_name(Incident kind) {
  constexpr std::array<std::string_view, kIncidents.size()> kNames = {
      "refused_key", "bad_key_file", "revoked_key",  "malformed",       "oversized",
      "stalled",     "evicted",      "unbelieved",   "refused_request", "failing",
      "quarantined", "overdue",      "lost_artifact"};
  return kNames[static_cast<std::size_t>(kind)];
}

[[nodiscard]] constexpr bool is_incident(std::string_view name) {
  for (const Incident kind : kIncidents)
    if (incident_name(kind) == name) return true;
  return false;
}

}  // namespace isocost::log
