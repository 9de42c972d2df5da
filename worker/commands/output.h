// What the commands print alike: faults to the error stream, JSON to the output.
#pragma once

#include <iostream>

#include "base/json.h"
#include "base/result.h"

namespace isocost::commands {

// "isocost-worker: where: what; expected ..." one line a fault. Returns the exit code of a fault.
inline int report_failure(const Failure& failure) {
  for (const auto& error : failure.errors)
    std::cerr << "isocost-worker: " << error.message() << '\n';
  return 1;
}

inline void print_json(const Json& json) { std::cout << json.dump(2) << '\n'; }

}  // namespace isocost::commands
