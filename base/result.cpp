#include "base/result.h"

namespace isocost {

std::string Error::message() const {
  std::string text = where.empty() ? what : where + ": " + what;
  if (!expected.empty()) text += "; expected " + expected;
  return text;
}

std::string Failure::message() const {
  std::string text;
  for (const Error& error : errors) {
    if (!text.empty()) text += '\n';
    text += error.message();
  }
  return text;
}

Failure& Failure::add(std::string where, std::string what, std::string expected) {
  if (errors.size() < kErrorsMax)
    errors.push_back({std::move(where), std::move(what), std::move(expected)});
  else if (errors.size() == kErrorsMax)
    errors.push_back({"", "there are more faults than these " + std::to_string(kErrorsMax), ""});
  return *this;
}

Failure& Failure::add(const Failure& other) {
  for (const Error& error : other.errors) add(error.where, error.what, error.expected);
  return *this;
}

tl::unexpected<Failure> fail(std::string where, std::string what, std::string expected) {
  return tl::unexpected<Failure>(
      Failure{{{std::move(where), std::move(what), std::move(expected)}}});
}

}  // namespace isocost
