#include <algorithm>
#include <type_traits>

#include "base/check.h"
#include "base/text.h"
#include "schema/wire/codec.h"
#include "schema/wire/messages_generated.h"

namespace isocost::wire {
namespace {

using flatbuffers::Offset;
using Builder = flatbuffers::FlatBufferBuilder;
template <class T>
using Vector = flatbuffers::Vector<T>;

fb::Attempt pack(const Attempt& attempt) { return {attempt.epoch, attempt.counter}; }

fb::Sha256 pack(const Digest& digest) {
  return fb::Sha256(flatbuffers::span<const std::uint8_t, 32>(digest.bytes));
}

Offset<Vector<Offset<flatbuffers::String>>> pack(Builder& to,
                                                 const std::vector<std::string>& texts) {
  return to.CreateVectorOfStrings(texts);
}

Offset<Vector<const fb::Sha256*>> pack(Builder& to, const std::vector<Digest>& digests) {
  std::vector<fb::Sha256> packed;
  packed.reserve(digests.size());
  for (const Digest& digest : digests) packed.push_back(pack(digest));
  return to.CreateVectorOfStructs(packed);
}

Offset<Vector<Offset<fb::Running>>> pack(Builder& to, const std::vector<Running>& units) {
  std::vector<Offset<fb::Running>> packed;
  for (const Running& unit : units) {
    const auto name = to.CreateString(unit.unit);
    const fb::Attempt attempt = pack(unit.attempt);
    packed.push_back(fb::CreateRunning(to, name, &attempt, unit.fraction));
  }
  return to.CreateVector(packed);
}

Offset<Vector<Offset<fb::Need>>> pack(Builder& to, const std::vector<NeededUnit>& needs) {
  std::vector<Offset<fb::Need>> packed;
  for (const NeededUnit& need : needs) {
    std::vector<Offset<fb::Artifact>> artifacts;
    for (const ArtifactRef& ref : need.artifacts) {
      const auto name = to.CreateString(ref.name);
      const fb::Sha256 digest = pack(ref.digest);
      artifacts.push_back(fb::CreateArtifact(to, name, &digest, ref.bytes));
    }
    const auto name = to.CreateString(need.name);
    packed.push_back(fb::CreateNeed(to, name, to.CreateVector(artifacts),
                                    static_cast<std::uint16_t>(need.kind), need.range.begin,
                                    need.range.end));
  }
  return to.CreateVector(packed);
}

Offset<Vector<std::uint8_t>> pack_bytes(Builder& to, const std::string& bytes) {
  // Bytes are bytes: the cast changes the sign of the type, nothing else.
  return to.CreateVector(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

Offset<void> body(Builder& to, const Hello& m) {
  const auto build = to.CreateString(m.build), worker = to.CreateString(m.worker),
             host = to.CreateString(m.host);
  const auto session = to.CreateString(m.session), database = to.CreateString(m.database);
  const auto device_class = to.CreateString(m.device_class),
             device = to.CreateString(canonical(m.device));
  const auto inventory = pack(to, m.inventory), warm = pack(to, m.warm);
  const auto running = pack(to, m.running);
  return fb::CreateHello(to, m.protocol, build, worker, host, session, database, device_class,
                         device, inventory, warm, running, m.is_loss_explained)
      .Union();
}

Offset<void> body(Builder& to, const Welcome& m) {
  const auto build = to.CreateString(m.build), database = to.CreateString(m.database);
  const auto folder = to.CreateString(m.artifact_folder), nonce = to.CreateString(m.artifact_nonce);
  return fb::CreateWelcome(to, m.protocol, build, database, m.lease_ms, m.heartbeat_ms,
                           m.artifact_port, folder, nonce)
      .Union();
}

Offset<void> body(Builder& to, const Reject& m) {
  const auto text = to.CreateString(clean_text(m.text, kTextBytesMax));
  return fb::CreateReject(to, static_cast<std::uint16_t>(m.code), text).Union();
}

Offset<void> body(Builder& to, const Want& m) {
  return fb::CreateWant(to, m.credit, pack(to, m.warm)).Union();
}

Offset<void> body(Builder& to, const Lease& m) {
  const auto unit = to.CreateString(m.unit), text = to.CreateString(m.body);
  const auto needs = pack(to, m.needs);
  const auto blobs = pack(to, m.blobs);
  const fb::Attempt attempt = pack(m.attempt);
  return fb::CreateLease(to, unit, &attempt, static_cast<std::uint16_t>(m.kind), text, needs, blobs)
      .Union();
}

Offset<void> body(Builder& to, const Heartbeat& m) {
  return fb::CreateHeartbeat(to, pack(to, m.running)).Union();
}

Offset<void> body(Builder& to, const HeartbeatReply& m) {
  return fb::CreateHeartbeatReply(to, pack(to, m.cancel), m.is_draining, m.is_unknown).Union();
}

Offset<void> body(Builder& to, const ResultMessage& m) {
  const auto result = to.CreateString(canonical(to_json(m.result)));
  const fb::Attempt attempt = pack(m.attempt);
  return fb::CreateResult(to, &attempt, result).Union();
}

Offset<void> body(Builder& to, const FailureMessage& m) {
  const auto unit = to.CreateString(m.unit);
  const auto reason = to.CreateString(clean_text(m.failure.reason, kTextBytesMax));
  std::vector<std::string> tail;
  const auto& log = m.failure.log_tail;
  for (std::size_t i = log.size() - std::min(log.size(), kLogLinesMax); i < log.size(); ++i)
    tail.push_back(clean_text(log[i], kTextBytesMax));
  const auto log_tail = pack(to, tail);
  const auto missing = m.failure.missing.empty() ? 0 : pack(to, m.failure.missing);
  const fb::Attempt attempt = pack(m.attempt);
  return fb::CreateFailure(to, unit, &attempt, static_cast<std::uint16_t>(m.failure.failure_class),
                           reason, log_tail, missing)
      .Union();
}

Offset<void> body(Builder& to, const Ack& m) {
  const auto unit = to.CreateString(m.unit);
  const auto missing = pack(to, m.missing);
  const fb::Attempt attempt = pack(m.attempt);
  return fb::CreateAck(to, unit, &attempt, static_cast<std::uint16_t>(m.verdict), missing).Union();
}

Offset<void> body(Builder& to, const Goodbye& m) {
  return fb::CreateGoodbye(to, to.CreateString(clean_text(m.reason, kTextBytesMax))).Union();
}

Offset<void> body(Builder& to, const Have& m) {
  return fb::CreateHave(to, pack(to, m.digests)).Union();
}

Offset<void> body(Builder& to, const HaveReply& m) {
  return fb::CreateHaveReply(to, pack(to, m.present)).Union();
}

Offset<void> body(Builder& to, const Get& m) {
  const fb::Sha256 digest = pack(m.digest);
  return fb::CreateGet(to, &digest, m.offset, m.credit).Union();
}

Offset<void> body(Builder& to, const Chunk& m) {
  const auto data = pack_bytes(to, m.data);
  const fb::Sha256 digest = pack(m.digest);
  return fb::CreateChunk(to, &digest, m.offset, m.total, data).Union();
}

Offset<void> body(Builder& to, const Put& m) {
  const auto data = pack_bytes(to, m.data);
  const fb::Sha256 digest = pack(m.digest);
  return fb::CreatePut(to, &digest, m.offset, m.total, data).Union();
}

Offset<void> body(Builder& to, const PutCredit& m) {
  const fb::Sha256 digest = pack(m.digest);
  return fb::CreatePutCredit(to, &digest, m.offset, m.credit).Union();
}

Offset<void> body(Builder& to, const Done& m) {
  const fb::Sha256 digest = pack(m.digest);
  return fb::CreateDone(to, &digest).Union();
}

Offset<void> body(Builder& to, const Fault& m) {
  const auto text = to.CreateString(clean_text(m.text, kTextBytesMax));
  const fb::Sha256 digest = pack(m.digest);
  return fb::CreateFault(to, &digest, static_cast<std::uint16_t>(m.code), text).Union();
}

Offset<void> body(Builder&, const Unknown&) { return 0; }

}  // namespace

std::string encode(const Message& message) {
  ISOCOST_CHECK(!std::holds_alternative<Unknown>(message),
                "an unknown message is only ever received");
  Builder builder(1024);
  // The variant's order is the union's, whose number 0 is "none".
  const auto kind = static_cast<fb::Body>(message.index() + 1);
  const auto packed = std::visit([&](const auto& m) { return body(builder, m); }, message);
  fb::FinishEnvelopeBuffer(builder, fb::CreateEnvelope(builder, kProtocolVersion, kind, packed));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

}  // namespace isocost::wire
