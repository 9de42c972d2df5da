#include "coordinator/net/router.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>
#include <zmq.hpp>

#include "base/io/atomic_file.h"
#include "base/transport/addresses.h"
#include "base/transport/keys.h"
#include "schema/wire/codec.h"
#include "tests/support/process.h"
#include "tests/support/scripted_coordinator.h"

namespace isocost::net {
namespace {

using testing::Heard;
using testing::ScratchFolder;
using testing::ScriptedCoordinator;

class Deaf : public Inbox {
 public:
  void arrived(const std::string&, wire::Message, std::size_t) override {}
  void unreachable(const std::string&) override {}
};

// A socket that says what a test tells it to, byte by byte.
class RawPeer {
 public:
  RawPeer(const transport::Endpoint& endpoint, std::uint16_t port = 0)
      : socket_(context_, zmq::socket_type::dealer) {
    socket_.set(zmq::sockopt::routing_id, "5e55");
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvtimeo, 10'000);
    socket_.connect(transport::Endpoint{endpoint.host, port == 0 ? endpoint.port : port}.text());
  }
  void send(const std::string& bytes) { socket_.send(zmq::buffer(bytes), zmq::send_flags::none); }
  void send(const wire::Message& message) { send(wire::encode(message)); }
  wire::Message receive() {
    zmq::message_t frame;
    if (!socket_.recv(frame)) return wire::Unknown{};
    const auto message = wire::decode(frame.to_string_view());
    return message ? *message : wire::Message(wire::Unknown{});
  }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_;
};

class RouterTest : public ::testing::Test {
 protected:
  ScratchFolder folder;
  io::ArtifactStore store{folder / "artifacts"};
  Deaf deaf;
};

TEST_F(RouterTest, TellsAPortInUse) {
  auto first = Router::open({.endpoint = "tcp://127.0.0.1:0"}, deaf);
  ASSERT_TRUE(first) << first.error().message();

  const auto second = Router::open({.endpoint = (*first)->endpoint().text()}, deaf);

  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message().find("the port is in use"), std::string::npos)
      << second.error().message();
}

TEST_F(RouterTest, RefusesPlainTcpOutsideLoopback) {
  for (const char* endpoint : {"tcp://0.0.0.0:0", "tcp://*:0", "tcp://127.evil.example:0"}) {
    const auto router = Router::open({.endpoint = endpoint}, deaf);
    ASSERT_FALSE(router) << endpoint;
    EXPECT_NE(router.error().message().find("plain TCP is not allowed"), std::string::npos);
  }
}

TEST_F(RouterTest, RefusesAddressesThatAreNone) {
  for (const char* endpoint : {"", "127.0.0.1:70", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:x",
                               "tcp://127.0.0.1:70000", "ipc:///tmp/x"})
    EXPECT_FALSE(Router::open({.endpoint = endpoint}, deaf)) << endpoint;
}

TEST_F(RouterTest, SurvivesWhatIsMalformed) {
  ScriptedCoordinator coordinator(store);
  RawPeer peer(coordinator.router().endpoint());

  peer.send("no message at all");
  EXPECT_TRUE(std::holds_alternative<wire::Reject>(peer.receive()));
  peer.send(wire::Hello{.worker = "w", .session = "another session"});
  peer.send(wire::Hello{.worker = "w", .session = "5e55"});

  EXPECT_TRUE(std::holds_alternative<wire::Reject>(peer.receive()));
  EXPECT_TRUE(std::holds_alternative<wire::Welcome>(peer.receive()));
  EXPECT_EQ(coordinator.router().counters().malformed, 2u);
}

TEST_F(RouterTest, KeepsResultsBackWhoseArtifactsAreMissing) {
  ScriptedCoordinator coordinator(store);
  RawPeer peer(coordinator.router().endpoint());
  const UnitResult result{.unit = "generate/x",
                          .values = Json::object(),
                          .artifacts = {{"rows/a", sha256("rows"), 4}},
                          .digest = sha256("d"),
                          .device_class = "fake",
                          .measured = Json::object()};

  peer.send(wire::ResultMessage{{1, 1}, result});
  const wire::Message first = peer.receive();
  store.put("rows");
  peer.send(wire::ResultMessage{{1, 1}, result});
  const wire::Message second = peer.receive();

  EXPECT_EQ(std::get<wire::Ack>(first).verdict, wire::Verdict::kMissing);
  EXPECT_EQ(std::get<wire::Ack>(first).missing, std::vector<Digest>{sha256("rows")});
  EXPECT_EQ(std::get<wire::Ack>(second).verdict, wire::Verdict::kAccepted);
  EXPECT_EQ(coordinator.heard().results.size(), 1u);
}

TEST_F(RouterTest, TellsWhoIsUnreachable) {
  class Waiting : public Deaf {
   public:
    void unreachable(const std::string& peer) override { gone.set_value(peer); }
    std::promise<std::string> gone;
  } inbox;
  auto router = Router::open({.endpoint = "tcp://127.0.0.1:0"}, inbox);
  ASSERT_TRUE(router);
  auto gone = inbox.gone.get_future();

  (*router)->send("nobody", wire::HeartbeatReply{});

  ASSERT_EQ(gone.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(gone.get(), "nobody");
}

class ArtifactServerTest : public RouterTest {
 protected:
  ScriptedCoordinator coordinator{store};
  RawPeer peer{coordinator.router().endpoint(), coordinator.router().artifact_port()};
};

TEST_F(ArtifactServerTest, AdoptsWhatHasItsPromisedDigest) {
  const Digest digest = sha256("abcdef");

  peer.send(wire::Put{digest, 0, 6, "abc"});
  const auto credit = peer.receive();
  peer.send(wire::Put{digest, 3, 6, "def"});
  const auto done = peer.receive();

  EXPECT_EQ(std::get<wire::PutCredit>(credit).offset, 3u);
  EXPECT_EQ(std::get<wire::Done>(done).digest, digest);
  EXPECT_EQ(*store.get(digest), "abcdef");
}

TEST_F(ArtifactServerTest, RefusesBytesThatHaveAnotherDigest) {
  peer.send(wire::Put{sha256("abc"), 0, 3, "abd"});

  EXPECT_EQ(std::get<wire::Fault>(peer.receive()).code, wire::FaultCode::kWrongDigest);
  EXPECT_FALSE(store.has(sha256("abc")));
  EXPECT_FALSE(store.has(sha256("abd")));
  EXPECT_TRUE(std::filesystem::is_empty(store.root() / "incoming"));
}

// A truncated file, and one of the right size.
TEST_F(ArtifactServerTest, TakesAnArtifactAnewThatIsDamaged) {
  const Digest digest = store.put("abcdef");
  for (const char* damaged : {"abc", "abcdeF"}) {
    io::write_file_atomically(store.path(digest), damaged);
    peer.send(wire::Have{{digest}});
    EXPECT_TRUE(std::get<wire::HaveReply>(peer.receive()).present.empty());

    peer.send(wire::Put{digest, 0, 6, "abcdef"});

    EXPECT_EQ(std::get<wire::Done>(peer.receive()).digest, digest);
    EXPECT_EQ(*store.get(digest), "abcdef");
  }
}

class Listening : public Deaf {
 public:
  void failed(const std::string& why) override { said.set_value(why); }
  std::promise<std::string> said;
};

TEST_F(RouterTest, TellsThatAnArtifactCannotBeKept) {
  Listening inbox;
  auto router = Router::open({.endpoint = "tcp://127.0.0.1:0", .artifacts = &store}, inbox);
  ASSERT_TRUE(router) << router.error().message();
  std::filesystem::remove_all(store.root() / "incoming");  // as good as a disk without room
  RawPeer peer((*router)->endpoint(), (*router)->artifact_port());

  peer.send(wire::Put{sha256("rows"), 0, 4, "rows"});

  const wire::Message answer = peer.receive();
  ASSERT_TRUE(std::holds_alternative<wire::Fault>(answer));
  EXPECT_EQ(std::get<wire::Fault>(answer).code, wire::FaultCode::kInputOutput);
  EXPECT_NE(inbox.said.get_future().get().find("an artifact cannot be kept: cannot create"),
            std::string::npos);
}

TEST_F(ArtifactServerTest, RefusesChunksOutOfOrder) {
  peer.send(wire::Put{sha256("abcdef"), 3, 6, "def"});

  EXPECT_EQ(std::get<wire::Fault>(peer.receive()).code, wire::FaultCode::kOutOfOrder);
}

TEST_F(ArtifactServerTest, TakesAnEmptyArtifact) {
  peer.send(wire::Put{sha256(""), 0, 0, ""});

  EXPECT_TRUE(std::holds_alternative<wire::Done>(peer.receive()));
  EXPECT_TRUE(store.has(sha256("")));
}

TEST_F(ArtifactServerTest, TellsWhatItHasAndSendsNoMoreThanTheCredit) {
  const std::string bytes(3 * wire::kChunkBytes, 'x');
  const Digest digest = store.put(bytes);

  peer.send(wire::Have{{digest, sha256("missing")}});
  EXPECT_EQ(std::get<wire::HaveReply>(peer.receive()).present, std::vector<Digest>{digest});
  peer.send(wire::Get{digest, 0, 2});
  std::uint64_t received = 0;
  while (received < 2 * wire::kChunkBytes) {
    const auto chunk = std::get<wire::Chunk>(peer.receive());
    EXPECT_EQ(chunk.offset, received);
    received += chunk.data.size();
  }
  EXPECT_EQ(received, 2 * wire::kChunkBytes);
  peer.send(wire::Get{sha256("missing"), 0, 1});

  EXPECT_EQ(std::get<wire::Fault>(peer.receive()).code, wire::FaultCode::kNotFound);
}

TEST(AddressesOf, TakesAnAddressAsItIsAndOfLocalhostWhatNobodyElseReaches) {
  for (const char* text :
       {"tcp://127.0.0.1:70", "tcp://[::1]:70", "tcp://10.1.2.3:70", "tcp://*:70"})
    EXPECT_EQ(*transport::addresses_of(*transport::parse_endpoint(text)),
              std::vector{*transport::parse_endpoint(text)});
  const auto local = transport::addresses_of(*transport::parse_endpoint("tcp://localhost:70"));
  ASSERT_TRUE(local) << local.error().message();
  for (const transport::Endpoint& address : *local) {
    EXPECT_TRUE(address.is_loopback()) << address.text();
    EXPECT_TRUE(transport::is_numeric(address)) << address.text();
    EXPECT_EQ(address.port, 70);
  }
}

}  // namespace
}  // namespace isocost::net
