#include "coordinator/core/attempts.h"

#include <utility>

namespace isocost::core {
namespace {

constexpr unsigned kProofBits = 32;
constexpr std::uint64_t kProofMask = (1ULL << kProofBits) - 1;
// Counters are stored as signed numbers.
constexpr std::uint64_t kNumberMax = (1ULL << (63U - kProofBits)) - 1;

}  // namespace

Attempts::Attempts(std::uint64_t epoch, std::string secret)
    : epoch_(epoch), secret_(std::move(secret)) {}

Attempt Attempts::next(std::string_view unit) {
  number_ = number_ % kNumberMax + 1;  // two thousand million leases of one start: begins anew
  return {epoch_, number_ << kProofBits | proof(unit, epoch_, number_)};
}

Attempt Attempts::last() const { return {epoch_, number_ << kProofBits | kProofMask}; }

bool Attempts::was_given(std::string_view unit, Attempt attempt) const {
  const std::uint64_t number = attempt.counter >> kProofBits;
  return number >= 1 && number <= kNumberMax &&
         (attempt.counter & kProofMask) == proof(unit, attempt.epoch, number);
}

std::uint32_t Attempts::proof(std::string_view unit, std::uint64_t epoch,
                              std::uint64_t number) const {
  const Digest digest = sha256(secret_ + "\n" + std::to_string(epoch) + "." +
                               std::to_string(number) + "\n" + std::string(unit));
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value = value << 8U | digest.bytes[i];
  return value;
}

}  // namespace isocost::core
