#include "base/io/for_each_of.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace isocost::io {

void for_each_of(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  const auto work_on = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  const std::size_t wanted = std::min<std::size_t>(
      count, std::clamp(std::thread::hardware_concurrency(), 1U, kForEachThreadsMax));
  std::vector<std::jthread> others;
  others.reserve(wanted);
  for (std::size_t i = 1; i < wanted; ++i) others.emplace_back(work_on);
  work_on();
  others.clear();  // waits for all
}

}  // namespace isocost::io
