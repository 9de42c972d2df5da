// What the store is asked for around an event, for whoever drives the Core (the loop, the
// simulator, tests): failed units that may go on after all, and what made lost artifacts.
//
//   Effects effects = core.handle(event, now);  store.apply(effects.writes);
//   for (const Event& next : follow_up(effects, store)) ... core.handle(next, now) ...
//
// Thread: the store's.
#pragma once

#include <vector>

#include "coordinator/core/ports.h"
#include "coordinator/core/types.h"

namespace isocost::core {

// Units that failed for want of another one, never by themselves: the Core takes up those whose
// needs are no longer failed.
[[nodiscard]] Retry unblocked(Store& store);

// A failure of which the worker says that it missed artifacts; of these `missing` are missing
// indeed.
[[nodiscard]] FailureArrived with_losses(SessionId session, wire::FailureMessage message,
                                         const std::vector<Digest>& missing, Store& store);

// What is to be handed to the Core next. Requires: the writes of `effects` are applied.
[[nodiscard]] std::vector<Event> follow_up(const Effects& effects, Store& store);

}  // namespace isocost::core
