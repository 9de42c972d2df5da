#include "schema/wire/codec.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "tests/support/wire_samples.h"

namespace isocost::wire {
namespace {

constexpr std::uint64_t kSeed = 20260105;

std::string hex_lines(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
    text += (i % 32 == 31 || i + 1 == bytes.size()) ? '\n' : ' ';
  }
  return text;
}

TEST(Codec, DecodesWhatItEncoded) {
  std::mt19937_64 chance(kSeed);
  for (int i = 0; i < 5000; ++i) {
    const Message message = testing::random_message(chance);

    const Result<Message> decoded = decode(encode(message));

    ASSERT_TRUE(decoded) << kind_name(message) << ": " << decoded.error().message();
    ASSERT_EQ(*decoded, message) << kind_name(message) << " number " << i;
  }
}

TEST(Codec, EncodesEqualMessagesToEqualBytes) {
  for (const Message& message : testing::sample_messages())
    EXPECT_EQ(encode(message), encode(Message(message)));
}

TEST(Codec, SurvivesRandomBytes) {
  std::mt19937_64 chance(kSeed);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes(chance() % 200, '\0');
    for (char& byte : bytes) byte = static_cast<char>(chance() & 0xFF);

    EXPECT_FALSE(decode(bytes));
  }
}

// What peers send is bounded in memory, not only in bytes: a frame may hold one text for a hundred
// thousand names.
TEST(Codec, BoundsListsWhoseMembersShareTheirBytes) {
  Heartbeat heartbeat;
  for (std::size_t i = 0; i <= kRunningMax; ++i) heartbeat.running.push_back({"unit", {1, 1}, 0});
  Hello hello{.worker = "w", .session = "s"};
  hello.inventory.assign(kInventoryMax + 1, "sha256:x");
  const Have have{std::vector<Digest>(kArtifactsMax + 1)};

  for (const Message& message : {Message(heartbeat), Message(hello), Message(have)})
    EXPECT_FALSE(decode(encode(message))) << kind_name(message);
  heartbeat.running.pop_back();
  hello.inventory.pop_back();
  EXPECT_TRUE(decode(encode(heartbeat)));
  EXPECT_TRUE(decode(encode(hello)));
}

TEST(Codec, RefusesWhatItsSenderNeverSends) {
  for (const Message& message : testing::sample_messages()) {
    const bool is_of_worker = decode(encode(message), Sender::kWorker).has_value();
    const bool is_of_coordinator = decode(encode(message), Sender::kCoordinator).has_value();

    EXPECT_NE(is_of_worker, is_of_coordinator) << kind_name(message);
  }
  EXPECT_FALSE(decode(std::string(kToCoordinatorBytesMax + 1, 'x'), Sender::kWorker));
}

TEST(Codec, RefusesArtifactsThatNoDiskHolds) {
  ResultMessage message{{1, 1},
                        {.unit = "reference/x",
                         .values = Json::object(),
                         .artifacts = {{"reference", sha256("r"), ~0ULL}},
                         .digest = sha256("d"),
                         .device_class = "c",
                         .measured = Json::object()}};

  EXPECT_FALSE(decode(encode(message)));
}

// The same bytes with another number in the JSON that they carry.
std::string with_number(const Message& message, const std::string& number) {
  std::string bytes = encode(message);
  const std::size_t at = bytes.find("987654");
  EXPECT_NE(at, std::string::npos);
  return bytes.replace(at, number.size(), number);
}

TEST(Codec, RefusesNumbersBeyondADouble) {
  const Hello hello{.worker = "w", .session = "s", .device = {{"memory_bytes", 987654}}};
  const ResultMessage result{{1, 1},
                             {.unit = "score/x",
                              .values = {{"value", 987654}},
                              .artifacts = {},
                              .digest = sha256("d"),
                              .device_class = "c",
                              .measured = Json::object()}};

  for (const Message& message : {Message(hello), Message(result)}) {
    EXPECT_TRUE(decode(with_number(message, "123456")));
    const auto decoded = decode(with_number(message, "1e9999"));
    ASSERT_FALSE(decoded) << kind_name(message);
    EXPECT_NE(decoded.error().message().find("is beyond"), std::string::npos);
  }
}

// Flips, cuts and repeats bytes of valid messages: decoding either fails or gives a message that
// encodes again.
TEST(Codec, SurvivesMutatedMessages) {
  std::mt19937_64 chance(kSeed);
  for (int i = 0; i < 40000; ++i) {
    std::string bytes = encode(testing::random_message(chance));
    for (std::uint64_t n = 1 + chance() % 4; n > 0 && !bytes.empty(); --n) {
      const std::size_t at = chance() % bytes.size();
      switch (chance() % 4) {
        case 0:
          bytes.resize(at);
          break;
        case 1:
          bytes.insert(at, bytes.substr(at, chance() % 16));
          break;
        default:
          bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1u << (chance() % 8)));
      }
    }

    const Result<Message> decoded = decode(bytes);

    if (decoded && !std::holds_alternative<Unknown>(*decoded)) {
      EXPECT_FALSE(encode(*decoded).empty());
    }
  }
}

// The bytes of every kind, frozen: UPDATE_GOLDEN=1 rewrites them, which a reviewer must take for a
// protocol change.
TEST(Codec, KeepsTheBytesOfEveryKind) {
  for (const Message& message : testing::sample_messages()) {
    const std::string path = std::string(ISOCOST_SOURCE_DIR "/tests/golden/wire/") +
                             std::string(kind_name(message)) + ".hex";
    const std::string text = hex_lines(encode(message));
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;

    std::stringstream golden;
    golden << std::ifstream(path).rdbuf();

    EXPECT_EQ(golden.str(), text) << path;
  }
}

TEST(Codec, NamesEveryFaultAtOnce) {
  const auto decoded =
      decode(encode(Hello{.worker = "two words", .session = "", .running = {{"u", {}, 7.0}}}));

  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().errors.size(), 3u) << decoded.error().message();
}

TEST(Codec, RefusesChunksThatLeaveTheirArtifact) {
  EXPECT_FALSE(decode(encode(Put{sha256("x"), 10, 12, "abc"})));
  EXPECT_FALSE(decode(encode(Put{sha256("x"), 13, 12, ""})));
  EXPECT_FALSE(decode(encode(Put{sha256("x"), 0, kArtifactBytesMax + 1, ""})));
}

TEST(Codec, RefusesTextThatIsNotUtf8) {
  EXPECT_FALSE(decode(encode(Lease{.unit = "u",
                                   .attempt = {},
                                   .kind = UnitKind::kScore,
                                   .body = "\xff",
                                   .needs = {},
                                   .blobs = {}})));
}

TEST(Codec, RefusesLeasesThatReadWhatTheirKindDoesNot) {
  Lease lease{.unit = "u", .attempt = {}, .kind = UnitKind::kScore, .body = "{}"};
  lease.needs = {{"a", UnitKind::kGenerate, {0, 64}, {}}, {"b", UnitKind::kReference, {}, {}}};
  EXPECT_TRUE(decode(encode(lease)));
  const auto refused = [&](const NeededUnit& need) {
    Lease wrong = lease;
    wrong.needs.push_back(need);
    return !decode(encode(wrong));
  };

  EXPECT_TRUE(refused({"c", UnitKind::kScore, {}, {}}));
  EXPECT_TRUE(refused({"c", static_cast<UnitKind>(9), {}, {}}));
  EXPECT_TRUE(refused({"c", UnitKind::kGenerate, {2, 1}, {}}));
  EXPECT_TRUE(refused({"a", UnitKind::kGenerate, {64, 128}, {}}));  // named twice
}

TEST(Codec, UnderstandsGreetingsOfOtherVersions) {
  std::string hello = encode(Hello{.worker = "w", .session = "s"});
  std::string want = encode(Want{1, {}});
  const auto raise_version = [](std::string& bytes) {
    // The envelope's version is one of its 16-bit numbers; found by trying.
    for (std::size_t i = 8; i + 1 < bytes.size(); ++i) {
      if (bytes[i] != kProtocolVersion || bytes[i + 1] != 0) continue;
      std::string changed = bytes;
      changed[i] = 77;
      const auto decoded = decode(changed);
      if (!decoded && decoded.error().message().find("protocol version 77") != std::string::npos)
        return true;
    }
    return false;
  };

  EXPECT_TRUE(raise_version(want));
  EXPECT_FALSE(raise_version(hello));
}

TEST(Codec, CutsWhatIsTooLongToSay) {
  UnitFailure failure{FailureClass::kBug, std::string(10 * kTextBytesMax, 'x'), {}};
  failure.log_tail.assign(3 * kLogLinesMax, "l\xc3");
  failure.log_tail.back() = "the last line";

  const auto decoded = decode(encode(FailureMessage{"u", {}, failure}));

  ASSERT_TRUE(decoded) << decoded.error().message();
  const auto& message = std::get<FailureMessage>(*decoded);
  EXPECT_EQ(message.failure.reason.size(), kTextBytesMax);
  EXPECT_EQ(message.failure.log_tail.size(), kLogLinesMax);
  EXPECT_EQ(message.failure.log_tail.front(), "l?");
  EXPECT_EQ(message.failure.log_tail.back(), "the last line");
}

TEST(Text, TellsUtf8FromOtherBytes) {
  EXPECT_TRUE(is_utf8("plain, é, 日本, 😀"));
  for (const char* bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe6\x97"})
    EXPECT_FALSE(is_utf8(bad));
}

}  // namespace
}  // namespace isocost::wire
