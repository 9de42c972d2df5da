// What the coordinator says, as JSON: the form of /api/v1 and of `isocost status --json`, both
// ways. The core, the loop and the command line speak in structs.
//
//   Json json = to_json(*commands.snapshot());
//   Result<core::Snapshot> status = snapshot_from_json(*answer, "status");   // of another process
//
// Reading believes nothing: every member is looked at, and further ones are left alone, since a
// newer coordinator may say more. Pure, any thread.
#pragma once

#include "coordinator/core/commands.h"

namespace isocost::web {

[[nodiscard]] Json to_json(const core::Snapshot& snapshot);
[[nodiscard]] Json to_json(const core::WorkerView& worker);
[[nodiscard]] Json to_json(const core::GoneWorkerView& worker);
[[nodiscard]] Json to_json(const log::Event& event);
[[nodiscard]] Json to_json(const std::vector<log::Event>& events);
[[nodiscard]] Json to_json(const core::ExperimentView& experiment);
[[nodiscard]] Json to_json(const core::SubmissionReply& reply);
[[nodiscard]] Json to_json(const core::CancelReply& reply);
[[nodiscard]] Json to_json(const core::RetryReply& reply);

[[nodiscard]] Result<std::vector<log::Event>> events_from_json(const Json& json,
                                                               const std::string& where);
[[nodiscard]] Result<core::Snapshot> snapshot_from_json(const Json& json, const std::string& where);
[[nodiscard]] Result<core::SubmissionReply> submission_reply_from_json(const Json& json,
                                                                       const std::string& where);
[[nodiscard]] Result<core::RetryReply> retry_reply_from_json(const Json& json,
                                                             const std::string& where);

}  // namespace isocost::web
