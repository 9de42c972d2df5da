// A client of the coordinator's HTTP interface for tests (libcurl).
//
//   HttpClient client("http://127.0.0.1:7780", token);
//   Result<Json> status = client.get("/api/v1/status");
//   Result<Json> answer = client.post("/api/v1/experiments", to_json(submission));
//
// Fails with: nobody answers there, what the coordinator finds wrong (its errors as they are), an
// answer that is no JSON. Thread: one.
#pragma once

#include <chrono>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace isocost::testing {

class HttpClient {
 public:
  explicit HttpClient(std::string url, std::string token = {})
      : url_(std::move(url)), token_(std::move(token)) {}

  [[nodiscard]] Result<Json> get(const std::string& target);
  [[nodiscard]] Result<Json> post(const std::string& target, const Json& body);
  [[nodiscard]] Result<Json> remove(const std::string& target);

 private:
  [[nodiscard]] Result<Json> call(const char* method, const std::string& target,
                                  const std::string& body);

  std::string url_;
  std::string token_;
};

// A text as one piece of a path: "my study" -> "my%20study".
[[nodiscard]] std::string percent_encoded(const std::string& text);

}  // namespace isocost::testing
