// What worker and coordinator say to each other, as plain values. docs/protocol.md says who sends
// which when.
//
// codec.h turns a Message into bytes and back. Numbers of enumerators and of the protocol are sent:
// do not change them; append. Pure values, any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "schema/units/unit.h"

namespace isocost::wire {

// Raised when an older peer could no longer understand what is sent.
// 2: a lease says of what kind and range the units are that it needs; GOODBYE says why alone, and
//    codes that nobody sent are gone.
inline constexpr std::uint16_t kProtocolVersion = 2;

// Limits, checked on both ends.
inline constexpr std::size_t kMessageBytesMax = 16u << 20;
inline constexpr std::size_t kChunkBytes = 256u << 10;  // of one artifact chunk
inline constexpr std::size_t kTextBytesMax = 4096;      // reasons and lines of a log
inline constexpr std::size_t kLogLinesMax = 200;
inline constexpr std::size_t kListMax = 200'000;  // members of any list
// What comes to a coordinator, from many, is held tighter. Members of a list may share their bytes
// in a frame and not in memory, so lists are bounded by their length, too.
inline constexpr std::size_t kToCoordinatorBytesMax = 4u << 20;
inline constexpr std::size_t kInventoryMax = 20'000;  // inputs of one worker
inline constexpr std::size_t kWarmMax = 256;
inline constexpr std::size_t kRunningMax = 4096;
inline constexpr std::size_t kArtifactsMax = 20'000;  // of one result
// JSON within messages: a value takes many times its text's bytes in memory.
inline constexpr std::size_t kDeviceBytesMax = 16u << 10;
inline constexpr std::size_t kDeviceValuesMax = 1000;
inline constexpr std::size_t kResultBytesMax = kToCoordinatorBytesMax - (64u << 10);
inline constexpr std::size_t kResultValuesMax = 200'000;
inline constexpr std::uint32_t kCreditMax = 1024;  // units or chunks asked for at once
inline constexpr std::uint64_t kArtifactBytesMax = 1ull << 40;

// One hand-out of a unit, in the order of hand-out.
struct Attempt {
  std::uint64_t epoch = 0;  // of the coordinator: counts its starts on this database
  std::uint64_t counter = 0;
  auto operator<=>(const Attempt&) const = default;
};

// A unit that a worker holds: it computes it, or has it queued.
struct Running {
  std::string unit{};
  Attempt attempt{};
  double fraction = 0;  // 0 to 1
  bool operator==(const Running&) const = default;
};

// worker -> coordinator: the first message of a session, and the answer to "unknown".
struct Hello {
  std::uint16_t protocol = kProtocolVersion;
  std::string build{};
  std::string worker{};  // its name; with CURVE the name of its key file counts instead
  std::string host{};
  std::string session{};   // random, a fresh one a connection
  std::string database{};  // whose units it holds; empty when it never was welcomed
  std::string device_class{};
  Json device = Json::object();
  std::vector<std::string> inventory{};  // "sha256:..." of the inputs it has
  std::vector<std::string> warm{};
  std::vector<Running> running{};
  // What this worker's last session held and this one does not went through no unit's doing: its
  // process was killed from outside, or is this one.
  bool is_loss_explained = false;
  bool operator==(const Hello&) const = default;
};

struct Welcome {
  std::uint16_t protocol = kProtocolVersion;
  std::string build{};
  std::string database{};
  std::uint64_t lease_ms = 0;       // a worker silent for so long is lost
  std::uint64_t heartbeat_ms = 0;   // how often it should speak
  std::uint16_t artifact_port = 0;  // on the same host; 0: none
  std::string
      artifact_folder{};  // where artifacts lie on the coordinator's machine; empty: not told
  std::string artifact_nonce{};  // what the file <artifact_folder>/nonce holds: proves that a
                                 // folder is the same one
  bool operator==(const Welcome&) const = default;
};

enum class RejectCode : std::uint16_t {
  kProtocol = 1,  // versions differ
  kBadHello = 2,
  kNameInUse = 3,  // a live worker has this name
  kNoRoom = 4,     // for one more: it may try again
};

// coordinator -> worker: no session; the worker ends unless the code is kNoRoom.
struct Reject {
  RejectCode code = RejectCode::kBadHello;
  std::string text{};
  bool operator==(const Reject&) const = default;
};

// worker -> coordinator: how many units it would take now, beyond those it holds. Replaces the last
// one.
struct Want {
  std::uint32_t credit = 0;
  std::vector<std::string> warm{};
  bool operator==(const Want&) const = default;
};

struct Lease {
  std::string unit{};
  Attempt attempt{};
  UnitKind kind = UnitKind::kGenerate;
  std::string body{};  // body_text
  std::vector<NeededUnit> needs{};
  std::vector<Digest> blobs{};  // inputs whose bytes lie in the coordinator's artifact store
  bool operator==(const Lease&) const = default;
};

struct Heartbeat {
  std::vector<Running> running{};
  bool operator==(const Heartbeat&) const = default;
};

struct HeartbeatReply {
  std::vector<std::string> cancel{};  // units that nobody wants any more
  bool is_draining = false;           // take no more work; leave when done
  bool is_unknown = false;            // the session is not known: say HELLO again
  bool operator==(const HeartbeatReply&) const = default;
};

struct ResultMessage {
  Attempt attempt{};
  UnitResult result{};
  bool operator==(const ResultMessage&) const = default;
};

struct FailureMessage {
  std::string unit{};
  Attempt attempt{};
  UnitFailure failure{};
  bool operator==(const FailureMessage&) const = default;
};

enum class Verdict : std::uint16_t {
  kAccepted = 1,
  kRepeated = 2,   // the unit was done; digests agree
  kMismatch = 3,   // the unit was done; digests differ
  kNotWanted = 4,  // no such unit, or it was cancelled
  kMissing = 5,    // artifacts are missing: send them, then the result again
};

// coordinator -> worker, after the commit: the spool may forget this outcome (unless kMissing).
struct Ack {
  std::string unit{};
  Attempt attempt{};
  Verdict verdict = Verdict::kAccepted;
  std::vector<Digest> missing{};
  bool operator==(const Ack&) const = default;
};

// worker -> coordinator: the session ends, and all that it held is free again.
struct Goodbye {
  std::string reason{};
  bool operator==(const Goodbye&) const = default;
};

// --- artifacts, on a socket of their own
// -----------------------------------------------------------------------------

struct Have {
  std::vector<Digest> digests{};
  bool operator==(const Have&) const = default;
};
struct HaveReply {
  std::vector<Digest> present{};
  bool operator==(const HaveReply&) const = default;
};
// Asks for `credit` chunks from `offset` on.
struct Get {
  Digest digest{};
  std::uint64_t offset = 0;
  std::uint32_t credit = 0;
  bool operator==(const Get&) const = default;
};
struct Chunk {
  Digest digest{};
  std::uint64_t offset = 0;
  std::uint64_t total = 0;
  std::string data{};
  bool operator==(const Chunk&) const = default;
};
// Chunks of one artifact in order; the first (offset 0) opens it.
struct Put {
  Digest digest{};
  std::uint64_t offset = 0;
  std::uint64_t total = 0;
  std::string data{};
  bool operator==(const Put&) const = default;
};
// Everything before `offset` arrived; `credit` more chunks may be under way.
struct PutCredit {
  Digest digest{};
  std::uint64_t offset = 0;
  std::uint32_t credit = 0;
  bool operator==(const PutCredit&) const = default;
};
// The artifact is on disk for good.
struct Done {
  Digest digest{};
  bool operator==(const Done&) const = default;
};
enum class FaultCode : std::uint16_t {
  kNotFound = 1,
  kWrongDigest = 2,  // the bytes are not those that the name promises
  kOutOfOrder = 3,
  kInputOutput = 4,
};
struct Fault {
  Digest digest{};
  FaultCode code = FaultCode::kNotFound;
  std::string text{};
  bool operator==(const Fault&) const = default;
};

// A kind that this build does not know: counted and ignored.
struct Unknown {
  std::uint16_t version = 0;
  std::uint8_t kind = 0;
  bool operator==(const Unknown&) const = default;
};

// In the order of the kinds' numbers (1 to 19), Unknown last.
using Message = std::variant<Hello, Welcome, Reject, Want, Lease, Heartbeat, HeartbeatReply,
                             ResultMessage, FailureMessage, Ack, Goodbye, Have, HaveReply, Get,
                             Chunk, Put, PutCredit, Done, Fault, Unknown>;

// "HELLO", "WANT", ...: for logs.
[[nodiscard]] std::string_view kind_name(const Message& message);

}  // namespace isocost::wire
