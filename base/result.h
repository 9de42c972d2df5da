// Result<T>: a value, or what is wrong with something that came from outside.
//
// A Failure holds every fault that was found, not the first; each says where, what, and what was
// expected, and reads as one sentence. Programmer errors are ISOCOST_CHECK, I/O faults are
// exceptions: neither is a Result.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace isocost {

struct Error {
  std::string where;     // "grid.yaml:3:5", "unet/config.json: block_out_channels"; may be empty
  std::string what;      // "unknown key 'stpes'"
  std::string expected;  // "one of: model, sampler, steps"; may be empty

  // "where: what; expected ..." with the parts that are there.
  [[nodiscard]] std::string message() const;
  bool operator==(const Error&) const = default;
};

struct Failure {
  std::vector<Error> errors;

  // Of so many the rest is said to be there and not kept: what comes from outside may be wrong a
  // million times.
  static constexpr std::size_t kErrorsMax = 1000;
  // One line an error.
  [[nodiscard]] std::string message() const;
  Failure& add(std::string where, std::string what, std::string expected = {});
  Failure& add(const Failure& other);
  [[nodiscard]] bool is_empty() const { return errors.empty(); }
  bool operator==(const Failure&) const = default;
};

template <class T>
using Result = tl::expected<T, Failure>;

// return fail("model/unet/config.json", "the file is missing", "a diffusers UNet2DConditionModel
// configuration");
[[nodiscard]] tl::unexpected<Failure> fail(std::string where, std::string what,
                                           std::string expected = {});
[[nodiscard]] inline tl::unexpected<Failure> fail(Failure failure) {
  return tl::unexpected<Failure>(std::move(failure));
}

}  // namespace isocost
