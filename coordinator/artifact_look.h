// What is wrong with the file of an artifact, if anything: its size and its form, from its first
// bytes alone. That its bytes are those of its digest was seen when it came.
//
//   if (auto why = look_at_artifact(store, artifact, form)) ...
//
// Never throws on outside data. Thread: any.
#pragma once

#include <optional>
#include <string>

#include "base/io/artifact_store.h"
#include "coordinator/core/result_check.h"

namespace isocost::coordinator {

[[nodiscard]] std::optional<std::string> look_at_artifact(const io::ArtifactStore& store,
                                                          const ArtifactRef& artifact,
                                                          const units::ArtifactForm& form);

}  // namespace isocost::coordinator
