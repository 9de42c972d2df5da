// Whether what a worker calls the result of a unit can be one.
//
//   if (auto failure = check_result(lease.kind, lease.body, result)) ...   // a failed attempt
//
// Names what is missing; the content of artifacts is not looked at. Pure, any thread.
#pragma once

#include <optional>
#include <string>

#include "schema/spec.h"

namespace isocost::core {

[[nodiscard]] std::optional<UnitFailure> check_result(UnitKind kind, const std::string& body,
                                                      const UnitResult& result);

}  // namespace isocost::core
