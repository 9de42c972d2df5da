// What the coordinator's sockets bear of peers that mean no good.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <zmq.hpp>

#include "base/transport/keys.h"
#include "coordinator/net/allow_list.h"
#include "schema/wire/codec.h"
#include "tests/support/no_descriptors.h"
#include "tests/support/plain_peer.h"
#include "tests/support/process.h"
#include "tests/support/scripted_coordinator.h"

namespace isocost::net {
namespace {

using namespace std::chrono_literals;
using log::Incident;
using testing::Heard;
using testing::PlainPeer;
using testing::ScratchFolder;
using testing::ScriptedCoordinator;
using testing::wait_until;

// A socket that says what a test tells it to.
class Peer {
 public:
  explicit Peer(const transport::Endpoint& endpoint, const std::string& name = "5e55")
      : socket_(context_, zmq::socket_type::dealer) {
    socket_.set(zmq::sockopt::routing_id, name);
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvtimeo, 10'000);
    socket_.set(zmq::sockopt::sndtimeo, 1000);
    socket_.set(zmq::sockopt::reconnect_ivl, -1);
    name_ = name;
    if (endpoint.port != 0) connect(endpoint);
  }
  void connect(const transport::Endpoint& endpoint) {
    socket_.connect("tcp://127.0.0.1:" + std::to_string(endpoint.port));
  }
  // False: it was taken from us.
  bool send(const std::string& bytes, zmq::send_flags flags = zmq::send_flags::none) {
    return socket_.send(zmq::buffer(bytes), flags).has_value();
  }
  bool send(const wire::Message& message) { return send(wire::encode(message)); }
  bool hello() { return send(wire::Hello{.worker = "w", .session = name_}); }
  std::optional<wire::Message> receive() {
    zmq::message_t frame;
    if (!socket_.recv(frame)) return std::nullopt;
    const auto message = wire::decode(frame.to_string_view());
    return message ? std::optional(*message) : std::nullopt;
  }
  zmq::socket_t& socket() { return socket_; }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_;
  std::string name_;
};

class GuardTest : public ::testing::Test {
 protected:
  ScriptedCoordinator& coordinator(RouterOptions options = {.endpoint = "tcp://127.0.0.1:0"}) {
    options.log = &log;
    return coordinator_.emplace(store, options);
  }
  void wait_for(Incident kind, std::uint64_t count) {
    wait_until([&] { return log.count(kind) >= count; }, 20s,
               std::string(log::incident_name(kind)) + " to be counted",
               [&] { return testing::read_text(folder / "log"); });
  }

  ScratchFolder folder;
  io::ArtifactStore store{folder / "artifacts"};
  log::Log log{{.file = folder / "log"}};
  std::optional<ScriptedCoordinator> coordinator_;
};

TEST_F(GuardTest, ExpelsWhoseMessageNeverEnds) {
  ScriptedCoordinator& link = coordinator();
  const PlainPeer peer(link.router().endpoint().port);
  const std::string frame(1U << 20U, 'x');

  peer.greet();
  int sent = 0;
  while (sent < 1000 && peer.write_part(frame)) ++sent;

  EXPECT_LT(sent, 1000);
  wait_for(Incident::kOversized, 1);
  wait_until([&] { return link.router().connections() == 0; }, 10s, "the connection's end");
}

TEST_F(GuardTest, ExpelsWhoSendsMessagesOfManyFrames) {
  ScriptedCoordinator& link = coordinator();
  Peer peer(link.router().endpoint());

  peer.send("one", zmq::send_flags::sndmore);
  peer.send("two");

  wait_for(Incident::kMalformed, 1);
  wait_until([&] { return link.router().connections() == 0; }, 10s, "the connection's end");
  EXPECT_THAT(testing::read_text(folder / "log"), ::testing::HasSubstr("a message of 3 frames"));
}

TEST_F(GuardTest, ExpelsWhoGoesOnWithWhatIsMalformed) {
  ScriptedCoordinator& link = coordinator();
  Peer peer(link.router().endpoint());

  for (int i = 0; i < 20; ++i) peer.send("no message");

  wait_for(Incident::kMalformed, 16);
  wait_until([&] { return link.router().connections() == 0; }, 10s, "the connection's end");
}

TEST_F(GuardTest, ExpelsWhoSendsMoreThanAMessageMayHave) {
  ScriptedCoordinator& link = coordinator();
  Peer peer(link.router().endpoint());

  peer.send(std::string(wire::kToCoordinatorBytesMax + 1, 'x'));

  wait_for(Incident::kOversized, 1);
}

// libzmq itself refuses these, and says nothing of it.
TEST_F(GuardTest, CountsFramesBeyondWhatTheSocketTakes) {
  ScriptedCoordinator& link = coordinator();
  Peer peer(link.router().endpoint());
  ASSERT_TRUE(peer.hello());
  ASSERT_TRUE(peer.receive());

  peer.send(std::string(17U << 20U, 'x'));

  wait_for(Incident::kOversized, 1);
}

TEST_F(GuardTest, MakesRoomForWhoWorks) {
  ScriptedCoordinator& link = coordinator({.endpoint = "tcp://127.0.0.1:0", .connections_max = 20});
  Peer first(link.router().endpoint(), "f1257");
  ASSERT_TRUE(first.hello());
  ASSERT_TRUE(first.receive());

  std::vector<PlainPeer> silent;
  for (int i = 0; i < 100; ++i) silent.emplace_back(link.router().endpoint().port);
  wait_for(Incident::kEvicted, 60);
  Peer late(link.router().endpoint(), "1a7e");
  ASSERT_TRUE(late.hello());
  const auto welcome = late.receive();
  ASSERT_TRUE(first.send(wire::Heartbeat{}));

  EXPECT_TRUE(welcome && std::holds_alternative<wire::Welcome>(*welcome))
      << testing::read_text(folder / "log");
  EXPECT_TRUE(first.receive());
  wait_until([&] { return link.router().connections() <= 20; }, 10s, "the others' end");
}

TEST_F(GuardTest, EndsWhoConnectsAndSaysNothing) {
  ScriptedCoordinator& link = coordinator({.endpoint = "tcp://127.0.0.1:0", .patience = 100ms});
  // One that does not even greet, and one that ends its handshake and then is silent.
  const PlainPeer silent(link.router().endpoint().port);
  const Peer idle(link.router().endpoint());

  wait_for(Incident::kStalled, 2);
  wait_until([&] { return link.router().connections() == 0; }, 10s, "the connections' end");
}

// What it asked for waits on disk; it goes, and others are served meanwhile.
TEST_F(GuardTest, EndsWhoTakesNothingOfWhatItAskedFor) {
  ScriptedCoordinator& link = coordinator({.endpoint = "tcp://127.0.0.1:0", .patience = 300ms});
  const transport::Endpoint artifacts{"127.0.0.1", link.router().artifact_port()};
  const Digest digest = store.put(std::string(20U << 20U, 'x'));
  std::vector<std::unique_ptr<Peer>> stalled;
  for (int i = 0; i < 20; ++i) {
    auto& peer = *stalled.emplace_back(
        std::make_unique<Peer>(transport::Endpoint{}, "0" + std::to_string(i)));
    peer.socket().set(zmq::sockopt::rcvhwm, 1);
    peer.socket().set(zmq::sockopt::rcvbuf, 4096);
    peer.connect(artifacts);
    for (int n = 0; n < 4; ++n) ASSERT_TRUE(peer.send(wire::Get{digest, 0, 16}));
  }
  // Where the machine leaves this thread aside for longer than the patience, it is ended as well:
  // then it comes again, as a worker does.
  const auto takes_all = [&](const std::string& name) {
    Peer good(artifacts, name);
    std::uint64_t received = 0;
    if (!good.send(wire::Get{digest, 0, 16})) return false;
    while (received < 16 * wire::kChunkBytes) {
      const auto chunk = good.receive();
      if (!chunk) return false;
      received += std::get<wire::Chunk>(*chunk).data.size();
    }
    return true;
  };
  EXPECT_TRUE(takes_all("600d") || takes_all("600e") || takes_all("600f"));

  wait_for(Incident::kStalled, 20);
}

TEST_F(GuardTest, EndsWhoAsksForEverythingAtOnce) {
  ScriptedCoordinator& link = coordinator();
  Peer peer({"127.0.0.1", link.router().artifact_port()});
  const Digest digest = store.put(std::string(20U << 20U, 'x'));

  for (int i = 0; i < 50; ++i) peer.send(wire::Get{digest, 0, 16});

  wait_for(Incident::kOversized, 1);
}

class AllowListTest : public ::testing::Test {
 protected:
  std::string make(const std::string& name) {
    const auto key = transport::write_keys(folder / "keys", name);
    return key.value_or("");
  }
  void allow(const std::string& name) {
    std::filesystem::copy(folder / "keys" / (name + ".key"), folder / "allowed" / (name + ".key"));
  }
  void SetUp() override { std::filesystem::create_directories(folder / "allowed"); }

  ScratchFolder folder;
  log::Log log{{.is_silent = true}};
  std::mutex mutex;
  std::vector<std::string> revoked;
  AllowList::OnRevoked on_revoked = [this](const std::string&, const std::string& name) {
    const std::lock_guard lock(mutex);
    revoked.push_back(name);
  };
};

TEST_F(AllowListTest, KnowsAKeyAtOnceAndForgetsItAtOnce) {
  AllowList list(folder / "allowed", log, on_revoked);
  const std::string key = make("w1");
  EXPECT_EQ(list.name_of(key), std::nullopt);

  allow("w1");
  EXPECT_EQ(list.name_of(key), "w1");
  std::filesystem::remove(folder / "allowed/w1.key");

  wait_until([&] { return list.name_of(key) == std::nullopt; }, 1s, "the key to be forgotten");
  wait_until(
      [&] {
        const std::lock_guard lock(mutex);
        return revoked == std::vector<std::string>{"w1"};
      },
      1s, "the word of it");
}

TEST_F(AllowListTest, SkipsHalfAFileUntilItIsWhole) {
  const std::string first = make("w1"), second = make("w2");
  allow("w1");
  AllowList list(folder / "allowed", log, on_revoked);
  const std::string text = testing::read_text(folder / "keys/w2.key");

  testing::write_text(folder / "allowed/w2.key", text.substr(0, 20));
  wait_until([&] { return !list.faults().empty(); }, 5s, "the fault");
  EXPECT_EQ(list.name_of(first), "w1");
  EXPECT_THAT(list.faults().at(0), ::testing::HasSubstr("w2.key"));
  testing::write_text(folder / "allowed/w2.key", text);

  wait_until([&] { return list.name_of(second) == "w2"; }, 5s, "the whole file");
  wait_until([&] { return list.faults().empty(); }, 5s, "no fault");
  EXPECT_TRUE(revoked.empty());
  EXPECT_EQ(log.count(Incident::kBadKeyFile), 1U);
}

// Another key under the same name is another worker.
TEST_F(AllowListTest, RevokesAKeyThatIsReplaced) {
  const std::string first = make("w1"), second = make("w2");
  allow("w1");
  AllowList list(folder / "allowed", log, on_revoked);

  std::filesystem::copy(folder / "keys/w2.key", folder / "allowed/w1.key",
                        std::filesystem::copy_options::overwrite_existing);

  wait_until([&] { return list.name_of(first) == std::nullopt; }, 5s,
             "the old key to be forgotten");
  EXPECT_EQ(list.name_of(second), "w1");
}

// A folder that cannot be read for a moment expels nobody, and lets nobody new in.
TEST_F(AllowListTest, KeepsWhoIsThereWhileTheFolderCannotBeRead) {
  const std::string first = make("w1"), second = make("w2");
  allow("w1");
  AllowList list(folder / "allowed", log, on_revoked);

  std::filesystem::rename(folder / "allowed", folder / "away");
  wait_until([&] { return !list.faults().empty(); }, 5s, "the fault");

  EXPECT_EQ(list.name_of(first), "w1");
  EXPECT_EQ(list.name_of(second), std::nullopt);
  EXPECT_TRUE(revoked.empty());
}

#ifndef ISOCOST_SANITIZED  // sanitizers look at types through pipes, which need descriptors
// A flood of connections may take all descriptors for a moment: that is no full disk.
TEST_F(GuardTest, ArtifactsWithoutADescriptorComeLater) {
  ScriptedCoordinator& link = coordinator();
  Peer peer({"127.0.0.1", link.router().artifact_port()});
  peer.send(wire::Have{});
  ASSERT_TRUE(peer.receive());
  std::optional<wire::Message> answer;

  {
    const testing::NoDescriptors none;
    peer.send(wire::Put{sha256("abc"), 0, 3, "abc"});
    answer = peer.receive();
  }

  ASSERT_TRUE(answer);
  ASSERT_TRUE(std::holds_alternative<wire::Fault>(*answer));
  EXPECT_EQ(std::get<wire::Fault>(*answer).code, wire::FaultCode::kInputOutput);
  EXPECT_EQ(link.failed(), 0);
  peer.send(wire::Put{sha256("abc"), 0, 3, "abc"});
  answer = peer.receive();
  EXPECT_TRUE(answer && std::holds_alternative<wire::Done>(*answer));
}
#endif

}  // namespace
}  // namespace isocost::net
