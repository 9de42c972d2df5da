// Speaks to a running coordinator over HTTP, one request a call.
//
//   tl::expected<Json, CallFault> answer = call(address, "POST", "/api/v1/retry", "");
//   if (!answer) return complain(answer.error());
//
// Fails with: nobody answers there, a time limit, the coordinator's own faults as it told them;
// each with the exit code of a command that ends with it. Thread: any.
#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"
#include "coordinator/web/server.h"

namespace CLI {
class App;
}

namespace isocost::cli {

struct CoordinatorAddress {
  std::string url = web::kDefaultUrl;
  std::filesystem::path token_file;  // its one line goes along; empty: none
};

// --coordinator and --token-file of a command.
void add_address_options(CLI::App& command, CoordinatorAddress& address);

// `body` goes as application/json unless it is empty and the method is GET.
struct CallFault {
  Failure failure;
  int exit_code = 0;
};
[[nodiscard]] tl::expected<Json, CallFault> call(const CoordinatorAddress& address,
                                                 const std::string& method,
                                                 const std::string& target,
                                                 const std::string& body);
// Prints the fault and returns its exit code.
int complain(const CallFault& fault);

// A name as one segment of a path.
[[nodiscard]] std::string percent_encoded(const std::string& text);

}  // namespace isocost::cli
