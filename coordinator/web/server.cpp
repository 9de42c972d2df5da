#include "coordinator/web/server.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <thread>

#include "coordinator/web/handler.h"
#include "schema/io/atomic_file.h"
#include "schema/transport/endpoint.h"

namespace isocost::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr std::size_t kHeaderBytesMax = std::size_t{16} << 10;
constexpr std::size_t kBodyAtOnce = std::size_t{64} << 10;
constexpr std::chrono::seconds kIdleMax{60};       // of a connection between requests
constexpr std::chrono::seconds kTransferMax{300};  // for one body
constexpr int kConnectionsMax = 256;
constexpr std::size_t kCommandThreads = 2;
constexpr std::size_t kTokenBytesMin = 16;

// Takes the same time wherever the difference lies.
bool is_equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned>(a[i] ^ b[b.empty() ? 0 : i % b.size()]);
  return difference == 0;
}

Result<std::string> read_token(const std::filesystem::path& file) {
  auto text = io::read_file(file, 4096);
  if (!text) return fail(text.error());
  while (!text->empty() && std::isspace(static_cast<unsigned char>(text->back())) != 0)
    text->pop_back();
  if (text->size() < kTokenBytesMin)
    return fail(file.string(), "the token is too short",
                fmt::format("one line of {} characters or more", kTokenBytesMin));
  struct stat status{};
  if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 077) != 0)
    return fail(file.string(), "others may read this token",
                "mode 0600: chmod 600 " + file.string());
  return text;
}

// "127.0.0.1:7780" -> whether it names this machine.
bool is_loopback_host(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != std::string_view::npos && !host.ends_with(']');
  return transport::Endpoint{std::string(has_port ? host.substr(0, colon) : host), 0}.is_loopback();
}

http::response<http::string_body> to_beast(Response response, unsigned version, bool is_kept,
                                           bool is_head) {
  http::response<http::string_body> message(static_cast<http::status>(response.status), version);
  message.set(http::field::content_type, response.content_type);
  message.set(http::field::cache_control, "no-store");
  message.set("X-Content-Type-Options", "nosniff");
  message.set("Content-Security-Policy",
              "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
              "connect-src 'self'; "
              "frame-ancestors 'none'");
  if (response.status == 401) message.set(http::field::www_authenticate, "Bearer");
  message.keep_alive(is_kept);
  const std::size_t size = response.body.size();
  if (!is_head) message.body() = std::move(response.body);
  message.content_length(size);
  return message;
}

}  // namespace

class Server::Impl {
 public:
  Impl(core::Commands& commands, std::string token)
      : commands_(commands), token_(std::move(token)) {}

  ~Impl() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
    pool_.join();
  }

  Result<void> listen(transport::Endpoint endpoint) {
    boost::system::error_code error;
    const std::string host = endpoint.host == "*"       ? "0.0.0.0"
                             : endpoint.host == "[::1]" ? "::1"
                                                        : endpoint.host;
    tcp::resolver resolver(context_);
    const auto found =
        resolver.resolve(host, std::to_string(endpoint.port), tcp::resolver::passive, error);
    if (error || found.empty())
      return fail("http://" + host, "the host is not known: " + error.message(),
                  "an address of this machine");
    const tcp::endpoint address = found.begin()->endpoint();
    acceptor_.open(address.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(address, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error == asio::error::address_in_use)
      return fail(fmt::format("http://{}:{}", endpoint.host, endpoint.port), "the port is in use",
                  "a free port, or 0 for one that the system picks");
    if (error)
      return fail(fmt::format("http://{}:{}", endpoint.host, endpoint.port),
                  "cannot listen there: " + error.message());
    endpoint.port = acceptor_.local_endpoint().port();
    endpoint_ = endpoint;
    asio::co_spawn(context_, accept_all(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
    return {};
  }

  [[nodiscard]] std::string url() const {
    return fmt::format("http://{}:{}", endpoint_.host, endpoint_.port);
  }

 private:
  asio::awaitable<void> accept_all() {
    while (true) {
      boost::system::error_code error;
      tcp::socket socket =
          co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error || connections_ >= kConnectionsMax) continue;
      ++connections_;
      asio::co_spawn(context_, serve(beast::tcp_stream(std::move(socket))),
                     [this](const std::exception_ptr&) {
                       // A connection that broke concerns nobody but its peer.
                       --connections_;
                     });
    }
  }

  asio::awaitable<void> serve(beast::tcp_stream stream) {
    beast::flat_buffer buffer(kHeaderBytesMax + kBodyAtOnce);
    bool is_kept = true;
    while (is_kept) {
      http::request_parser<http::string_body> parser;
      parser.header_limit(static_cast<std::uint32_t>(kHeaderBytesMax));
      // Beast holds a header's Content-Length against the limit that stands when it is read, and
      // what the limit is depends on the header.
      parser.body_limit(boost::none);
      stream.expires_after(kIdleMax);
      co_await http::async_read_header(stream, buffer, parser, asio::use_awaitable);
      const auto& head = parser.get();
      const bool is_head = head.method() == http::verb::head;
      Response response;
      if (auto refusal = refuse(head)) {
        // Its body stays unread, so the connection cannot go on.
        response = std::move(*refusal);
        is_kept = false;
      } else {
        const auto bytes_max =
            body_bytes_max(std::string(head.method_string()), std::string(head.target()));
        parser.body_limit(bytes_max);
        stream.expires_after(kTransferMax);
        boost::system::error_code error;
        if (parser.content_length() && *parser.content_length() > bytes_max)
          error = http::error::body_limit;
        else
          co_await http::async_read(stream, buffer, parser,
                                    asio::redirect_error(asio::use_awaitable, error));
        if (error == http::error::body_limit) {
          response = fault_response(
              413,
              Failure{{{"body", "it is too large", fmt::format("{} bytes at most", bytes_max)}}});
          is_kept = false;
        } else if (error) {
          co_return;
        } else {
          is_kept = parser.get().keep_alive();
          response = co_await answer(parser.release());
        }
      }
      stream.expires_after(kTransferMax);
      const auto message = to_beast(std::move(response), 11, is_kept, is_head);
      http::serializer<false, http::string_body> serializer(message);
      if (is_head)
        co_await http::async_write_header(stream, serializer, asio::use_awaitable);
      else
        co_await http::async_write(stream, serializer, asio::use_awaitable);
    }
    boost::system::error_code ignored;  // the peer may have closed already
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  // What must not be answered, told from the header alone.
  template <class Head>
  std::optional<Response> refuse(const Head& head) const {
    const std::string target(head.target());
    if (token_.empty()) {
      if (is_loopback_host(std::string(head[http::field::host]))) return std::nullopt;
      return fault_response(
          403, Failure{{{"Host", "this name is not answered", "127.0.0.1 or localhost"}}});
    }
    if (target == "/") return std::nullopt;
    const std::string given(head[http::field::authorization]);
    if (given.starts_with("Bearer ") && is_equal_in_constant_time(given.substr(7), token_))
      return std::nullopt;
    return fault_response(401, Failure{{{"Authorization", "the token is missing or wrong",
                                         "Bearer and the coordinator's token"}}});
  }

  asio::awaitable<Response> answer(http::request<http::string_body> message) {
    const auto request = std::make_shared<const Request>(
        Request{std::string(message.method_string()), std::string(message.target()),
                std::string(message[http::field::content_type]), std::move(message.body())});
    // Parsing a large submission and waiting for its commit would hold up everybody else on the
    // serving thread. The closure has a name and shares the request, since g++ 12 destroys a
    // temporary closure inside co_await twice.
    auto work = [this, request]() -> asio::awaitable<Response> {
      Outcome outcome = handle(*request, *commands_.snapshot());
      if (auto* response = std::get_if<Response>(&outcome)) co_return std::move(*response);
      co_return perform(std::get<Action>(outcome), commands_);
    };
    co_return co_await asio::co_spawn(pool_, std::move(work), asio::use_awaitable);
  }

  core::Commands& commands_;
  std::string token_;
  transport::Endpoint endpoint_;
  std::atomic<int> connections_{0};
  asio::thread_pool pool_{kCommandThreads};
  asio::io_context context_{1};
  tcp::acceptor acceptor_{context_};
  std::thread thread_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
std::string Server::url() const { return impl_->url(); }

Result<std::unique_ptr<Server>> Server::open(const ServerOptions& options,
                                             core::Commands& commands) {
  const auto endpoint = transport::parse_endpoint(options.endpoint, "http");
  if (!endpoint) return fail(endpoint.error());
  std::string token;
  if (!options.token_file.empty()) {
    auto read = read_token(options.token_file);
    if (!read) return fail(read.error());
    token = std::move(*read);
  } else if (!endpoint->is_loopback()) {
    return fail(options.endpoint, "it is reachable from other machines, where a token is required",
                "an address on loopback, or a token file");
  }
  auto impl = std::make_unique<Impl>(commands, std::move(token));
  if (auto listening = impl->listen(*endpoint); !listening) return fail(listening.error());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

}  // namespace isocost::web
