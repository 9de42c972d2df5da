#include "coordinator/web/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <list>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/io/limits.h"
#include "base/transport/addresses.h"
#include "base/transport/endpoint.h"
#include "coordinator/web/access.h"
#include "coordinator/web/body.h"
#include "coordinator/web/handler.h"

namespace isocost::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr std::size_t kHeaderBytesMax = std::size_t{16} << 10;
constexpr std::size_t kBodyAtOnce = std::size_t{64} << 10;
constexpr std::chrono::seconds kIdleMax{60};        // of a connection between requests
constexpr std::chrono::seconds kTransferMax{60};    // for one answer
constexpr std::chrono::seconds kTransferGrace{10};  // then a body must come at this rate
constexpr double kTransferRateMin = 64 << 10;       // bytes a second
constexpr std::size_t kLargeBodiesMax = 4;          // at once; each waits on disk
constexpr std::size_t kSmallAnswer = std::size_t{64} << 10;
constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 20;  // of all that are not taken yet
static_assert(kTableBytesMax < kAnswerBytesMax);
constexpr std::chrono::milliseconds kAcceptPause{50};
constexpr std::size_t kShownMax = 100;
constexpr std::size_t kCommandThreads = 2;
constexpr std::size_t kReaderThreads = 1;

std::string without_brackets(const std::string& host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

http::response<http::string_body> to_beast(Response response, unsigned version, bool is_kept,
                                           bool is_head) {
  http::response<http::string_body> message(static_cast<http::status>(response.status), version);
  message.set(http::field::content_type, response.content_type);
  // What carries the mark of its content may be kept, and is asked for again each time.
  message.set(http::field::cache_control, "no-store");
  for (const auto& [name, value] : response.headers) {
    message.set(name, value);
    if (name == "ETag") message.set(http::field::cache_control, "private, no-cache");
  }
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

using BodyParser = http::request_parser<http::buffer_body>;

Response fault_of(int status, const std::string& where, const std::string& what,
                  const std::string& expected) {
  return fault_response(status, Failure{{{where, what, expected}}});
}

// Bytes of answers under way, counted as long as it lives.
class AnswerBytes {
 public:
  AnswerBytes(std::size_t& sum, std::size_t bytes) : sum_(sum), bytes_(bytes) { sum_ += bytes_; }
  ~AnswerBytes() { sum_ -= bytes_; }
  AnswerBytes(const AnswerBytes&) = delete;
  AnswerBytes& operator=(const AnswerBytes&) = delete;

 private:
  std::size_t& sum_;
  std::size_t bytes_;
};

// One of the few bodies that may be large at once.
class LargeBody {
 public:
  explicit LargeBody(std::size_t& count) : count_(count) {}
  ~LargeBody() {
    if (is_taken_) --count_;
  }
  LargeBody(const LargeBody&) = delete;
  LargeBody& operator=(const LargeBody&) = delete;
  bool take() {
    if (is_taken_) return true;
    if (count_ >= kLargeBodiesMax) return false;
    ++count_;
    return is_taken_ = true;
  }

 private:
  std::size_t& count_;
  bool is_taken_ = false;
};

std::optional<Response> keep(Body& body, std::string_view piece) {
  try {
    body.append(piece);
    return std::nullopt;
  } catch (const std::system_error& fault) {
    return fault_of(507, "body", fault.what(), "a disk with room");
  }
}

// What must be answered instead, where the body cannot be taken.
asio::awaitable<std::optional<Response>> read_body(beast::tcp_stream& stream,
                                                   beast::flat_buffer& buffer, BodyParser& parser,
                                                   Body& body, std::size_t& large_bodies) {
  const auto& head = parser.get();
  const std::size_t bytes_max =
      body_bytes_max(std::string(head.method_string()), std::string(head.target()));
  parser.body_limit(bytes_max);
  const auto too_large = [&] {
    return fault_of(413, "body", "it is too large", fmt::format("{} bytes at most", bytes_max));
  };
  if (parser.content_length() && *parser.content_length() > bytes_max) co_return too_large();
  const auto begin = std::chrono::steady_clock::now();
  LargeBody large(large_bodies);
  std::vector<char> piece(kBodyAtOnce);
  while (!parser.is_done()) {
    parser.get().body() = {.data = piece.data(), .size = piece.size(), .more = true};
    stream.expires_after(kIdleMax);
    boost::system::error_code error;
    co_await http::async_read(stream, buffer, parser,
                              asio::redirect_error(asio::use_awaitable, error));
    if (error == http::error::body_limit) co_return too_large();
    if (error && error != http::error::need_buffer) throw boost::system::system_error(error);
    const std::size_t bytes = piece.size() - parser.get().body().size;
    if (body.bytes() + bytes > Body::kInMemoryMax && !large.take())
      co_return fault_of(503, "body", "other large requests are on their way", "a later try");
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    if (time > kTransferGrace &&
        static_cast<double>(body.bytes()) < kTransferRateMin * time.count())
      co_return fault_of(408, "body", "it comes too slowly",
                         fmt::format("{} KiB a second", kTransferRateMin / 1024));
    if (auto full = keep(body, {piece.data(), bytes})) co_return full;
  }
  co_return std::nullopt;
}

boost::system::error_code listen_at(const tcp::endpoint& address, tcp::acceptor& acceptor) {
  boost::system::error_code error;
  acceptor.open(address.protocol(), error);
  if (!error && address.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(address, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

// What a whole request is answered.
Response respond(const Request& request, core::Commands& commands, Archive& archive) {
  Handled handled = handle(request, *commands.snapshot(), commands.silence());
  if (auto* response = std::get_if<Response>(&handled)) return std::move(*response);
  const auto* action = std::get_if<Action>(&handled);
  try {
    return action != nullptr ? perform(*action, commands)
                             : answer(std::get<Question>(handled), archive);
  } catch (const std::exception& error) {  // a disk that is full or cannot be read, a stop
    return action != nullptr ? fault_of(503, "coordinator", error.what(), "a later try")
                             : fault_of(503, "database", error.what(), "a database to read");
  }
}

}  // namespace

class Server::Impl {
 public:
  Impl(core::Commands& commands, Archive& archive, std::string token, const ServerOptions& options)
      : commands_(commands),
        archive_(archive),
        token_(std::move(token)),
        log_(options.log),
        spool_(options.spool.empty() ? std::filesystem::temp_directory_path() : options.spool),
        connections_max_(std::clamp<std::size_t>(io::descriptors_max() / 8, 16, 256)) {}

  ~Impl() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
    pool_.join();
    readers_.join();
    visitors_.clear();  // while there is a context that their sockets belong to
  }

  Result<void> listen(transport::Endpoint endpoint) {
    const auto addresses = transport::addresses_of(endpoint);
    if (!addresses) return fail(addresses.error());
    // A name may stand for several addresses of this machine, and who asks for it may try any.
    const bool is_any_port = endpoint.port == 0;
    boost::system::error_code refused;
    for (const transport::Endpoint& address : *addresses) {
      const std::string host = address.host == "*" ? "0.0.0.0" : without_brackets(address.host);
      boost::system::error_code error;
      const auto ip = asio::ip::make_address(host, error);
      // After the first one the port that it got.
      tcp::acceptor acceptor(context_);
      if (!error) error = listen_at({ip, endpoint.port}, acceptor);
      if (error && refused != asio::error::address_in_use) refused = error;
      if (error) continue;
      endpoint.port = acceptor.local_endpoint().port();
      acceptors_.push_back(std::move(acceptor));
    }
    const std::string where = fmt::format("http://{}:{}", endpoint.host, endpoint.port);
    if (refused == asio::error::address_in_use && (!is_any_port || acceptors_.empty()))
      return fail(where, "the port is in use", "a free port, or 0 for one that the system picks");
    if (acceptors_.empty()) return fail(where, "cannot listen there: " + refused.message());
    endpoint_ = endpoint;
    for (tcp::acceptor& acceptor : acceptors_)
      asio::co_spawn(context_, accept_all(acceptor), asio::detached);
    thread_ = std::thread([this] { run(); });
    return {};
  }

  [[nodiscard]] std::string url() const {
    return fmt::format("http://{}:{}", endpoint_.host, endpoint_.port);
  }

 private:
  // One connection, as the serving thread sees it.
  struct Visitor {
    beast::tcp_stream stream;
    std::string address;
    bool has_asked = false;  // a whole request came
  };
  using Visitors = std::list<Visitor>;

  // A handler that throws concerns its own connection; the rest is served on.
  void run() {
    while (true) {
      try {
        context_.run();
        return;
      } catch (const std::exception& fault) {
        if (log_ != nullptr) log_->note(std::string("the HTTP interface: ") + fault.what());
      }
    }
  }

  void tell(log::Incident kind, const std::string& who, const std::string& what) {
    if (log_ != nullptr) log_->tell(kind, who, what);
  }

  asio::awaitable<void> accept_all(tcp::acceptor& acceptor) {
    while (true) {
      boost::system::error_code error;
      tcp::socket socket =
          co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        // No descriptor left, most likely: the next try at once would fail the same way.
        tell(log::Incident::kEvicted, "a visitor", "it cannot be let in: " + error.message());
        asio::steady_timer pause(context_, kAcceptPause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      admit(std::move(socket));
    }
  }

  void admit(tcp::socket socket) {
    boost::system::error_code error;
    const tcp::endpoint peer = socket.remote_endpoint(error);
    const std::string address =
        error ? "a visitor" : fmt::format("{}:{}", peer.address().to_string(), peer.port());
    if (visitors_.size() >= connections_max_ && !make_room()) {
      tell(log::Incident::kEvicted, address, "there are as many connections as may be");
      return;
    }
    visitors_.push_back({beast::tcp_stream(std::move(socket)), address, false});
    const auto visitor = std::prev(visitors_.end());
    asio::co_spawn(context_, serve(*visitor), [this, visitor](const std::exception_ptr&) {
      // A connection that broke concerns nobody but its peer.
      visitors_.erase(visitor);
    });
  }

  // Ends the oldest connection that asked for nothing yet.
  bool make_room() {
    const auto silent = std::find_if(visitors_.begin(), visitors_.end(), [](Visitor& visitor) {
      return !visitor.has_asked && visitor.stream.socket().is_open();
    });
    if (silent == visitors_.end()) return false;
    tell(log::Incident::kEvicted, silent->address, "it asked for nothing, and others want to");
    silent->stream.close();
    return true;
  }

  asio::awaitable<void> serve(Visitor& visitor) {
    beast::tcp_stream& stream = visitor.stream;
    beast::flat_buffer buffer(kHeaderBytesMax + kBodyAtOnce);
    bool is_kept = true;
    while (is_kept) {
      BodyParser parser;
      parser.header_limit(static_cast<std::uint32_t>(kHeaderBytesMax));
      // Beast holds a header's Content-Length against the limit that stands when it is read, and
      // what the limit is depends on the header.
      parser.body_limit(boost::none);
      stream.expires_after(kIdleMax);
      boost::system::error_code error;
      co_await http::async_read_header(stream, buffer, parser,
                                       asio::redirect_error(asio::use_awaitable, error));
      if (error) {
        tell_bad_header(visitor, error);
        co_return;
      }
      visitor.has_asked = true;
      const auto& head = parser.get();
      const bool is_head = head.method() == http::verb::head;
      Body body(spool_);
      auto response = refuse({.target = std::string(head.target()),
                              .host = std::string(head[http::field::host]),
                              .origin = std::string(head[http::field::origin]),
                              .authorization = std::string(head[http::field::authorization])},
                             token_);
      if (!response) response = co_await read_body(stream, buffer, parser, body, large_bodies_);
      if (response) {
        // Its body stays unread, so the connection cannot go on.
        tell(response->status == 413 ? log::Incident::kOversized : log::Incident::kRefusedRequest,
             visitor.address,
             fmt::format("{} {}: {}", std::string(head.method_string()),
                         std::string(head.target().substr(0, kShownMax)), response->status));
        is_kept = false;
      } else {
        is_kept = head.keep_alive();
        response = co_await answer(head, body);
      }
      co_await send(visitor, std::move(*response), is_kept, is_head);
    }
    boost::system::error_code ignored;  // the peer may have closed already
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  void tell_bad_header(const Visitor& visitor, const boost::system::error_code& error) {
    // Who goes between two requests does nothing wrong.
    if (error == http::error::end_of_stream || error == asio::error::operation_aborted ||
        error == asio::error::connection_reset || error == asio::error::bad_descriptor)
      return;
    if (error == beast::error::timeout) {
      if (!visitor.has_asked)
        tell(log::Incident::kStalled, visitor.address, "it connected and asked for nothing");
    } else {
      tell(log::Incident::kMalformed, visitor.address,
           "a request that is none: " + error.message());
    }
  }

  template <class Head>
  asio::awaitable<Response> answer(const Head& head, const Body& body) {
    const auto request =
        std::make_shared<Request>(Request{std::string(head.method_string()),
                                          std::string(head.target()),
                                          std::string(head[http::field::content_type]),
                                          {},
                                          nullptr,
                                          std::string(head[http::field::if_none_match])});
    const std::shared_ptr<std::istream> large =
        body.bytes() > Body::kInMemoryMax ? body.open() : nullptr;
    if (large)
      request->large_body = large.get();
    else
      request->body = body.text();
    // Parsing a large submission and waiting for its commit would hold up everybody else on the
    // serving thread. The closure has a name and shares the request, since g++ 12 destroys a
    // temporary closure inside co_await twice.
    auto work = [this, request, large]() -> asio::awaitable<Response> {
      co_return conditional(*request, respond(*request, commands_, archive_));
    };
    asio::thread_pool& pool = is_long(request->target) ? readers_ : pool_;
    co_return co_await asio::co_spawn(pool, std::move(work), asio::use_awaitable);
  }

  asio::awaitable<void> send(Visitor& visitor, Response response, bool is_kept, bool is_head) {
    // Answers that nobody takes are bounded together.
    if (response.body.size() > kSmallAnswer &&
        answer_bytes_ + response.body.size() > kAnswerBytesMax) {
      tell(log::Incident::kRefusedRequest, visitor.address, "too many answers wait to be taken");
      response = fault_of(503, "answer", "too many others wait to be taken", "a later try");
    }
    const AnswerBytes counted(answer_bytes_, response.body.size());
    visitor.stream.expires_after(kTransferMax);
    const auto message = to_beast(std::move(response), 11, is_kept, is_head);
    http::serializer<false, http::string_body> serializer(message);
    boost::system::error_code error;
    if (is_head)
      co_await http::async_write_header(visitor.stream, serializer,
                                        asio::redirect_error(asio::use_awaitable, error));
    else
      co_await http::async_write(visitor.stream, serializer,
                                 asio::redirect_error(asio::use_awaitable, error));
    if (error == beast::error::timeout)
      tell(log::Incident::kStalled, visitor.address, "it takes nothing of the answer");
    if (error) throw boost::system::system_error(error);
  }

  core::Commands& commands_;
  Archive& archive_;
  std::string token_;
  log::Log* log_;
  std::filesystem::path spool_;
  std::size_t connections_max_;
  transport::Endpoint endpoint_;
  asio::thread_pool pool_{kCommandThreads};
  asio::thread_pool readers_{kReaderThreads};  // of whole tables, so that they delay nobody else
  // Of the serving thread.
  Visitors visitors_;
  std::size_t large_bodies_ = 0;
  std::size_t answer_bytes_ = 0;
  asio::io_context context_{1};
  std::vector<tcp::acceptor> acceptors_;
  std::thread thread_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
std::string Server::url() const { return impl_->url(); }

Result<std::unique_ptr<Server>> Server::open(const ServerOptions& options, core::Commands& commands,
                                             Archive& archive) {
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
  auto impl = std::make_unique<Impl>(commands, archive, std::move(token), options);
  if (auto listening = impl->listen(*endpoint); !listening) return fail(listening.error());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

}  // namespace isocost::web
