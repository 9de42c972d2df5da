#include "tests/support/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "base/json_reader.h"

namespace isocost::testing {
namespace {

constexpr long kConnectMs = 5000;
constexpr long kTransferSeconds = 600;  // a large submission is committed before it is answered
constexpr std::size_t kAnswerBytesMax = std::size_t{1} << 30;

std::size_t append(char* data, std::size_t size, std::size_t count, void* to) {
  auto& text = *static_cast<std::string*>(to);
  if (text.size() + size * count > kAnswerBytesMax) return 0;
  text.append(data, size * count);
  return size * count;
}

struct FreeCurl {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// The errors that the coordinator found, or the status alone.
Failure failure_of(const std::string& where, long status, const Json& answer) {
  Failure failure;
  if (answer.is_object() && answer.contains("errors") && answer["errors"].is_array()) {
    for (const Json& error : answer["errors"]) {
      JsonReader reader(error, where);
      failure.add(reader.get_or<std::string>("where", ""), reader.get_or<std::string>("what", ""),
                  reader.get_or<std::string>("expected", ""));
    }
  }
  if (failure.is_empty())
    failure.add(where, fmt::format("the answer has status {}", status), "a coordinator of isocost");
  return failure;
}

}  // namespace

Result<Json> HttpClient::get(const std::string& target) { return call("GET", target, {}); }
Result<Json> HttpClient::post(const std::string& target, const Json& body) {
  return call("POST", target, canonical(body));
}
Result<Json> HttpClient::remove(const std::string& target) { return call("DELETE", target, {}); }

Result<Json> HttpClient::call(const char* method, const std::string& target,
                              const std::string& body) {
  static const CURLcode is_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, FreeCurl> curl(is_ready == CURLE_OK ? curl_easy_init() : nullptr);
  if (!curl) return fail("libcurl", "it cannot be started");
  const std::string where = url_ + target;
  std::string text;
  const std::string bearer = "Authorization: Bearer " + token_;
  std::unique_ptr<curl_slist, FreeCurl> headers(
      curl_slist_append(nullptr, "Content-Type: application/json"));
  curl_slist_append(headers.get(), "Expect:");
  if (!token_.empty()) curl_slist_append(headers.get(), bearer.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_URL, where.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, kTransferSeconds);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &text);
  if (std::string_view(method) == "POST") {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  }
  if (const CURLcode code = curl_easy_perform(curl.get()); code != CURLE_OK)
    return fail(url_, fmt::format("no coordinator answers there: {}", curl_easy_strerror(code)),
                "a running one: isocost coordinator");
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  auto answer = parse_json(text, where);
  if (status != 200) return fail(failure_of(where, status, answer ? *answer : Json()));
  return answer;
}

std::string percent_encoded(const std::string& text) {
  std::string encoded;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') ||
                          std::string_view("-._~").find(c) != std::string_view::npos;
    if (is_plain)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

}  // namespace isocost::testing
