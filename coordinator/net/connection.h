// One TCP connection as the kernel counts it, seen through a descriptor of our own beside libzmq's.
// For Guard alone.
//
//   std::optional<Connection> connection = Connection::open(descriptor, port, now);
//   connection->look(now);               // asks the kernel
//   connection->waiting();               // bytes that came and were not taken
//
// A second descriptor of the same connection keeps its number ours: libzmq may close its own at any
// moment, and the system gives the number to whatever is opened next. Thread: one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace isocost::net {

class Connection {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // None when `descriptor` is no connection to `port` of this machine (any more).
  [[nodiscard]] static std::optional<Connection> open(int descriptor, std::uint16_t port, Time now);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) = delete;
  ~Connection();

  // What libzmq's `descriptor` is now: this connection, another one that was given its number, or
  // nothing that is connected.
  enum class Now { kThis, kAnother, kNone };
  [[nodiscard]] Now now_at(int descriptor) const;

  // Ends it for both sides; libzmq sees an end of file and closes its own descriptor.
  void end();
  // Asks the kernel what came and went. Returns how many bytes came since the last look.
  std::uint64_t look(Time now);
  // A whole message was taken from it.
  void took(std::uint64_t bytes, Time now);
  // No whole message waits: what came before the last one was taken is behind us.
  void emptied();
  void gave(std::uint64_t bytes, Time now);

  // Bytes that libzmq holds of it: of messages that wait, and of one that is not whole.
  [[nodiscard]] std::uint64_t waiting() const;
  // Bytes that were said to it and not seen to be gone.
  [[nodiscard]] std::uint64_t unread() const { return given_; }
  // Since when it takes nothing of what it is sent; none while it does.
  [[nodiscard]] std::optional<Time> stalled_since() const;
  // Whether neither end of the wire has closed it: then it was closed here.
  [[nodiscard]] bool is_established() const { return is_established_; }
  [[nodiscard]] std::chrono::milliseconds silence() const { return silence_; }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] Time since() const { return since_; }
  [[nodiscard]] Time last_message() const { return last_message_; }

  // What its messages say of it.
  std::string peer{};  // routing id; empty until the first message
  std::string key{};
  std::string name{};
  bool is_greeted = false;
  bool is_expelled = false;
  std::uint64_t order = 0;  // of its beginning among others

  [[nodiscard]] std::string who() const;

 private:
  Connection(int descriptor, std::string address, std::string raw_address, Time now)
      : descriptor_(descriptor),
        address_(std::move(address)),
        raw_address_(std::move(raw_address)),
        since_(now),
        last_message_(now) {}

  int descriptor_;
  std::string address_;
  std::string raw_address_;  // the peer's, as the kernel has it: no two connections share it
  Time since_;
  Time last_message_;
  std::uint64_t received_ = 0;  // all that came
  std::uint64_t base_ = 0;      // of which so many lie in messages that were taken,
  std::uint64_t taken_ = 0;     // and about so many in those taken since
  std::uint64_t mark_ = 0;      // received_ when the last message was taken
  std::uint64_t given_ = 0;
  std::uint64_t acknowledged_ = 0;
  Time progress_{};  // when it last took something, or had nothing to take
  bool is_stalled_ = false;
  bool is_established_ = true;
  std::chrono::milliseconds silence_{0};
};

}  // namespace isocost::net
