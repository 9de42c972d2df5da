// What a message of a session is worth: formed, of a peer that may be here, of this protocol,
// within bounds, and with its artifacts on disk. What passes goes to the inbox. For Router alone.
//
//   Intake intake(inbox, guard, allowed, artifacts, sessions_max);
//   if (auto answer = intake.take(arrival, seen)) ...     // to be sent at once
//
// Thread: the router's.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "base/io/artifact_store.h"
#include "coordinator/net/allow_list.h"
#include "coordinator/net/guard.h"
#include "coordinator/net/router.h"
#include "coordinator/net/socket.h"

namespace isocost::net {

class Intake {
 public:
  // `allowed` and `artifacts` may be null: anyone may be here, nothing is looked for on disk.
  Intake(Inbox& inbox, Guard& guard, AllowList* allowed, const io::ArtifactStore* artifacts,
         std::size_t sessions_max)
      : inbox_(inbox),
        guard_(guard),
        allowed_(allowed),
        artifacts_(artifacts),
        sessions_max_(sessions_max) {}

  // Returns what it is answered at once, without anybody else.
  [[nodiscard]] std::optional<wire::Message> take(const Arrival& arrival, RouterCounters& seen);
  // Of the connection that a peer was last heard on.
  [[nodiscard]] std::optional<int> descriptor_of(const std::string& peer) const;
  void forget(const std::string& peer) { peers_.erase(peer); }

 private:
  struct Peer {
    int descriptor = -1;
    int malformed = 0;
  };

  // What its key file calls it; empty without keys. None: it may not be here any more.
  std::optional<std::string> name_of(const Arrival& arrival);
  // Passes on what is right in itself.
  [[nodiscard]] std::optional<wire::Message> pass(const Arrival& arrival, Peer& peer,
                                                  const std::string& name, wire::Message message,
                                                  RouterCounters& seen);
  void refuse(const Arrival& arrival, Peer& peer, const std::string& what, RouterCounters& seen);
  void expel(const Arrival& arrival, log::Incident why, const std::string& what);
  // An artifact is on disk for good before the result that names it is committed; here it is made
  // sure.
  [[nodiscard]] std::optional<wire::Ack> missing_of(const wire::ResultMessage& message) const;

  Inbox& inbox_;
  Guard& guard_;
  AllowList* allowed_;
  const io::ArtifactStore* artifacts_;
  std::size_t sessions_max_;
  std::map<std::string, Peer> peers_;
};

}  // namespace isocost::net
