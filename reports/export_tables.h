// The tables of one experiment, for whoever asks for them by name: the HTTP interface.
//
//   auto tables = ExportedTables::read("study/isocost.db", "study", "cells");
//   tables->find("cells")->csv(0, 100)         // its head and the first hundred rows
//
// Reads the database read-only, also while a coordinator uses it. Fails with what load() fails
// with. Thread: any.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"

namespace isocost::report {

struct Table;
struct Report;

class ExportedTable {
 public:
  explicit ExportedTable(const Table& table) : table_(table) {}
  [[nodiscard]] std::size_t size() const;
  // `count` rows from `begin` on, or as many as there are: RFC 4180 with a head, or a JSON list of
  // an object a row.
  [[nodiscard]] std::string csv(std::size_t begin, std::size_t count) const;
  [[nodiscard]] std::string json(std::size_t begin, std::size_t count) const;

 private:
  const Table& table_;
};

class ExportedTables {
 public:
  // With `table` among them: units, of which there may be very many, are read for that table alone.
  [[nodiscard]] static Result<std::unique_ptr<const ExportedTables>> read(
      const std::filesystem::path& database, const std::string& experiment,
      const std::string& table);
  ~ExportedTables();
  // Whether find() knows of this table, if there is one of this name.
  [[nodiscard]] bool were_read_for(const std::string& table) const;
  // Null: there is none of this name, or it was not read. Valid as long as this.
  [[nodiscard]] std::unique_ptr<ExportedTable> find(const std::string& name) const;

 private:
  ExportedTables(Report report, std::unique_ptr<const Table> units);
  std::unique_ptr<const Report> report_;
  std::unique_ptr<const Table> units_;  // null: not read
};

}  // namespace isocost::report
