#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "schema/wire/codec.h"
#include "schema/wire/messages_generated.h"

namespace isocost::wire {
namespace {

constexpr flatbuffers::uoffset_t kDepthMax = 16;
constexpr flatbuffers::uoffset_t kTablesMax = 1'000'000;
constexpr std::size_t kFaultsMax = 20;

// Reads the members of one message and collects every fault on the way.
class Reader {
 public:
  explicit Reader(std::string where) : where_(std::move(where)) {}

  void fault(const char* member, std::string what, std::string expected = {}) {
    if (failure_.errors.size() < kFaultsMax)
      failure_.add(where_ + "." + member, std::move(what), std::move(expected));
  }

  std::string text(const char* member, const flatbuffers::String* value,
                   std::size_t bytes_max = kTextBytesMax) {
    if (value == nullptr) return {};
    const std::string_view view(value->data(), value->size());
    if (view.size() > bytes_max) {
      fault(member, fmt::format("the text has {} bytes", view.size()),
            fmt::format("at most {}", bytes_max));
    } else if (!is_utf8(view)) {
      fault(member, "the text is not UTF-8");
    } else {
      return std::string(view);
    }
    return {};
  }

  std::string name(const char* member, const flatbuffers::String* value) {
    const std::string text = this->text(member, value, kNameBytesMax);
    if (!is_name(text))
      fault(member, "this is no name", "1 to 256 printable characters without blanks or quotes");
    return text;
  }

  std::string name_or_empty(const char* member, const flatbuffers::String* value) {
    return value == nullptr || value->size() == 0 ? std::string() : name(member, value);
  }

  Json object(const char* member, const flatbuffers::String* value, std::size_t bytes_max,
              std::size_t values_max) {
    const std::string text = this->text(member, value, bytes_max);
    auto json = parse_json(text, where_ + "." + member, {.values_max = values_max});
    if (json && json->is_object()) return std::move(*json);
    if (!json)
      failure_.add(json.error());
    else
      fault(member, "this is no JSON object");
    return Json::object();
  }

  Attempt attempt(const char* member, const fb::Attempt* value) {
    if (value != nullptr) return {value->epoch(), value->counter()};
    fault(member, "the attempt is missing");
    return {};
  }

  Digest digest(const char* member, const fb::Sha256* value) {
    Digest digest;
    if (value == nullptr) {
      fault(member, "the digest is missing");
      return digest;
    }
    for (unsigned i = 0; i < digest.bytes.size(); ++i) digest.bytes[i] = value->bytes()->Get(i);
    return digest;
  }

  std::vector<Digest> digests(const char* member,
                              const flatbuffers::Vector<const fb::Sha256*>* values) {
    std::vector<Digest> list;
    if (!is_short(member, values, kArtifactsMax)) return list;
    list.reserve(values->size());
    for (const fb::Sha256* value : *values) list.push_back(digest(member, value));
    return list;
  }

  std::vector<std::string> names(
      const char* member,
      const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* values,
      std::size_t size_max) {
    std::vector<std::string> list;
    if (!is_short(member, values, size_max)) return list;
    list.reserve(values->size());
    for (const flatbuffers::String* value : *values) list.push_back(name(member, value));
    return list;
  }

  std::vector<std::string> lines(
      const char* member,
      const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* values) {
    std::vector<std::string> list;
    if (!is_short(member, values, kLogLinesMax)) return list;
    for (const flatbuffers::String* value : *values) list.push_back(text(member, value));
    return list;
  }

  std::vector<Running> running(
      const char* member, const flatbuffers::Vector<flatbuffers::Offset<fb::Running>>* values) {
    std::vector<Running> list;
    if (!is_short(member, values, kRunningMax)) return list;
    for (const fb::Running* value : *values) {
      Running unit{name(member, value->unit()), attempt(member, value->attempt()),
                   value->fraction()};
      // Also false for a NaN, which then is none of the two.
      if (!(unit.fraction >= 0 && unit.fraction <= 1)) {
        fault(member, "a progress is out of range", "0 to 1");
        unit.fraction = 0;
      }
      list.push_back(std::move(unit));
    }
    return list;
  }

  std::map<std::string, std::vector<ArtifactRef>> needs(
      const char* member, const flatbuffers::Vector<flatbuffers::Offset<fb::Need>>* values) {
    std::map<std::string, std::vector<ArtifactRef>> map;
    if (!is_short(member, values)) return map;
    for (const fb::Need* need : *values) {
      std::vector<ArtifactRef> refs;
      if (is_short(member, need->artifacts())) {
        for (const fb::Artifact* value : *need->artifacts())
          refs.push_back(
              {name(member, value->name()), digest(member, value->digest()), value->bytes()});
      }
      if (!map.emplace(name(member, need->unit()), std::move(refs)).second)
        fault(member, "a unit is named twice");
    }
    return map;
  }

  std::string bytes(const char* member, const flatbuffers::Vector<std::uint8_t>* value) {
    if (value == nullptr) return {};
    if (value->size() > kChunkBytes) {
      fault(member, fmt::format("the chunk has {} bytes", value->size()),
            fmt::format("at most {}", kChunkBytes));
      return {};
    }
    return {reinterpret_cast<const char*>(value->data()), value->size()};
  }

  std::uint32_t credit(const char* member, std::uint32_t value) {
    if (value > kCreditMax)
      fault(member, fmt::format("the credit is {}", value), fmt::format("at most {}", kCreditMax));
    return value;
  }

  template <class Enum>
  Enum enumerator(const char* member, std::uint16_t value, Enum last) {
    if (value == 0 || value > static_cast<std::uint16_t>(last)) {
      fault(member, fmt::format("the number {} names nothing", value),
            fmt::format("1 to {}", static_cast<std::uint16_t>(last)));
      return last;
    }
    return static_cast<Enum>(value);
  }

  template <class T>
  T take(Result<T> result) {
    if (result) return std::move(*result);
    failure_.add(result.error());
    return T{};
  }

  Result<Message> finish(Message message) {
    if (!failure_.is_empty()) return fail(std::move(failure_));
    return message;
  }

  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  // False for an absent list too: there is nothing to read then.
  template <class T>
  bool is_short(const char* member, const flatbuffers::Vector<T>* values,
                std::size_t size_max = kListMax) {
    if (values == nullptr) return false;
    if (values->size() <= size_max) return true;
    fault(member, fmt::format("the list has {} members", values->size()),
          fmt::format("at most {}", size_max));
    return false;
  }

  std::string where_;
  Failure failure_;
};

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
  m.code = r.enumerator("code", b.code(), RejectCode::kStopping);
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
  m.kind = r.enumerator("kind", b.kind(), UnitKind::kScore);
  m.body = r.text("body", b.body(), kMessageBytesMax);
  m.needs = r.needs("needs", b.needs());
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
  return r.finish(Goodbye{r.running("handed_back", b.handed_back()), r.text("reason", b.reason())});
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
  m.code = r.enumerator("code", b.code(), FaultCode::kTooLarge);
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
