// What the HTTP interface reads from the database, over connections of its own that only read.
//
//   DatabaseArchive archive("study/isocost.db");
//   web::Server::open({.archive = &archive, ...}, commands);
//
// The tables of the experiment that was asked for last are kept until something is committed or
// nobody asks for a minute: pages are read once, and a large table does not stay.
// Thread: any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "coordinator/web/archive.h"

namespace isocost::cli {

class DatabaseArchive : public web::Archive {
 public:
  explicit DatabaseArchive(std::filesystem::path database);
  ~DatabaseArchive() override;
  [[nodiscard]] Result<std::vector<log::Event>> events(const log::EventQuery& query) override;
  [[nodiscard]] Result<web::TablePage> table(const web::TableQuery& query) override;

 private:
  struct Kept;
  [[nodiscard]] Result<std::shared_ptr<const Kept>> tables_of(const std::string& experiment,
                                                              const std::string& table);

  void forget_unused(const std::stop_token& stop);

  std::filesystem::path database_;
  std::mutex mutex_;  // of what is kept
  std::condition_variable_any is_kept_;
  std::shared_ptr<const Kept> kept_;
  std::chrono::steady_clock::time_point used_;
  std::jthread keeper_;  // last: it uses the others
};

}  // namespace isocost::cli
