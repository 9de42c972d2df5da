// A value that many hold and nobody changes: copies share it, so that a hundred thousand cells with
// a few dozen protocols hold a few dozen protocols. Reads like a pointer; never null. Any thread.
//
//   Shared<ScoreSpec> spec = pool.take(text, [&] { return parse(text); });
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

namespace isocost::report {

template <class T>
class Shared {
 public:
  Shared() : Shared(T{}) {}
  Shared(T value) : value_(std::make_shared<const T>(std::move(value))) {}  // NOLINT: as a value
  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }

 private:
  std::shared_ptr<const T> value_;
};

// Makes each value once a text.
template <class T>
class SharedPool {
 public:
  template <class Make>
  const Shared<T>& take(const std::string& text, Make make) {
    const auto found = values_.find(text);
    return found != values_.end() ? found->second : values_.emplace(text, make()).first->second;
  }

 private:
  std::unordered_map<std::string, Shared<T>> values_;
};

}  // namespace isocost::report
