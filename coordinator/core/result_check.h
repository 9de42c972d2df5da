// Whether what a worker calls the result of a unit can be one.
//
//   if (auto failure = check_result(lease.kind, lease.body, result, look)) ...  // a failed attempt
//
// Every artifact that the unit needs to leave must be there, and none that is not its; a score's
// value is a number that its metric can have. `look` is asked what is wrong with an artifact's
// file, if anything: it knows the store, which this does not. Pure but for that, any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "schema/units/kind.h"

namespace isocost::core {

using units::ArtifactForm;
using LookAtArtifact = std::function<std::optional<std::string>(const ArtifactRef& artifact,
                                                                const ArtifactForm& form)>;

[[nodiscard]] std::optional<UnitFailure> check_result(UnitKind kind, const std::string& body,
                                                      const UnitResult& result,
                                                      const LookAtArtifact& look = {});

}  // namespace isocost::core
