// What the HTTP interface reads from the database, over connections of its own that only read.
//
//   DatabaseArchive archive("study/isocost.db");
//   web::Server::open({.archive = &archive, ...}, commands);
//
// A table that was asked for is kept until something is committed, so that its pages are read once.
// Thread: any.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

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

  std::filesystem::path database_;
  std::mutex mutex_;  // of what is kept
  std::shared_ptr<const Kept> kept_;
};

}  // namespace isocost::cli
