#include "coordinator/storage/events.h"

#include <algorithm>

#include "coordinator/storage/plan_rows.h"
#include "coordinator/storage/read_only.h"
#include "schema/units/cell.h"

namespace isocost::storage {
namespace {

std::string readable_labels(const std::string& labels) {
  return labels_text(parse_json(labels, "cells.labels").value_or(Json::object()));
}

}  // namespace

void EventRows::record(const core::RecordEvent& write, std::int64_t now_ms) {
  log::Event event{.kind = write.kind, .who = write.who, .what = write.what};
  if (write.unit) describe(*write.unit, event);
  if (write.experiment) {
    auto& row = db_.statement("SELECT name FROM experiments WHERE id = ?");
    row.bind(1, number(*write.experiment));
    if (row.executeStep()) event.experiment = row.getColumn(0).getString();
  }
  insert(std::move(event), now_ms);
}

// The first cell that wants the unit; a reference belongs to none.
void EventRows::describe(core::UnitId unit, log::Event& event) {
  auto& row = db_.statement(
      "SELECT e.name, c.number, c.labels FROM units u JOIN cells c ON c.sample = u.sample"
      " JOIN experiments e ON e.id = c.experiment WHERE u.id = ?"
      " ORDER BY c.experiment, c.number LIMIT 1");
  row.bind(1, number(unit));
  if (!row.executeStep()) return;
  event.experiment = row.getColumn(0).getString();
  event.cell = count_from(row.getColumn(1));
  event.labels = readable_labels(row.getColumn(2).getString());
}

void EventRows::record_finished(core::UnitId unit, std::int64_t now_ms) {
  std::int64_t sample = 0;
  {
    auto& row = db_.statement("SELECT sample FROM units WHERE id = ? AND sample IS NOT NULL");
    row.bind(1, number(unit));
    if (!row.executeStep()) return;
    sample = row.getColumn(0).getInt64();
  }
  for (Cell& cell : cells_that_want(unit)) {
    if (waits(cell, sample) || !is_finished_by(cell, sample, number(unit))) continue;
    insert({.kind = std::string(log::event_name(log::EventKind::kFinished)),
            .experiment = std::move(cell.name),
            .cell = static_cast<std::uint64_t>(cell.number),
            .labels = readable_labels(cell.labels)},
           now_ms);
  }
}

// Of live experiments. A cell that is done wants none of the images that others of its sample add.
std::vector<EventRows::Cell> EventRows::cells_that_want(core::UnitId unit) {
  std::vector<Cell> cells;
  auto& rows = db_.statement(
      "SELECT c.experiment, e.name, c.number, c.labels, c.images, c.keep_pictures FROM units u"
      " JOIN cells c ON c.sample = u.sample JOIN experiments e ON e.id = c.experiment"
      " WHERE u.id = ? AND e.is_cancelled = 0 AND CASE WHEN u.kind = #generate"
      " THEN u.range_begin < c.images ELSE EXISTS (SELECT 1 FROM cell_scores cs"
      " JOIN scores s ON s.id = cs.score WHERE cs.experiment = c.experiment"
      " AND cs.number = c.number AND s.unit = u.id) END ORDER BY c.experiment, c.number");
  rows.bind(1, number(unit));
  while (rows.executeStep())
    cells.push_back({rows.getColumn(0).getInt64(), rows.getColumn(1).getString(),
                     rows.getColumn(2).getInt64(), rows.getColumn(3).getString(),
                     rows.getColumn(4).getInt64(), rows.getColumn(5).getInt64()});
  return cells;
}

// The quick question, at every result: most cells have something open yet.
bool EventRows::waits(const Cell& cell, std::int64_t sample) {
  auto& images = db_.statement(
      "SELECT 1 FROM units WHERE sample = ? AND state = #open AND kind = #generate"
      " AND range_begin < ? LIMIT 1");
  images.bind(1, sample);
  images.bind(2, cell.images);
  if (images.executeStep()) return true;
  auto& scores = db_.statement(
      "SELECT 1 FROM cell_scores cs JOIN scores s ON s.id = cs.score JOIN units u ON u.id = s.unit"
      " WHERE cs.experiment = ? AND cs.number = ? AND u.state <> #done LIMIT 1");
  scores.bind(1, cell.experiment);
  scores.bind(2, cell.number);
  return scores.executeStep();
}

// Whether all is there, and was not without this unit.
bool EventRows::is_finished_by(const Cell& cell, std::int64_t sample, std::int64_t unit) {
  const CellProgress::Wish wish{.images = static_cast<std::uint64_t>(cell.images),
                                .keep_pictures = static_cast<std::uint64_t>(cell.keep_pictures)};
  CellProgress now(wish), before(wish);
  auto& images = db_.statement(
      "SELECT id, range_begin, range_end, keep_pictures, state FROM units WHERE sample = ?"
      " AND kind = #generate AND range_begin < ? ORDER BY range_begin");
  images.bind(1, sample);
  images.bind(2, cell.images);
  while (images.executeStep()) {
    const ImageRange range{count_from(images.getColumn(1)), count_from(images.getColumn(2))};
    const std::uint64_t kept = count_from(images.getColumn(3));
    const UnitState state = unit_state(images.getColumn(4));
    now.add_images(range, kept, state);
    before.add_images(range, kept,
                      images.getColumn(0).getInt64() == unit ? UnitState::kOpen : state);
  }
  auto& scores = db_.statement(
      "SELECT u.id, u.state FROM cell_scores cs JOIN scores s ON s.id = cs.score"
      " JOIN units u ON u.id = s.unit WHERE cs.experiment = ? AND cs.number = ?");
  scores.bind(1, cell.experiment);
  scores.bind(2, cell.number);
  while (scores.executeStep()) {
    const UnitState state = unit_state(scores.getColumn(1));
    now.add_score(state);
    before.add_score(scores.getColumn(0).getInt64() == unit ? UnitState::kOpen : state);
  }
  return now.state() == CellState::kDone && before.state() != CellState::kDone;
}

void EventRows::insert(log::Event event, std::int64_t now_ms) {
  auto& row = db_.statement(
      "INSERT INTO events (at_ms, kind, who, experiment, cell, labels, what)"
      " VALUES (?, ?, ?, ?, ?, ?, ?)");
  row.bind(1, now_ms);
  row.bind(2, event.kind);
  row.bind(3, event.who);
  row.bind(4, event.experiment);
  if (event.cell) row.bind(5, number(*event.cell));
  row.bind(6, event.labels);
  row.bind(7, event.what);
  row.exec();
  event.id = db_.connection().getLastInsertRowid();
  event.at_ms = now_ms;
  // The first one of a start, too: there may be few of its kind in each.
  std::size_t& untrimmed = untrimmed_.try_emplace(event.kind, kEventsTrimmed).first->second;
  if (++untrimmed >= kEventsTrimmed) {
    untrimmed = 0;
    auto& old = db_.statement(
        "DELETE FROM events WHERE kind = ?1 AND id <= (SELECT id FROM events WHERE kind = ?1"
        " ORDER BY id DESC LIMIT 1 OFFSET ?2)");
    old.bind(1, event.kind);
    old.bind(2, number(std::uint64_t{log::kEventsKept}));
    old.exec();
  }
  recorded_.push_back(std::move(event));
}

std::vector<log::Event> find_events(SQLite::Database& connection, const log::EventQuery& query) {
  std::vector<log::Event> events;
  if (!connection.tableExists("events")) return events;
  const bool is_newest = !query.after;  // then the last ones are wanted
  Query rows(connection,
             std::string("SELECT id, at_ms, kind, who, experiment, cell, labels, what FROM events"
                         " WHERE id > ?1 AND (?2 = '' OR kind = ?2)"
                         " AND (?3 = '' OR experiment = ?3) ORDER BY id ") +
                 (is_newest ? "DESC" : "ASC") + " LIMIT ?4");
  rows.bind(1, query.after.value_or(0));
  rows.bind(2, query.kind);
  rows.bind(3, query.experiment);
  rows.bind(4, number(std::uint64_t{query.limit}));
  while (rows.executeStep()) {
    log::Event event{.id = rows.getColumn(0).getInt64(),
                     .at_ms = rows.getColumn(1).getInt64(),
                     .kind = rows.getColumn(2).getString(),
                     .who = rows.getColumn(3).getString(),
                     .experiment = rows.getColumn(4).getString(),
                     .labels = rows.getColumn(6).getString(),
                     .what = rows.getColumn(7).getString()};
    if (!rows.getColumn(5).isNull()) event.cell = count_from(rows.getColumn(5));
    events.push_back(std::move(event));
  }
  if (is_newest) std::reverse(events.begin(), events.end());
  return events;
}

}  // namespace isocost::storage
