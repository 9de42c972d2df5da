// A whole coordinator in one object: database, artifacts, loop and link, each on its thread.
//
//   auto host = Host::open({.database = "study/isocost.db", .listen = "tcp://127.0.0.1:0"});
//   (*host)->loop().submit(submission, 0);
//   (*host)->endpoint();                 // where workers connect
//   (*host)->stop();                     // commits what came, then closes
//
// Thread: the one that opened it. open() fails with: the database's faults, port in use, plain TCP
// outside loopback, an artifact folder that cannot be made; nothing that it made is left then. When
// the loop ends by a fault (disk full), fault() says why.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "coordinator/loop.h"

namespace isocost::coordinator {

struct HostOptions {
  std::filesystem::path database;
  std::filesystem::path artifacts;  // empty: "artifacts" beside the database
  std::string listen = "tcp://127.0.0.1:7700";
  std::filesystem::path secret_file;  // CURVE: both or none
  std::filesystem::path allow_folder;
  LoopOptions loop;           // its log is the host's
  bool accepts_loss = false;  // opens a database that lacks what was acknowledged
  log::LogOptions log;
  // What must succeed, too, before this is a coordinator (its HTTP interface, a first submission).
  std::function<Result<void>(Loop&, log::Log&)> prepare = {};
};

class Host {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Host>> open(const HostOptions& options);
  ~Host();

  [[nodiscard]] Loop& loop();
  [[nodiscard]] io::ArtifactStore& artifacts();
  [[nodiscard]] log::Log& log();
  [[nodiscard]] std::string endpoint() const;
  // What a person should know of the database, a sentence each.
  [[nodiscard]] const std::vector<std::string>& warnings() const;
  // Why the loop ended by itself.
  [[nodiscard]] std::optional<std::string> fault() const;
  void stop();

 private:
  class Impl;
  explicit Host(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace isocost::coordinator
