// A coordinator among peers that mean no good, with keys of their own: it lives on, in little
// memory and few descriptors, serves who works, and says what happened.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <iostream>
#include <random>

#include "base/io/artifact_store.h"
#include "base/transport/keys.h"
#include "schema/spec.h"
#include "tests/end_to_end/evil_peer.h"
#include "tests/support/http_client.h"
#include "tests/support/plain_peer.h"
#include "tests/support/process.h"

namespace isocost::testing {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

#ifdef ISOCOST_SANITIZED
// Sanitizers take memory and time of their own, so that here only life and words count.
constexpr long kMemoryKib = 2L << 20U;
constexpr int kMutated = 9'000;
const std::string kDescriptors = "4096";  // they look at addresses through pipes
constexpr double kShare = 0.2;
#else
constexpr long kMemoryKib = 300L << 10U;
constexpr int kMutated = 99'000;
const std::string kDescriptors = "1024";
constexpr double kShare = 0.5;
#endif
constexpr int kMutatedArtifacts = 1'000;  // a connection each: the first that is malformed ends it
constexpr int kMutatedEach = 15;          // of a session; with one more malformed ones it would end
constexpr int kWave = 50;                 // connections at a time
constexpr int kCells = 3000;
constexpr int kStalled = 150;
constexpr int kSilent = 1100;
constexpr int kReplays = 1000;
// The good worker sleeps for so long a unit, so its speed says how long the coordinator lets it
// wait, and little of how busy the machine is.
const std::string kUnitMs = "100";
const std::string kUnet = sha256("unet").name(), kNetwork = sha256("network").name();
const std::string kToken = "0123456789abcdef0123456789abcdef";
Submission make_submission() {
  Submission submission;
  submission.name = "study";
  submission.axes = {"seed"};
  submission.unit_images = 16;
  const std::string prompts = "{\"prompt\": \"a circle\"}\n";
  submission.blobs[sha256(prompts).name()] = prompts;
  for (std::uint64_t seed = 0; seed < kCells; ++seed) {
    CellRequest cell;
    cell.labels = {{"seed", seed}};
    cell.sample.inputs = {{"unet", kUnet}};
    cell.sample.sampler = {{"sampler", "ddim"}, {"steps", 4}};
    cell.sample.prompts = sha256(prompts).name();
    cell.sample.seed = seed;
    cell.sample.group_size = 16;
    cell.images = {0, 64};
    cell.keep_pictures = 0;
    cell.cost = {.calls_per_image = 4,
                 .steps_calls = 4,
                 .gflops_per_call = 1,
                 .gflops_decode = 1,
                 .gflops_text = 1,
                 .parameters = 1,
                 .weight_bytes = 1};
    submission.cells.push_back(cell);
  }
  return submission;
}

class Hostile : public ::testing::Test {
 protected:
  void SetUp() override {
    raise_own_limit();
    std::filesystem::create_directories(folder / "allowed");
    for (const char* name : {"coordinator", "good", "leaver", "stranger"}) make_key(name);
    for (int i = 0; i < kStalled; ++i) make_key(evil(i));
    for (const char* name : {"good", "leaver"}) allow(name);
    for (int i = 0; i < kStalled; ++i) allow(evil(i));
    write_text(folder / "token", kToken + "\n");
    std::filesystem::permissions(folder / "token", std::filesystem::perms::owner_read);
    large = io::ArtifactStore(folder / "artifacts").put(std::string(20U << 20U, 'x'));
    start_coordinator();
  }

  void TearDown() override {
    if (HasFailure() && coordinator) std::cerr << coordinator->log();
  }

  // 1,300 connections are open at this end, too.
  static void raise_own_limit() {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_GE(limit.rlim_cur, 4096U) << "this test opens as many descriptors itself";
  }

  static std::string evil(int number) { return "evil-" + std::to_string(number); }
  void make_key(const std::string& name) {
    ASSERT_TRUE(transport::write_keys(folder / "keys", name));
  }
  void allow(const std::string& name) {
    std::filesystem::copy(folder / "keys" / (name + ".key"), folder / "allowed" / (name + ".key"));
  }
  transport::KeyPair keys_of(const std::string& name) {
    return *transport::read_secret(folder / "keys" / (name + ".secret"));
  }

  void start_coordinator() {
    const std::string command =
        "ulimit -n " + kDescriptors + "; exec '" + program("isocost") +
        "' coordinator --listen tcp://127.0.0.1:" + std::to_string(port) + " --http " + http +
        " --token-file '" + (folder / "token").string() + "' --db '" +
        (folder / "isocost.db").string() + "' --log '" + (folder / "log").string() + "' --key '" +
        (folder / "keys/coordinator.secret").string() + "' --allow '" +
        (folder / "allowed").string() + "'";
    coordinator.emplace(std::vector<std::string>{"/bin/sh", "-c", command}, folder / "output");
    wait_until([this] { return HttpClient(http, kToken).get("/api/v1/status").has_value(); }, 30s,
               "the coordinator", [this] { return coordinator->log(); });
  }

  Process worker(const std::string& name) {
    return Process(
        {program("isocost-fake-worker"), "serve", "--connect",
         "tcp://127.0.0.1:" + std::to_string(port), "--key", folder / "keys" / (name + ".secret"),
         "--server-key", folder / "keys/coordinator.key", "--state", folder / name, "--unit-ms",
         kUnitMs, "--rows-bytes", "1000", "--input", kUnet, "--input", kNetwork, "--no-supervisor"},
        folder / (name + ".out"));
  }

  std::unique_ptr<EvilPeer> peer(const std::string& key, std::uint16_t at) {
    auto made = std::make_unique<EvilPeer>(context, keys_of(key), server_key,
                                           "5e55" + std::to_string(++sessions));
    made->connect(at);
    return made;
  }

  Json status() {
    const auto answer = HttpClient(http, kToken).get("/api/v1/status");
    return answer ? *answer : Json{{"fault", answer.error().message()}};
  }
  int units_done() {
    const Json now = status();
    return now.contains("units") ? now["units"]["done"].get<int>() : -1;
  }
  std::uint64_t count(const std::string& kind) {
    const Json now = status();
    return now.contains("incidents") ? now["incidents"][kind].get<std::uint64_t>() : 0;
  }
  void wait_for(const std::string& kind, std::uint64_t least = 1) {
    wait_until([&] { return count(kind) >= least; }, 60s, std::to_string(least) + " " + kind,
               [this] { return describe(); });
  }
  std::string describe() { return status().dump(1) + read_text(folder / "log"); }
  std::uint16_t http_port() const {
    return static_cast<std::uint16_t>(std::stoi(http.substr(http.rfind(':') + 1)));
  }
  std::string ask_http(const std::string& head, const std::string& body, std::size_t bytes_max) {
    const PlainPeer asking(http_port());
    asking.write(head + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + kToken +
                 "\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + body);
    return asking.read(bytes_max);
  }

  // Units a second of the good worker over what `body` does.
  template <class Body>
  double rate_during(const Body& body) {
    const int before = units_done();
    const auto begin = steady_clock::now();
    body();
    const std::chrono::duration<double> time = steady_clock::now() - begin;
    return (units_done() - before) / time.count();
  }
  double calm_rate() {
    return rate_during([this] {
      const int wanted = units_done() + 40;
      wait_until([&] { return units_done() >= wanted; }, 120s, "the good worker",
                 [this] { return describe(); });
    });
  }

  std::vector<std::unique_ptr<EvilPeer>> stall();
  std::vector<PlainPeer> be_silent();
  std::uint64_t send_wave(std::mt19937_64& chance, int number);
  void send_mutated();
  void send_mutated_to_artifacts();
  void send_numbers_beyond_double();
  void send_replays();
  void send_large_frames();
  void revoke_a_key();

  ScratchFolder folder;
  const std::uint16_t port = static_cast<std::uint16_t>(free_port());
  const std::string http = "http://127.0.0.1:" + std::to_string(free_port());
  zmq::context_t context;
  std::string server_key;
  std::uint16_t artifact_port = 0;
  Digest large{};
  int sessions = 0;
  std::optional<Process> coordinator;
};

// Large artifacts that are asked for and never read.
std::vector<std::unique_ptr<EvilPeer>> Hostile::stall() {
  std::vector<std::unique_ptr<EvilPeer>> stalled;
  for (int i = 0; i < kStalled; ++i) {
    auto& each = *stalled.emplace_back(std::make_unique<EvilPeer>(
        context, keys_of(evil(i)), server_key, "57a1" + std::to_string(i)));
    each.socket().set(zmq::sockopt::rcvhwm, 1);
    each.socket().set(zmq::sockopt::rcvbuf, 4096);
    each.connect(artifact_port);
    for (int n = 0; n < 4; ++n) each.send(wire::Get{large, 0, 16});
  }
  return stalled;
}

std::vector<PlainPeer> Hostile::be_silent() {
  std::vector<PlainPeer> silent;
  const std::array<std::uint16_t, 3> doors = {port, artifact_port, http_port()};
  for (int i = 0; i < kSilent; ++i) silent.emplace_back(doors.at(static_cast<std::size_t>(i % 3)));
  return silent;
}

// One of two greets first, so that what follows is a session's. Returns how many of them have to
// be counted; when it returns, all of them were looked at.
std::uint64_t Hostile::send_wave(std::mt19937_64& chance, int number) {
  std::vector<std::unique_ptr<EvilPeer>> wave;
  for (int i = 0; i < kWave; ++i) {
    wave.push_back(peer(evil((number * kWave + i) % kStalled), port));
    if (i % 2 == 0) wave.back()->greet();
  }
  std::uint64_t malformed = 0;
  for (int i = 0; i < kWave; ++i) {
    EvilPeer& each = *wave[static_cast<std::size_t>(i)];
    EXPECT_TRUE(i % 2 != 0 || each.receive<wire::Welcome>());
    for (int n = 0; n < kMutatedEach; ++n) {
      const std::string bytes = mutated(chance);
      malformed += is_malformed(bytes, true) ? 1U : 0U;
      EXPECT_TRUE(each.send(bytes));
    }
    each.greet();
  }
  for (const auto& each : wave) EXPECT_TRUE(each->receive<wire::Welcome>());
  return malformed;
}

void Hostile::send_mutated() {
  std::mt19937_64 chance(20260105);
  const std::uint64_t before = count("malformed");
  std::uint64_t malformed = 0;
  for (int wave = 0; wave < kMutated / kWave / kMutatedEach; ++wave) {
    malformed += send_wave(chance, wave);
    ASSERT_FALSE(HasFailure()) << "wave " << wave << "\n" << describe();
  }
  EXPECT_GT(malformed, kMutated / 10);
  wait_for("malformed", before + malformed);
}

void Hostile::send_mutated_to_artifacts() {
  std::mt19937_64 chance(20260106);
  const std::uint64_t before = count("malformed");
  std::uint64_t malformed = 0;
  for (int wave = 0; wave < kMutatedArtifacts / kWave; ++wave) {
    std::vector<std::unique_ptr<EvilPeer>> peers;
    for (int i = 0; i < kWave; ++i) {
      const std::string bytes = mutated(chance);
      malformed += is_malformed(bytes, false) ? 1U : 0U;
      peers.push_back(peer(evil((wave * kWave + i) % kStalled), artifact_port));
      EXPECT_TRUE(peers.back()->send(bytes));
    }
    wait_for("malformed", before + malformed);
  }
}

// What a number is replaced by has as many characters, so that the frame stays whole.
void Hostile::send_numbers_beyond_double() {
  const std::uint64_t before = count("malformed");
  const auto liar = peer(evil(0), port);
  const auto send = [&](const wire::Message& message) {
    std::string bytes = wire::encode(message);
    bytes.replace(bytes.find("987654"), 6, "1e9999");
    EXPECT_TRUE(liar->send(bytes));
  };
  send(wire::Hello{.worker = "w", .session = "s", .device = {{"memory_bytes", 987654}}});
  send(wire::ResultMessage{{1, 1},
                           {.unit = "score/x",
                            .values = {{"value", 987654}},
                            .artifacts = {},
                            .digest = sha256("d"),
                            .device_class = "c",
                            .measured = Json::object()}});
  EXPECT_TRUE(liar->hello());
  wait_for("malformed", before + 2);
  EXPECT_EQ(ask_http("POST /api/v1/experiments", R"({"format": 1, "cells": [1e999]})", 12),
            "HTTP/1.1 400");
}

// Outcomes of a unit that it was given, over and over: with attempts that nobody was given, and
// then its own failure, which counts once and fails no unit.
void Hostile::send_replays() {
  const std::uint64_t before = count("unbelieved");
  const auto liar = peer(evil(1), port);
  ASSERT_TRUE(liar->hello({kUnet, kNetwork}));
  liar->send(wire::Want{.credit = 1, .warm = {}});
  const auto lease = liar->receive<wire::Lease>();
  ASSERT_TRUE(lease) << describe();
  const wire::ResultMessage result{{1, 7},
                                   {.unit = lease->unit,
                                    .values = Json::object(),
                                    .artifacts = {},
                                    .digest = sha256("d"),
                                    .device_class = "c",
                                    .measured = Json::object()}};
  const UnitFailure failure{FailureClass::kBug, "no such luck", {}};
  // It waits for each answer, so that it has no more than its share in the coordinator.
  for (int i = 0; i < kReplays; ++i) {
    liar->send(result);
    EXPECT_EQ(liar->receive<wire::Ack>().value_or(wire::Ack{}).verdict, wire::Verdict::kNotWanted);
    liar->send(wire::FailureMessage{lease->unit, {1, 7}, failure});
    ASSERT_TRUE(liar->receive<wire::Ack>()) << describe();
  }
  wait_for("unbelieved", before + 2 * kReplays);
  for (int i = 0; i < 100; ++i) {
    liar->send(wire::FailureMessage{lease->unit, lease->attempt, failure});
    ASSERT_TRUE(liar->receive<wire::Ack>()) << describe();
  }
  // More than a peer may have at once: it is put out, or all of it is taken.
  for (int i = 0; i < 10 * kReplays; ++i)
    if (!liar->send(wire::Heartbeat{{{lease->unit, {1, 7}, 0.5}}})) break;
}

// 600 MiB each, as one message of frames that are too large, of frames that are not, and as
// messages.
void Hostile::send_large_frames() {
  const std::uint64_t before = count("oversized");
  const auto whole = peer(evil(2), port), pieces = peer(evil(3), port),
             single = peer(evil(4), port);
  for (int i = 0; i < 60; ++i)
    if (!whole->send_large(kLargeFrame, i == 59)) break;
  for (int i = 0; i < 600; ++i)
    if (!pieces->send_large(kLargeFrame / 10, i == 599)) break;
  for (int i = 0; i < 60; ++i)
    if (!single->send_large(kLargeFrame, true)) break;
  wait_for("oversized", before + 3);
}

void Hostile::revoke_a_key() {
  Process leaver = worker("leaver");
  const auto is_there = [this](const std::string& name) {
    const Json now = status();
    for (const Json& each : now.value("workers", Json::array()))
      if (each.at("name") == name) return true;
    return false;
  };
  wait_until([&] { return is_there("leaver"); }, 60s, "the worker", [&] { return describe(); });
  // Half a file beside it hurts nobody.
  write_text(folder / "allowed/new.key", "public Yne@$w-vo<fVv");
  wait_for("bad_key_file");

  std::filesystem::remove(folder / "allowed/leaver.key");

  // Far below a lease, after which it would be gone without a word from anyone.
  wait_until([&] { return !is_there("leaver"); }, 8s, "its end", [&] { return describe(); });
  EXPECT_EQ(leaver.wait(60s), 2) << leaver.log();
  EXPECT_TRUE(is_there("good"));
}

TEST_F(Hostile, PeersCostTheCoordinatorLittleAndTheGoodWorkerLess) {
  server_key = *transport::read_public_key(folder / "keys/coordinator.key");
  ASSERT_TRUE(HttpClient(http, kToken).post("/api/v1/experiments", to_json(make_submission())));
  const Process good = worker("good");
  wait_until([this] { return units_done() > 5; }, 60s, "the good worker",
             [this] { return describe(); });
  artifact_port = peer(evil(0), port)->hello().value_or(wire::Welcome{}).artifact_port;
  ASSERT_NE(artifact_port, 0);
  const double calm = calm_rate();

  const double under_attack = rate_during([&] {
    const auto stalled = stall();
    const auto silent = be_silent();
    EXPECT_FALSE(HttpClient(http).get("/api/v1/status"));  // no token
    const auto stranger = peer("stranger", port);
    stranger->greet();
    wait_for("refused_key");
    revoke_a_key();
    send_numbers_beyond_double();
    send_replays();
    send_large_frames();
    send_mutated_to_artifacts();
    send_mutated();
    // Each of them was put out, for what it did not do or for others to have room.
    wait_until(
        [this] { return count("stalled") + count("evicted") >= kStalled + 2 * (kSilent / 3); }, 60s,
        "the silent to be put out", [this] { return describe(); });
    wait_for("stalled");
    wait_for("evicted");
  });
  const double calm_again = calm_rate();

  EXPECT_FALSE(coordinator->status()) << coordinator->log();
  EXPECT_LT(peak_kib(coordinator->pid()), kMemoryKib);
  EXPECT_GT(under_attack, kShare * std::min(calm, calm_again));
  const std::string log = read_text(folder / "log");
  const std::string metrics = ask_http("GET /metrics", "", 1U << 20U);
  for (const char* kind : {"refused_key", "bad_key_file", "revoked_key", "malformed", "oversized",
                           "stalled", "evicted", "unbelieved", "refused_request"}) {
    EXPECT_GT(count(kind), 0U) << kind;
    EXPECT_THAT(log, HasSubstr(std::string(" ") + kind + ": "));
    EXPECT_THAT(metrics,
                ContainsRegex("isocost_incidents_total.kind=\"" + std::string(kind) + "\". [1-9]"));
  }
  EXPECT_LT(log.size(), 200'000U);  // whatever they do, they do not fill the disk
  EXPECT_EQ(status()["units"]["failed"], 0);
  const Finished told =
      run({program("isocost"), "status", "--coordinator", http, "--token-file", folder / "token"});
  EXPECT_EQ(told.status, 0) << told.output;
  EXPECT_THAT(told.output, HasSubstr("a key is left out: "));
  EXPECT_THAT(told.output, HasSubstr(" malformed"));
  std::cerr << "units a second: " << calm << ", attacked " << under_attack << ", after "
            << calm_again << "; peak " << peak_kib(coordinator->pid()) / 1024 << " MiB\n";
}

}  // namespace
}  // namespace isocost::testing
