// How tools of the field hand pictures to the Inception network of 2015: options of a torchscript
// extractor, for the protocols that are called after them. Pure values, any thread.
#pragma once

#include "base/json.h"

namespace isocost::metrics {

[[nodiscard]] inline Json inception_input(const char* resize, const char* range) {
  return {{"resize", resize}, {"range", range}, {"size", 299}};
}
[[nodiscard]] inline Json pytorch_fid_input() { return inception_input("torch", "unit"); }
[[nodiscard]] inline Json clean_fid_input() { return inception_input("clean", "bytes"); }
[[nodiscard]] inline Json torch_fidelity_input() { return inception_input("tf1", "signed"); }

}  // namespace isocost::metrics
