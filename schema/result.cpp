#include "schema/result.h"

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
  errors.push_back({std::move(where), std::move(what), std::move(expected)});
  return *this;
}

Failure& Failure::add(const Failure& other) {
  errors.insert(errors.end(), other.errors.begin(), other.errors.end());
  return *this;
}

tl::unexpected<Failure> fail(std::string where, std::string what, std::string expected) {
  return tl::unexpected<Failure>(
      Failure{{{std::move(where), std::move(what), std::move(expected)}}});
}

}  // namespace isocost
