#include "worker/serve.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/types.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <thread>

#include "base/text.h"
#include "base/transport/key_pool.h"
#include "schema/wire/codec.h"
#include "worker/net/worker.h"
#include "worker/supervisor.h"

namespace isocost::worker {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kLockWait{5000};  // for a predecessor that was just killed
constexpr std::chrono::milliseconds kNextNameWait{500};
constexpr int kWorkersMax = 256;  // of one user on one host that were given no names

std::string host_name() {
  std::array<char, 256> text{};
  if (::gethostname(text.data(), text.size() - 1) != 0 || !is_name(text.data())) return "host";
  return text.data();
}

fs::path default_state(const std::string& name) {
  if (const char* folder = std::getenv("XDG_STATE_HOME"); folder != nullptr && *folder != '\0')
    return fs::path(folder) / "isocost" / name;
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : ".") / ".local" / "state" / "isocost" / name;
}

// What a worker is called: as it was told, after its key, or after its host and device, and after
// its folder where it has one of its own.
std::string name_of(const ServeOptions& options) {
  if (!options.name.empty()) return options.name;
  if (!options.key.empty())
    return options.key.stem().string() +
           (options.key_number == 0 ? "" : "-" + std::to_string(options.key_number));
  std::string name = host_name() + "-" + options.device;
  std::erase(name, ':');
  if (options.state.empty()) return name;
  const auto folder = fs::absolute(options.state / "").lexically_normal().parent_path().filename();
  return is_name(folder.string()) ? name + "-" + folder.string() : name;
}

Result<worker_net::Peer> peer_of(const ServeOptions& options) {
  Failure failure;
  worker_net::Peer peer;
  if (auto endpoint = transport::parse_endpoint(options.connect))
    peer.endpoint = *endpoint;
  else
    failure.add(endpoint.error());
  if (!is_name(name_of(options)))
    failure.add("--name", "'" + name_of(options) + "' is no name",
                "printable characters without blanks");
  if (options.key_number != 0 && options.key.empty())
    failure.add("--key-number", "there is no --key", "the NAME.secret of a pool of keys");
  if (options.key.empty() != options.server_key.empty()) {
    failure.add("--key", "only one of --key and --server-key is given",
                "both, or none on loopback");
  } else if (options.key.empty()) {
    if (failure.is_empty() && !peer.endpoint.is_loopback())
      failure.add(options.connect, "plain TCP is allowed on loopback alone",
                  "--key and --server-key: see isocost keys generate");
  } else {
    if (auto keys = options.key_number == 0
                        ? transport::read_secret(options.key)
                        : transport::read_pool_key(options.key, options.key_number))
      peer.keys = *keys;
    else
      failure.add(keys.error());
    if (auto key = transport::read_public_key(options.server_key))
      peer.server_key = *key;
    else
      failure.add(key.error());
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return peer;
}

int complain(const Failure& failure, int code) {
  std::fprintf(stderr, "isocost-worker: %s\n", failure.message().c_str());
  return code;
}

// One worker a state folder: two would send each other's outcomes. Held until this process and what
// it starts have ended. False: another one holds it.
Result<bool> lock_state(const fs::path& state, std::chrono::milliseconds wait) {
  const fs::path file = state / "lock";
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0)
    return fail(file.string(),
                "the file cannot be opened: " + std::generic_category().message(errno),
                "a folder that can be written, on a disk with room");
  const auto until = std::chrono::steady_clock::now() + wait;
  while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() > until) {
      ::close(descriptor);
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

// The artifacts often lie below the state: the first that cannot be made is enough to tell.
Result<void> make_folders(const ServeOptions& options) {
  for (const fs::path& folder : {options.state, options.artifacts}) {
    const std::string expected = "a folder of this user, given by --state or --artifacts";
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
      return fail(folder.string(), "the folder cannot be made: " + error.message(), expected);
    if (::access(folder.c_str(), W_OK) != 0)
      return fail(folder.string(), "the folder cannot be written", expected);
  }
  return {};
}

// Takes the state folder. Workers that were given neither names nor folders are numbered, so that
// several on one machine need no more than the same command.
Result<void> take_state(ServeOptions& options) {
  const bool is_numbered = options.name.empty() && options.key.empty() && options.state.empty();
  const std::string name = name_of(options);
  for (int number = 1;; ++number) {
    ServeOptions taken = options;
    taken.name = number == 1 ? name : name + "-" + std::to_string(number);
    if (taken.state.empty()) taken.state = default_state(taken.name);
    if (taken.artifacts.empty()) taken.artifacts = taken.state / "artifacts";
    if (auto made = make_folders(taken); !made) return made;
    const auto is_ours = lock_state(taken.state, is_numbered ? kNextNameWait : kLockWait);
    if (!is_ours) return fail(is_ours.error());
    if (*is_ours) {
      options = std::move(taken);
      return {};
    }
    if (!is_numbered || number == kWorkersMax)
      return fail(taken.state.string(), "another worker uses this folder",
                  "a --name or --state of its own for each worker");
  }
}

int exit_code(agent::ExitReason reason) {
  switch (reason) {
    case agent::ExitReason::kDone:
      return kExitDone;
    case agent::ExitReason::kRefused:
      return kExitRefused;
    case agent::ExitReason::kGaveUp:
      return kExitGaveUp;
    case agent::ExitReason::kOutOfRoom:
      return kExitOutOfRoom;
  }
  return kExitCrashed;
}

int work(const ServeOptions& options, const worker_net::Peer& peer, const MakeExecutor& make,
         const Predecessor& before) {
  io::ArtifactStore store(options.artifacts);
  auto executor = make(options, store);
  if (!executor) return complain(executor.error(), kExitRefused);

  worker_net::WorkerOptions work{
      .peer = peer, .session = {}, .state = options.state, .say = {}, .fault_before = before.fault};
  work.session.greeting.build = "isocost " ISOCOST_VERSION;
  work.session.greeting.worker = options.name;
  work.session.greeting.host = host_name();
  work.session.greeting.is_loss_explained = before.was_killed;
  work.session.prefetch = options.prefetch;
  work.session.give_up = std::chrono::seconds(options.give_up_seconds);
  if (options.idle_seconds > 0) work.session.idle_max = std::chrono::seconds(options.idle_seconds);
  work.session.grace = std::chrono::seconds(options.grace_seconds);
  work.say = [&](const std::string& text) {
    std::fprintf(stderr, "%s: %s\n", options.name.c_str(), text.c_str());
  };

  const worker_net::WorkerEnd end = worker_net::run_worker(std::move(work), **executor, store);
  if (!end.text.empty()) std::fprintf(stderr, "%s: %s\n", options.name.c_str(), end.text.c_str());
  // What still computes uses the executor and the store: they stay until the process ends.
  if (!end.is_idle) {
    std::fflush(nullptr);
    std::_Exit(exit_code(end.reason));
  }
  return exit_code(end.reason);
}

}  // namespace

void add_serve_options(CLI::App& command, ServeOptions& options) {
  command.add_option("--connect", options.connect, "The coordinator's address, tcp://host:port")
      ->required();
  command.add_option("--models", options.models,
                     "Folders in which models, prompts and references are looked for");
  command.add_option("--device", options.device, "auto, cpu or cuda:N")->capture_default_str();
  command
      .add_option("--dtype", options.dtype,
                  "Compute in fp32, bf16 or fp16; default: what the cell says")
      ->check(CLI::IsMember({"fp32", "bf16", "fp16"}));
  command.add_option("--threads", options.threads, "Computing threads; part of the device class")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command.add_option(
      "--state", options.state,
      "Folder of the spool; default: one for each worker below ~/.local/state/isocost");
  command.add_option("--artifacts", options.artifacts,
                     "Folder of artifacts; default: below the state folder");
  command.add_option(
      "--name", options.name,
      "What the coordinator calls this worker; default: host, device and folder or number");
  command.add_option("--key", options.key, "This worker's NAME.secret (isocost keys generate)");
  command
      .add_option("--key-number", options.key_number,
                  "Which key of the pool that --key is (isocost keys pool)")
      ->check(CLI::Range(std::int64_t{1}, transport::kPoolKeysMax));
  command.add_option("--server-key", options.server_key, "The coordinator's public *.key");
  command
      .add_option("--give-up", options.give_up_seconds,
                  "Seconds without a coordinator after which to end")
      ->check(CLI::Range(1, 30 * 86400))
      ->capture_default_str();
  command
      .add_option("--idle", options.idle_seconds,
                  "Seconds without work after which to end; default: wait for ever")
      ->check(CLI::Range(1, 30 * 86400));
  command
      .add_option("--grace", options.grace_seconds,
                  "Seconds to finish a unit after SIGTERM before handing it back")
      ->check(CLI::Range(0, 86400))
      ->capture_default_str();
  command.add_option("--prefetch", options.prefetch, "Units leased ahead of the one that computes")
      ->check(CLI::Range(0U, 64U))
      ->capture_default_str();
  command.add_flag("!--no-supervisor", options.is_supervised, "Do not start again after a crash");
}

int serve(ServeOptions options, const MakeExecutor& make) {
  const auto peer = peer_of(options);
  if (!peer) return complain(peer.error(), kExitRefused);
  if (auto taken = take_state(options); !taken) return complain(taken.error(), kExitRefused);
  const auto child = [&](const Predecessor& before) {
    try {
      return work(options, *peer, make, before);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "isocost-worker: %s\n", error.what());
      return kExitCrashed;
    }
  };
  const fs::path life = options.state / "life";
  const Predecessor before = take_predecessor(life);
  return options.is_supervised ? supervise(child, before, life) : child(before);
}

}  // namespace isocost::worker
