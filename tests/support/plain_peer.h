// A TCP connection to this machine that says what a test tells it to, byte by byte: nothing at all,
// or frames that no library would send.
//
//   PlainPeer peer(port);
//   peer.greet();  peer.write_part(bytes);      // ZMTP without keys, a message that goes on
//
// Thread: one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace isocost::testing {

class PlainPeer {
 public:
  // Throws std::system_error when nobody listens there.
  explicit PlainPeer(std::uint16_t port);
  PlainPeer(PlainPeer&& other) noexcept;
  PlainPeer& operator=(PlainPeer&&) = delete;
  ~PlainPeer();

  // False: the other side takes no more.
  bool write(std::string_view bytes) const;  // NOLINT(modernize-use-nodiscard)
  // What comes until the other side ends or `bytes_max` are there.
  [[nodiscard]] std::string read(std::size_t bytes_max) const;
  // Whether the other side has ended the connection. Waits for at most so long.
  [[nodiscard]] bool is_over(int limit_ms) const;

  // ZMTP 3.0 without keys, as far as a DEALER has to say it.
  void greet() const;
  // One frame of a message that goes on.
  bool write_part(std::string_view bytes) const;  // NOLINT(modernize-use-nodiscard)

 private:
  int descriptor_;
};

}  // namespace isocost::testing
