// The addresses that a name stands for.
//
//   Result<std::vector<Endpoint>> addresses = transport::addresses_of(endpoint);
//
// A name may have several, and who listens need not listen at all of them: stock Debian hosts know
// localhost as ::1 first. So both ends take all of them. A numeric host stands for itself. Of
// "localhost" only addresses that other machines cannot reach are taken, whatever the system says.
// Asks the system, which may take seconds where it asks others. Fails with: the host is not known.
// Thread: any.
#pragma once

#include <vector>

#include "base/transport/endpoint.h"

namespace isocost::transport {

// Numeric endpoints in the system's order of preference, each once; never empty.
[[nodiscard]] Result<std::vector<Endpoint>> addresses_of(const Endpoint& endpoint);
// Whether the host is an address already: nobody needs to be asked.
[[nodiscard]] bool is_numeric(const Endpoint& endpoint);

}  // namespace isocost::transport
