// Messages for tests: one fixed sample a kind (golden files), and any number of random ones from a
// seed.
#pragma once

#include <random>
#include <vector>

#include "schema/wire/messages.h"

namespace isocost::testing {

// One message of every kind, all members filled, in the order of the kinds' numbers.
[[nodiscard]] std::vector<wire::Message> sample_messages();

// A valid message of a kind drawn from `chance`, lists and texts included.
[[nodiscard]] wire::Message random_message(std::mt19937_64& chance);

}  // namespace isocost::testing
