// A file descriptor that closes itself, and the loops around read and write that POSIX asks for.
//
// For the sources of base/io alone. Thread: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"

namespace isocost::io {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  int release();
  void reset();
  // To a byte from the file's beginning. Throws std::system_error.
  void seek(std::uint64_t byte, const std::filesystem::path& name) const;

 private:
  int number_ = -1;
};

struct OpenFile {
  Descriptor descriptor;
  std::uint64_t bytes = 0;
};

// Opens a regular file for reading; a pipe or a device is refused and never waited for.
// Fails with: missing, unreadable, not a regular file.
[[nodiscard]] Result<OpenFile> open_regular_file(const std::filesystem::path& file);

// Fills `into` from the current position; the number of bytes that were there. Throws
// std::system_error.
[[nodiscard]] std::size_t read_some(const Descriptor& file, std::span<std::byte> into,
                                    const std::filesystem::path& name);

// Throws std::system_error.
void write_all(const Descriptor& file, std::span<const std::byte> bytes,
               const std::filesystem::path& name);

// "what" + name + the system's reason.
[[noreturn]] void throw_system_error(const std::string& what, const std::filesystem::path& name);

}  // namespace isocost::io
