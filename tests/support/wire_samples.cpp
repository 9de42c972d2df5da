#include "tests/support/wire_samples.h"

#include <set>

#include "schema/units/kind.h"

namespace isocost::testing {
namespace {

using namespace wire;

// Draws numbers straight from the engine: standard distributions differ between libraries.
class Draw {
 public:
  explicit Draw(std::mt19937_64& chance) : chance_(chance) {}

  std::uint64_t below(std::uint64_t n) { return chance_() % n; }
  std::uint64_t number() { return chance_() >> below(64); }
  bool coin() { return below(2) == 1; }
  double fraction() { return static_cast<double>(below(1025)) / 1024.0; }

  std::string name() {
    static constexpr std::string_view kLetters = "abcXYZ019._-:/";
    std::string text;
    for (std::uint64_t n = 1 + below(40); n > 0; --n) text += kLetters[below(kLetters.size())];
    return text;
  }

  std::string text() {
    static const std::vector<std::string> kPieces = {"disk full", " ",  "\n",  "é",  "日本",
                                                     "\"",        "\\", "<b>", "😀", "0"};
    std::string text;
    for (std::uint64_t n = below(12); n > 0; --n) text += kPieces[below(kPieces.size())];
    return text;
  }

  std::string bytes() {
    std::string text;
    for (std::uint64_t n = below(300); n > 0; --n) text += static_cast<char>(chance_() & 0xFF);
    return text;
  }

  Digest digest() {
    Digest digest;
    for (auto& byte : digest.bytes) byte = static_cast<std::uint8_t>(chance_() & 0xFF);
    return digest;
  }

  Json json() {
    Json object = Json::object();
    for (std::uint64_t n = below(4); n > 0; --n) {
      switch (below(4)) {
        case 0:
          object[name()] = number();
          break;
        case 1:
          object[name()] = fraction() * 1e-3;
          break;
        case 2:
          object[name()] = text();
          break;
        default:
          object[name()] = Json::array({nullptr, coin(), name()});
      }
    }
    return object;
  }

  Attempt attempt() { return {number(), number()}; }
  Running running() { return {name(), attempt(), fraction()}; }
  ArtifactRef artifact() { return {name(), digest(), below(kArtifactBytesMax) + 1}; }

  template <class Make>
  auto list(Make make, std::uint64_t size_max = 5) {
    std::vector<decltype(make())> list;
    for (std::uint64_t n = below(size_max + 1); n > 0; --n) list.push_back(make());
    return list;
  }
  std::vector<std::string> names() {
    return list([&] { return name(); });
  }
  std::vector<Digest> digests() {
    return list([&] { return digest(); });
  }
  std::vector<Running> units() {
    return list([&] { return running(); });
  }

  UnitResult result() {
    UnitResult result{.unit = name(),
                      .values = json(),
                      .artifacts = {},
                      .digest = digest(),
                      .device_class = text(),
                      .measured = json()};
    result.artifacts = list([&] { return artifact(); });
    return result;
  }

  Lease lease() {
    Lease lease{.unit = name(),
                .attempt = attempt(),
                .kind = static_cast<UnitKind>(1 + below(3)),
                .body = text(),
                .needs = {},
                .blobs = digests()};
    std::set<std::string> names;
    for (const UnitKind kind : units::row_of(lease.kind).needs) {
      NeededUnit need{name(), kind, {number() >> 1, 0}, list([&] { return artifact(); })};
      need.range.end = need.range.begin + below(1000);
      if (names.insert(need.name).second) lease.needs.push_back(std::move(need));
    }
    return lease;
  }

  // Offset, total and data that fit together.
  template <class Piece>
  Piece piece() {
    Piece piece{digest(), number() >> 30, 0, bytes()};
    piece.total = piece.offset + piece.data.size() + below(1000);
    return piece;
  }

 private:
  std::mt19937_64& chance_;
};

}  // namespace

wire::Message random_message(std::mt19937_64& chance) {
  Draw d(chance);
  switch (d.below(19)) {
    case 0:
      return Hello{.protocol = static_cast<std::uint16_t>(d.below(9)),
                   .build = d.text(),
                   .worker = d.name(),
                   .host = d.name(),
                   .session = d.name(),
                   .database = d.coin() ? d.name() : "",
                   .device_class = d.text(),
                   .device = d.json(),
                   .inventory = d.names(),
                   .warm = d.names(),
                   .running = d.units(),
                   .is_loss_explained = d.coin()};
    case 1:
      return Welcome{.protocol = kProtocolVersion,
                     .build = d.text(),
                     .database = d.name(),
                     .lease_ms = 5000 + d.below(1000),
                     .heartbeat_ms = 1 + d.below(5000),
                     .artifact_port = static_cast<std::uint16_t>(d.below(65536)),
                     .artifact_folder = d.text(),
                     .artifact_nonce = d.text()};
    case 2:
      return Reject{static_cast<RejectCode>(1 + d.below(4)), d.text()};
    case 3:
      return Want{static_cast<std::uint32_t>(d.below(1025)), d.names()};
    case 4:
      return d.lease();
    case 5:
      return Heartbeat{d.units()};
    case 6:
      return HeartbeatReply{d.names(), d.coin(), d.coin()};
    case 7:
      return ResultMessage{d.attempt(), d.result()};
    case 8:
      return FailureMessage{d.name(),
                            d.attempt(),
                            {static_cast<FailureClass>(1 + d.below(6)), d.text(),
                             d.list([&] { return d.text(); }), d.digests()}};
    case 9:
      return Ack{d.name(), d.attempt(), static_cast<Verdict>(1 + d.below(5)), d.digests()};
    case 10:
      return Goodbye{d.text()};
    case 11:
      return Have{d.digests()};
    case 12:
      return HaveReply{d.digests()};
    case 13:
      return Get{d.digest(), d.number(), static_cast<std::uint32_t>(d.below(1025))};
    case 14:
      return d.piece<Chunk>();
    case 15:
      return d.piece<Put>();
    case 16:
      return PutCredit{d.digest(), d.number(), static_cast<std::uint32_t>(d.below(1025))};
    case 17:
      return Done{d.digest()};
    default:
      return Fault{d.digest(), static_cast<FaultCode>(1 + d.below(4)), d.text()};
  }
}

std::vector<wire::Message> sample_messages() {
  const Digest a = sha256("a"), b = sha256("b");
  const Running unit{"generate/0a/0-64/beef", {3, 7}, 0.5};
  const UnitResult result{.unit = "score/0b",
                          .values = {{"value", 12.5}, {"n", 512}},
                          .artifacts = {{"rows/0c", a, 4096}},
                          .digest = b,
                          .device_class = "isocost 0.1, AVX2",
                          .measured = {{"seconds", 0.25}}};
  return {
      Hello{.protocol = kProtocolVersion,
            .build = "isocost 0.1.0",
            .worker = "w1",
            .host = "node-1",
            .session = "5e55",
            .database = "db1",
            .device_class = "cpu/AVX2/1",
            .device = {{"device", "cpu"}},
            .inventory = {a.name(), b.name()},
            .warm = {a.name()},
            .running = {unit},
            .is_loss_explained = true},
      Welcome{.protocol = kProtocolVersion,
              .build = "isocost 0.1.0",
              .database = "db1",
              .lease_ms = 15000,
              .heartbeat_ms = 3000,
              .artifact_port = 7001,
              .artifact_folder = "/srv/artifacts",
              .artifact_nonce = "0123"},
      Reject{RejectCode::kProtocol, "this coordinator speaks protocol 2"},
      Want{1, {a.name()}},
      Lease{.unit = "score/0b",
            .attempt = {3, 8},
            .kind = UnitKind::kScore,
            .body = "{\"sample\":\"0a\"}",
            .needs =
                {{"generate/0a/0-64/beef", UnitKind::kGenerate, {0, 64}, {{"rows/0c", a, 4096}}}},
            .blobs = {b}},
      Heartbeat{{unit}},
      HeartbeatReply{{"generate/0a/0-64/beef"}, true, false},
      ResultMessage{{3, 8}, result},
      FailureMessage{"score/0b",
                     {3, 8},
                     {FailureClass::kNotFinite, "the mean is not finite", {"line 1", "line 2"}}},
      Ack{"score/0b", {3, 8}, Verdict::kMissing, {a}},
      Goodbye{"SIGTERM"},
      Have{{a, b}},
      HaveReply{{b}},
      Get{a, 262144, 8},
      Chunk{a, 0, 3, "abc"},
      Put{a, 0, 3, "abc"},
      PutCredit{a, 3, 8},
      Done{a},
      Fault{a, FaultCode::kWrongDigest, "the bytes have another digest"},
  };
}

}  // namespace isocost::testing
