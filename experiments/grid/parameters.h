// What a grid can set of a cell, by path: "steps", "height", "sampler.eta". Axes, defaults and
// conditions all check their values here. Pure, any thread. For experiments/grid alone.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/json.h"

namespace isocost::experiments {

// The axes that need no explanation: model, task, sampler, timestep_spacing, steps, guidance, seed.
[[nodiscard]] const std::set<std::string>& usual_axes();
// Everything that can be set, options of all samplers included.
[[nodiscard]] const std::set<std::string>& parameter_paths();

// Whether tasks have it: strength, image_guidance, ...
[[nodiscard]] bool is_of_tasks(const std::string& path);

// Options of samplers that are no parameters by path: timestep_spacing is an axis, Karras sigmas
// one of its values, and a list of betas belongs to a model.
[[nodiscard]] const std::set<std::string>& options_left_out();
// Values of the axis timestep_spacing.
[[nodiscard]] std::vector<std::string> spacing_names();

// What a value of this parameter must be when this one is not; empty when it fits. Names of models
// and tasks are looked up elsewhere. Requires: a path of parameter_paths().
[[nodiscard]] std::string misfit(const std::string& path, const Json& value);

}  // namespace isocost::experiments
