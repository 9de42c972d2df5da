// What happened in a coordinator, for people: the kinds of events and an event as it is told, in
// the database, the log, on the page and by `isocost events` alike.
//
//   log::Event event{.kind = "lost", .who = "w1", .what = "nothing was heard of it for 15 s"};
//   log::text_of(event)                          // "lost: w1: nothing was heard of it for 15 s"
//
// An event's kind is a name of these or of an incident (incident.h): persisted and in answers, so
// do not change them. Who reads shows a name that it does not know as it is. Pure values, any
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "coordinator/log/incident.h"

namespace isocost::log {

enum class EventKind : std::size_t {
  kStarted,        // the coordinator, on its database
  kSubmitted,      // an experiment
  kCancelled,      // an experiment
  kRetried,        // failed units were taken up again, since somebody asked for it
  kLeased,         // units were handed out: all of some time together
  kFinished,       // a cell: all that it wants is there
  kAttached,       // a worker is here
  kReturned,       // a worker that was lost is back
  kLeft,           // a worker said goodbye, or was sent away
  kLost,           // a worker is gone and said nothing
  kWellAgain,      // a worker that was in quarantine succeeded
  kAttemptFailed,  // of a unit that goes on
  kFailed,         // a unit, for good
};

inline constexpr std::array kEventKinds = {
    EventKind::kStarted, EventKind::kSubmitted, EventKind::kCancelled, EventKind::kRetried,
    EventKind::kLeased,  EventKind::kFinished,  EventKind::kAttached,  EventKind::kReturned,
    EventKind::kLeft,    EventKind::kLost,      EventKind::kWellAgain, EventKind::kAttemptFailed,
    EventKind::kFailed};

[[nodiscard]] constexpr std::string_view event_name(EventKind kind) {
  constexpr std::array<std::string_view, kEventKinds.size()> kNames = {
      "started",  "submitted", "cancelled", "retried",    "leased",         "finished", "attached",
      "returned", "left",      "lost",      "well_again", "attempt_failed", "failed"};
  return kNames[static_cast<std::size_t>(kind)];
}

// Whether somebody should look: something went wrong.
[[nodiscard]] constexpr bool is_trouble(std::string_view kind) {
  for (const EventKind bad : {EventKind::kLost, EventKind::kAttemptFailed, EventKind::kFailed})
    if (event_name(bad) == kind) return true;
  return is_incident(kind);
}

// So many of each kind are kept: many of one kind push out no other.
inline constexpr std::size_t kEventsKept = 1000;

struct Event {
  std::int64_t id = 0;                  // grows; none is given twice on a database
  std::int64_t at_ms = 0;               // wall clock, for people
  std::string kind{};                   // event_name or incident_name
  std::string who{};                    // a worker or a peer; empty: nobody in particular
  std::string experiment{};             // that it concerns, by name; empty: none
  std::optional<std::uint64_t> cell{};  // of the experiment, by number
  std::string labels{};                 // of the cell: "model w64, steps 50"
  std::string what{};
  bool operator==(const Event&) const = default;
};

// Which events: those after an id, the first of them; without an id the last ones. In the order of
// their ids.
struct EventQuery {
  std::optional<std::int64_t> after{};
  std::size_t limit = 100;
  std::string kind{};        // empty: all
  std::string experiment{};  // empty: all
};
inline constexpr std::size_t kEventsAtOnceMax = 1000;

// Of what an event says; a reason of a peer may be as long.
inline constexpr std::size_t kEventBytesMax = 4096;

// One line, whatever peers said, of all but time and kind:
// "w1: study, cell 3 (model w64, steps 50): bug: ...".
[[nodiscard]] std::string about_text(const Event& event);
// The same with the kind before it: "attempt_failed: w1: study, cell 3 (...): bug: ...".
[[nodiscard]] std::string text_of(const Event& event);

}  // namespace isocost::log
