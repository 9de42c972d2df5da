// SHA-256 digests: the names of artifacts, inputs and cells.
//
// Text forms: 64 lower-case hexadecimal digits (hex), and "sha256:" + hex (name), the form of
// inputs and artifacts. Thread: Sha256 belongs to one thread; the rest is pure.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace isocost {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  [[nodiscard]] std::string hex() const;
  [[nodiscard]] std::string name() const { return "sha256:" + hex(); }
  // Accepts either text form; nothing else.
  [[nodiscard]] static std::optional<Digest> parse(std::string_view text);
  auto operator<=>(const Digest&) const = default;
};

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  // Requires: called once, last.
  [[nodiscard]] Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] Digest sha256(std::string_view text);

}  // namespace isocost
