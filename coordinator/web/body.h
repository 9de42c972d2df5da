// The body of one request as it comes: small ones in memory, large ones in a file without a name,
// so that who sends much costs disk for a while and no memory.
//
//   Body body(folder);
//   body.append(piece);             // throws std::system_error: a full disk
//   body.open()                     // a stream over all of it
//
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <filesystem>
#include <istream>
#include <memory>
#include <string>
#include <string_view>

namespace isocost::web {

class Body {
 public:
  static constexpr std::size_t kInMemoryMax = std::size_t{64} << 10U;

  explicit Body(std::filesystem::path folder) : folder_(std::move(folder)) {}
  ~Body();
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  void append(std::string_view piece);
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  // Requires: nothing is appended any more, and this object outlives the stream.
  [[nodiscard]] std::unique_ptr<std::istream> open() const;
  // Requires: no more than kInMemoryMax bytes.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void spill();
  void write(std::string_view piece);

  std::filesystem::path folder_;
  std::string text_;
  int descriptor_ = -1;
  std::size_t bytes_ = 0;
};

}  // namespace isocost::web
