// localhost where it is ::1 first, with listeners at one of its addresses and at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/digest.h"
#include "tests/support/process.h"

namespace isocost::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class Addresses : public ::testing::Test {
 protected:
  // A program on that machine.
  Process start(const std::string& name, std::vector<std::string> arguments) {
    std::vector<std::string> command = {
        "/usr/bin/env", "LD_PRELOAD=" ISOCOST_BINARY_DIR "/tests/liblocalhost_v6_first.so"};
    std::move(arguments.begin(), arguments.end(), std::back_inserter(command));
    return Process(std::move(command), folder / name);
  }
  Process coordinator(const std::string& host, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {
        program("isocost"),    "coordinator", "--listen",    "tcp://" + host + ":" + port, "--db",
        folder / "isocost.db", "--log",       folder / "log"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    if (more.empty()) arguments.emplace_back("--no-http");
    return start("coordinator", std::move(arguments));
  }
  Process worker(const std::string& host) {
    return start("worker", {program("isocost-fake-worker"), "serve", "--connect",
                            "tcp://" + host + ":" + port, "--state", folder / "state", "--name",
                            "w", "--give-up", "6", "--no-supervisor"});
  }
  void wait_for(Process& process, const std::string& text, std::chrono::seconds limit = 15s) {
    wait_until([&] { return process.log().find(text) != std::string::npos; }, limit,
               "'" + text + "'", [&] { return process.log(); });
  }
  // Whether this machine has ::1 at all.
  static bool has_ipv6() {
    std::ifstream addresses("/proc/net/if_inet6");
    return addresses && addresses.peek() != std::ifstream::traits_type::eof();
  }

  ScratchFolder folder;
  std::string port = std::to_string(free_port());
};

TEST_F(Addresses, AWorkerFindsAListenerAtTheSecondAddress) {
  Process listener = coordinator("127.0.0.1");
  wait_for(listener, "workers connect to");
  Process attached = worker("localhost");

  wait_for(attached, "attached to the coordinator");
}

TEST_F(Addresses, AListenerOfANameListensAtAllItsAddresses) {
  Process listener = coordinator("localhost");
  wait_for(listener, "workers connect to");

  for (const std::string host : {"localhost", "127.0.0.1", "[::1]"}) {
    if (host == "[::1]" && !has_ipv6()) continue;
    Process attached = worker(host);
    wait_for(attached, "attached to the coordinator");
    attached.kill(SIGTERM);
    EXPECT_EQ(attached.wait(20s), 0) << host << attached.log();
    std::filesystem::remove(folder / "worker");
  }
}

// Both tell at once what they tried.
TEST_F(Addresses, AWorkerSaysWhichAddressesItTried) {
  Process lonely = worker("localhost");

  wait_for(lonely, "no coordinator yet", 10s);
  EXPECT_THAT(lonely.log(), HasSubstr("tcp://[::1]:" + port + ": nobody listens there"));
  EXPECT_THAT(lonely.log(), HasSubstr("tcp://127.0.0.1:" + port + ": nobody listens there"));
  EXPECT_EQ(lonely.wait(60s), 3);
}

TEST_F(Addresses, CommandsFindTheInterfaceAtTheSecondAddress) {
  const std::string http = std::to_string(free_port());
  Process listener = coordinator("127.0.0.1", {"--http", "http://127.0.0.1:" + http});
  wait_for(listener, "workers connect to");

  Process status =
      start("status", {program("isocost"), "status", "--coordinator", "http://localhost:" + http});
  EXPECT_EQ(status.wait(20s), 0) << status.log();
  listener.kill(SIGTERM);
  listener.wait(20s);
  Process lonely =
      start("lonely", {program("isocost"), "status", "--coordinator", "http://localhost:" + http});

  EXPECT_EQ(lonely.wait(20s), 5);  // nobody is there
  EXPECT_THAT(lonely.log(), HasSubstr("[::1]:" + http));
  EXPECT_THAT(lonely.log(), HasSubstr("127.0.0.1:" + http));
}

TEST_F(Addresses, TheInterfaceOfANameListensAtAllItsAddresses) {
  const std::string http = std::to_string(free_port());
  Process listener = coordinator("localhost", {"--http", "http://localhost:" + http});
  wait_for(listener, "workers connect to");

  for (const std::string host : {"127.0.0.1", "[::1]"}) {
    if (host == "[::1]" && !has_ipv6()) continue;
    Process status = start(
        "status", {program("isocost"), "status", "--coordinator", "http://" + host + ":" + http});
    EXPECT_EQ(status.wait(20s), 0) << host << status.log();
  }
}

}  // namespace
}  // namespace isocost::testing
