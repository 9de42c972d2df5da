// A descriptor that one thread polls and others ring. Thread: ring() any; the rest the polling one.
#pragma once

namespace isocost::transport {

class Wake {
 public:
  Wake();
  ~Wake();
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;

  void ring() noexcept;
  // Forgets all rings so far.
  void clear() noexcept;
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace isocost::transport
