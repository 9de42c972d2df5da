#include "cli/http_client.h"

#include <CLI/CLI.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>

#include "base/io/atomic_file.h"
#include "base/text.h"
#include "base/transport/addresses.h"
#include "cli/command.h"

namespace isocost::cli {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::chrono::seconds kConnectMax{10};
constexpr std::chrono::minutes kAnswerMax{10};  // planning a million cells takes its time
constexpr std::uint64_t kAnswerBytesMax = 1ULL << 30U;

using boost::asio::ip::tcp;
using HttpRequest = http::request<http::string_body>;

// Whoever answers at an address that a user gave need not be a coordinator.
std::string text_of(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? one_line(found->get<std::string>())
                                                     : std::string();
}

tl::unexpected<CallFault> fault(Failure failure, int exit_code) {
  return tl::unexpected<CallFault>(CallFault{std::move(failure), exit_code});
}

// The coordinator's answer, or the faults that it found.
tl::expected<Json, CallFault> read_answer(const std::string& url, unsigned status,
                                          const std::string& body) {
  auto json = parse_json(body, url);
  if (status >= 200 && status < 300) {
    if (!json) return fault(std::move(json.error()), kExitInput);
    return std::move(*json);
  }
  Failure failure;
  if (json && json->is_object() && json->contains("errors") && json->at("errors").is_array())
    for (const Json& error : json->at("errors"))
      if (error.is_object())
        failure.add(text_of(error, "where"), text_of(error, "what"), text_of(error, "expected"));
  if (failure.is_empty()) failure.add(url, "the coordinator answered " + std::to_string(status));
  return fault(std::move(failure), status < 500 ? kExitInput : kExitFailed);
}

// One exchange, each step within its time; throws boost::system::system_error.
http::response<http::string_body> ask(const std::vector<tcp::endpoint>& addresses,
                                      const HttpRequest& request) {
  boost::asio::io_context context;
  beast::tcp_stream stream(context);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kAnswerBytesMax);
  beast::error_code failed;
  const auto finish = [&](const beast::error_code& error, std::size_t) { failed = error; };
  const auto run = [&] {
    context.restart();
    context.run();
    if (failed) throw boost::system::system_error(failed);
  };
  stream.expires_after(kConnectMax);
  stream.async_connect(addresses,
                       [&](const beast::error_code& error, const auto&) { failed = error; });
  run();
  stream.expires_after(kAnswerMax);
  http::async_write(stream, request, finish);
  run();
  http::async_read(stream, buffer, parser, finish);
  run();
  return parser.release();
}

std::vector<tcp::endpoint> to_asio(const std::vector<transport::Endpoint>& addresses) {
  std::vector<tcp::endpoint> endpoints;
  for (const transport::Endpoint& address : addresses) {
    std::string host = address.host;
    std::erase_if(host, [](char c) { return c == '[' || c == ']'; });
    boost::system::error_code error;
    const auto ip = boost::asio::ip::make_address(host, error);
    if (!error) endpoints.emplace_back(ip, address.port);
  }
  return endpoints;
}

std::string text_of(const std::vector<transport::Endpoint>& addresses) {
  std::string text;
  for (const transport::Endpoint& address : addresses)
    text += (text.empty() ? "" : ", ") + address.host + ":" + std::to_string(address.port);
  return text;
}

Result<std::string> read_token(const std::filesystem::path& file) {
  if (file.empty()) return std::string();
  auto text = io::read_file(file, 4096);
  if (!text) return text;
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  return text;
}

}  // namespace

void add_address_options(CLI::App& command, CoordinatorAddress& address) {
  command.add_option("--coordinator", address.url, "Where the coordinator's HTTP interface is")
      ->envname("ISOCOST_COORDINATOR")
      ->capture_default_str();
  command.add_option("--token-file", address.token_file, "A file with the interface's token")
      ->envname("ISOCOST_TOKEN_FILE");
}

int complain(const CallFault& fault) { return complain(fault.failure.message(), fault.exit_code); }

tl::expected<Json, CallFault> call(const CoordinatorAddress& address, const std::string& method,
                                   const std::string& target, const std::string& body) {
  const auto endpoint = transport::parse_endpoint(address.url, "http");
  if (!endpoint) return fault(endpoint.error(), kExitInput);
  const auto addresses = transport::addresses_of(*endpoint);
  if (!addresses) return fault(addresses.error(), kExitNobody);
  const auto token = read_token(address.token_file);
  if (!token) return fault(token.error(), kExitInput);
  HttpRequest request(http::string_to_verb(method), target, 11);
  request.set(http::field::host, endpoint->host + ":" + std::to_string(endpoint->port));
  request.set(http::field::user_agent, "isocost");
  if (!token->empty()) request.set(http::field::authorization, "Bearer " + *token);
  if (method != "GET") request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();
  try {
    const auto response = ask(to_asio(*addresses), request);
    return read_answer(address.url, response.result_int(), response.body());
  } catch (const boost::system::system_error& error) {
    Failure nobody;
    nobody.add(address.url,
               "no coordinator answers at " + text_of(*addresses) + ": " + error.code().message(),
               "the address that `isocost coordinator` or `isocost run` printed");
    return fault(std::move(nobody), kExitNobody);
  }
}

std::string percent_encoded(const std::string& text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                          (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ||
                          byte == '.' || byte == '~';
    if (is_plain) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kDigits[byte >> 4U];
      encoded += kDigits[byte & 15U];
    }
  }
  return encoded;
}

}  // namespace isocost::cli
