#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "schema/wire/codec.h"
#include "schema/wire/reader.h"

namespace isocost::wire {
namespace {

constexpr flatbuffers::uoffset_t kDepthMax = 16;
constexpr flatbuffers::uoffset_t kTablesMax = 1'000'000;

Result<Message> read(const fb::Hello& b) {
  Reader r("HELLO");
  Hello m;
  m.protocol = b.protocol();
  m.build = r.text("build", b.build(), kNameBytesMax);
  m.worker = r.name("worker", b.worker());
  m.host = r.name_or_empty("host", b.host());
  m.session = r.name("session", b.session());
  m.database = r.name_or_empty("database", b.database());
  m.device_class = r.text("device_class", b.device_class());
  m.device = r.object("device", b.device(), kDeviceBytesMax, kDeviceValuesMax);
  m.inventory = r.names("inventory", b.inventory(), kInventoryMax);
  m.warm = r.names("warm", b.warm(), kWarmMax);
  m.running = r.running("running", b.running());
  m.is_loss_explained = b.is_loss_explained();
  return r.finish(std::move(m));
}

Result<Message> read(const fb::Welcome& b) {
  Reader r("WELCOME");
  Welcome m;
  m.protocol = b.protocol();
  m.build = r.text("build", b.build(), kNameBytesMax);
  m.database = r.name("database", b.database());
  m.lease_ms = b.lease_ms();
  m.heartbeat_ms = b.heartbeat_ms();
  constexpr std::uint64_t kDayMs = 86'400'000;
  if (m.heartbeat_ms == 0 || m.lease_ms < m.heartbeat_ms || m.lease_ms > kDayMs)
    r.fault("lease_ms",
            fmt::format("lease {} ms and heartbeat {} ms do not go together", m.lease_ms,
                        m.heartbeat_ms),
            "0 < heartbeat <= lease <= one day");
  m.artifact_port = b.artifact_port();
  m.artifact_folder = r.text("artifact_folder", b.artifact_folder());
  m.artifact_nonce = r.text("artifact_nonce", b.artifact_nonce(), kNameBytesMax);
  return r.finish(std::move(m));
}

Result<Message> read(const fb::Reject& b) {
  Reader r("REJECT");
  Reject m;
  m.code = r.enumerator("code", b.code(), RejectCode::kNoRoom);
  m.text = r.text("text", b.text());
  return r.finish(std::move(m));
}

Result<Message> read(const fb::Want& b) {
  Reader r("WANT");
  return r.finish(Want{r.credit("credit", b.credit()), r.names("warm", b.warm(), kWarmMax)});
}

Result<Message> read(const fb::Lease& b) {
  Reader r("LEASE");
  Lease m;
  m.unit = r.name("unit", b.unit());
  m.attempt = r.attempt("attempt", b.attempt());
  m.kind = r.kind("kind", b.kind());
  m.body = r.text("body", b.body(), kMessageBytesMax);
  m.needs = r.needs("needs", b.needs());
  const auto& kinds = units::row_of(m.kind).needs;
  for (const NeededUnit& need : m.needs)
    if (std::find(kinds.begin(), kinds.end(), need.kind) == kinds.end())
      r.fault("needs", need.name + " is of a kind that this one does not read");
  m.blobs = r.digests("blobs", b.blobs());
  return r.finish(std::move(m));
}

Result<Message> read(const fb::Heartbeat& b) {
  Reader r("HEARTBEAT");
  return r.finish(Heartbeat{r.running("running", b.running())});
}

Result<Message> read(const fb::HeartbeatReply& b) {
  Reader r("HEARTBEAT_REPLY");
  return r.finish(
      HeartbeatReply{r.names("cancel", b.cancel(), kRunningMax), b.is_draining(), b.is_unknown()});
}

Result<Message> read(const fb::Result& b) {
  Reader r("RESULT");
  ResultMessage m;
  m.attempt = r.attempt("attempt", b.attempt());
  m.result = r.take(unit_result_from_json(
      r.object("result", b.result(), kResultBytesMax, kResultValuesMax), r.where()));
  if (!is_name(m.result.unit)) r.fault("result.unit", "this is no name");
  if (m.result.artifacts.size() > kArtifactsMax)
    r.fault("result.artifacts", fmt::format("there are {}", m.result.artifacts.size()),
            fmt::format("at most {}", kArtifactsMax));
  for (const ArtifactRef& artifact : m.result.artifacts) {
    if (!is_name(artifact.name)) r.fault("result.artifacts", "a name is none");
    if (artifact.bytes > kArtifactBytesMax)
      r.fault("result.artifacts", fmt::format("one has {} bytes", artifact.bytes),
              fmt::format("at most {}", kArtifactBytesMax));
  }
  if (m.result.device_class.size() > kTextBytesMax)
    r.fault("result.device_class", "the text is too long");
  return r.finish(std::move(m));
}

Result<Message> read(const fb::Failure& b) {
  Reader r("FAILURE");
  FailureMessage m;
  m.unit = r.name("unit", b.unit());
  m.attempt = r.attempt("attempt", b.attempt());
  m.failure.failure_class =
      r.enumerator("failure_class", b.failure_class(), FailureClass::kInputOutput);
  m.failure.reason = r.text("reason", b.reason());
  m.failure.log_tail = r.lines("log_tail", b.log_tail());
  m.failure.missing = r.digests("missing", b.missing());
  return r.finish(std::move(m));
}

Result<Message> read(const fb::Ack& b) {
  Reader r("ACK");
  Ack m;
  m.unit = r.name("unit", b.unit());
  m.attempt = r.attempt("attempt", b.attempt());
  m.verdict = r.enumerator("verdict", b.verdict(), Verdict::kMissing);
  m.missing = r.digests("missing", b.missing());
  return r.finish(std::move(m));
}

Result<Message> read(const fb::Goodbye& b) {
  Reader r("GOODBYE");
  return r.finish(Goodbye{r.text("reason", b.reason())});
}

Result<Message> read(const fb::Have& b) {
  Reader r("HAVE");
  return r.finish(Have{r.digests("digests", b.digests())});
}

Result<Message> read(const fb::HaveReply& b) {
  Reader r("HAVE_REPLY");
  return r.finish(HaveReply{r.digests("present", b.present())});
}

Result<Message> read(const fb::Get& b) {
  Reader r("GET");
  return r.finish(Get{r.digest("digest", b.digest()), b.offset(), r.credit("credit", b.credit())});
}

// CHUNK and PUT have the same members; a chunk lies within its artifact.
template <class Piece, class Table>
Result<Message> read_piece(const Table& b, const char* where) {
  Reader r(where);
  Piece m;
  m.digest = r.digest("digest", b.digest());
  m.offset = b.offset();
  m.total = b.total();
  m.data = r.bytes("data", b.data());
  if (m.total > kArtifactBytesMax || m.offset > m.total || m.data.size() > m.total - m.offset)
    r.fault("offset",
            fmt::format("{} bytes from {} do not lie within {}", m.data.size(), m.offset, m.total));
  return r.finish(std::move(m));
}
Result<Message> read(const fb::Chunk& b) { return read_piece<Chunk>(b, "CHUNK"); }
Result<Message> read(const fb::Put& b) { return read_piece<Put>(b, "PUT"); }

Result<Message> read(const fb::PutCredit& b) {
  Reader r("PUT_CREDIT");
  return r.finish(
      PutCredit{r.digest("digest", b.digest()), b.offset(), r.credit("credit", b.credit())});
}

Result<Message> read(const fb::Done& b) {
  Reader r("DONE");
  return r.finish(Done{r.digest("digest", b.digest())});
}

Result<Message> read(const fb::Fault& b) {
  Reader r("FAULT");
  Fault m;
  m.digest = r.digest("digest", b.digest());
  m.code = r.enumerator("code", b.code(), FaultCode::kInputOutput);
  m.text = r.text("text", b.text());
  return r.finish(std::move(m));
}

template <class Table>
Result<Message> read_body(const fb::Envelope& envelope) {
  const auto* table = static_cast<const Table*>(envelope.body());
  if (table == nullptr) return fail("message", "the body is missing");
  return read(*table);
}

// Greetings must be understood across versions, so that the older side can be told.
bool is_greeting(fb::Body kind) {
  return kind == fb::Body::Hello || kind == fb::Body::Welcome || kind == fb::Body::Reject;
}

bool is_sent_by(Sender sender, fb::Body kind) {
  using fb::Body;
  switch (kind) {
    case Body::Hello:
    case Body::Want:
    case Body::Heartbeat:
    case Body::Result:
    case Body::Failure:
    case Body::Goodbye:
    case Body::Have:
    case Body::Get:
    case Body::Put:
      return sender != Sender::kCoordinator;
    case Body::NONE:
      return true;  // refused with its own sentence
    default:
      return sender != Sender::kWorker;
  }
}

Result<Message> dispatch(const fb::Envelope& envelope) {
  using fb::Body;
  switch (envelope.body_type()) {
    case Body::NONE:
      break;
    case Body::Hello:
      return read_body<fb::Hello>(envelope);
    case Body::Welcome:
      return read_body<fb::Welcome>(envelope);
    case Body::Reject:
      return read_body<fb::Reject>(envelope);
    case Body::Want:
      return read_body<fb::Want>(envelope);
    case Body::Lease:
      return read_body<fb::Lease>(envelope);
    case Body::Heartbeat:
      return read_body<fb::Heartbeat>(envelope);
    case Body::HeartbeatReply:
      return read_body<fb::HeartbeatReply>(envelope);
    case Body::Result:
      return read_body<fb::Result>(envelope);
    case Body::Failure:
      return read_body<fb::Failure>(envelope);
    case Body::Ack:
      return read_body<fb::Ack>(envelope);
    case Body::Goodbye:
      return read_body<fb::Goodbye>(envelope);
    case Body::Have:
      return read_body<fb::Have>(envelope);
    case Body::HaveReply:
      return read_body<fb::HaveReply>(envelope);
    case Body::Get:
      return read_body<fb::Get>(envelope);
    case Body::Chunk:
      return read_body<fb::Chunk>(envelope);
    case Body::Put:
      return read_body<fb::Put>(envelope);
    case Body::PutCredit:
      return read_body<fb::PutCredit>(envelope);
    case Body::Done:
      return read_body<fb::Done>(envelope);
    case Body::Fault:
      return read_body<fb::Fault>(envelope);
  }
  return fail("message", "the body is missing");
}

}  // namespace

Result<Message> decode(std::string_view bytes, Sender sender) {
  const std::size_t bytes_max =
      sender == Sender::kWorker ? kToCoordinatorBytesMax : kMessageBytesMax;
  if (bytes.size() > bytes_max)
    return fail("message", fmt::format("it has {} bytes", bytes.size()),
                fmt::format("at most {}", bytes_max));
  // FlatBuffers reads numbers in place, so the buffer must be aligned as they are; a frame need not
  // be.
  std::vector<std::uint64_t> aligned((bytes.size() + 7) / 8);
  if (!bytes.empty()) std::memcpy(aligned.data(), bytes.data(), bytes.size());
  const auto* data = reinterpret_cast<const std::uint8_t*>(aligned.data());
  flatbuffers::Verifier verifier(data, bytes.size(), kDepthMax, kTablesMax);
  if (bytes.size() < 8 || !fb::VerifyEnvelopeBuffer(verifier))
    return fail("message", "its bytes are not a well-formed frame of this protocol");

  const fb::Envelope& envelope = *fb::GetEnvelope(data);
  if (envelope.body_type() > fb::Body::MAX)
    return Message(Unknown{envelope.version(), static_cast<std::uint8_t>(envelope.body_type())});
  if (!is_sent_by(sender, envelope.body_type()))
    return fail("message",
                fmt::format("a {} is not for this end", fb::EnumNameBody(envelope.body_type())),
                sender == Sender::kWorker ? "what a worker says" : "what a coordinator says");
  if (envelope.version() != kProtocolVersion && !is_greeting(envelope.body_type()))
    return fail("message", fmt::format("it is of protocol version {}", envelope.version()),
                fmt::format("version {}", kProtocolVersion));
  return dispatch(envelope);
}

std::string_view kind_name(const Message& message) {
  static constexpr std::string_view kNames[] = {
      "HELLO",  "WELCOME", "REJECT",     "WANT",    "LEASE", "HEARTBEAT",  "HEARTBEAT_REPLY",
      "RESULT", "FAILURE", "ACK",        "GOODBYE", "HAVE",  "HAVE_REPLY", "GET",
      "CHUNK",  "PUT",     "PUT_CREDIT", "DONE",    "FAULT", "UNKNOWN"};
  static_assert(std::size(kNames) == std::variant_size_v<Message>);
  return kNames[message.index()];
}

}  // namespace isocost::wire
