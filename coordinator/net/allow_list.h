// Which keys may connect, as the allow folder says now. For the sources of coordinator/net alone.
//
//   AllowList list(folder, log, [](const std::string& key) { ... });   // revoked: its own thread
//   list.name_of(key);           // the worker's name, or none
//
// A thread looks at the folder several times a second and reads it anew when something changed, so
// that adding and removing files needs no restart and a removed key ends its connections at once.
// A key that is not known is looked for in the folder as it is at that moment. Files that hold no
// key are skipped, told to the log once, and named by faults(). When the folder itself cannot be
// read the last reading stands for those who are there, and nobody new is let in. Thread: any.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/transport/keys.h"
#include "coordinator/log/log.h"

namespace isocost::net {

class AllowList {
 public:
  using OnRevoked = std::function<void(const std::string& key, const std::string& name)>;

  AllowList(std::filesystem::path folder, log::Log& log, OnRevoked on_revoked);
  ~AllowList();
  AllowList(const AllowList&) = delete;
  AllowList& operator=(const AllowList&) = delete;

  // Of a key in Z85. Reads the folder again where the key is not known and something changed.
  [[nodiscard]] std::optional<std::string> name_of(const std::string& key);
  // What is wrong with the folder and its files, one sentence each.
  [[nodiscard]] std::vector<std::string> faults() const;

 private:
  void run();
  void refresh();
  struct State {
    std::string text;
    // No file is so young that it could change again without another time.
    bool is_settled = true;
  };
  [[nodiscard]] State state() const;
  void take(Result<transport::AllowedKeys> read);

  std::filesystem::path folder_;
  log::Log& log_;
  OnRevoked on_revoked_;
  std::mutex reading_;  // held by whoever reads the folder; before mutex_
  std::string seen_;    // of reading_: the folder when it was last read; empty: look again

  mutable std::mutex mutex_;  // of the members below
  transport::AllowedKeys allowed_;
  bool is_readable_ = true;
  std::condition_variable stop_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace isocost::net
