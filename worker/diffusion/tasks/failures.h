// Short ways to say why a unit failed.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "schema/spec.h"

namespace isocost::diffusion {

[[nodiscard]] inline tl::unexpected<UnitFailure> unit_failure(FailureClass failure_class,
                                                              std::string reason) {
  return tl::unexpected(UnitFailure{failure_class, std::move(reason), {}});
}
[[nodiscard]] inline tl::unexpected<UnitFailure> bad_input(const Failure& failure) {
  return unit_failure(FailureClass::kBadInput, failure.message());
}
[[nodiscard]] inline tl::unexpected<UnitFailure> cancelled() {
  return unit_failure(FailureClass::kInputOutput, "the unit was taken back");
}

}  // namespace isocost::diffusion
