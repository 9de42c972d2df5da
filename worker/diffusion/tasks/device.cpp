#include "worker/diffusion/tasks/device.h"

#include <ATen/Context.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>
#include <torch/headeronly/version.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "schema/spec.h"

namespace isocost::diffusion {
namespace {

struct Gpu {
  std::string name = "unknown GPU";
  std::uint64_t memory_bytes = 0;
};

// Asked of the driver's own library, which needs no CUDA toolkit and numbers GPUs as LibTorch does.
Gpu describe_gpu(int index) {
  Gpu gpu;
  void* driver = dlopen("libcuda.so.1", RTLD_NOW);
  if (driver == nullptr) return gpu;
  const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
  const auto get = reinterpret_cast<int (*)(int*, int)>(dlsym(driver, "cuDeviceGet"));
  const auto name = reinterpret_cast<int (*)(char*, int, int)>(dlsym(driver, "cuDeviceGetName"));
  const auto memory =
      reinterpret_cast<int (*)(std::size_t*, int)>(dlsym(driver, "cuDeviceTotalMem_v2"));
  int device = 0;
  std::array<char, 256> text{};
  std::size_t bytes = 0;
  if (init != nullptr && get != nullptr && init(0) == 0 && get(&device, index) == 0) {
    if (name != nullptr && name(text.data(), static_cast<int>(text.size()), device) == 0)
      gpu.name = text.data();
    if (memory != nullptr && memory(&bytes, device) == 0) gpu.memory_bytes = bytes;
  }
  return gpu;
}

std::uint64_t host_memory_bytes() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(sysconf(_SC_PAGE_SIZE));
}

std::string processor_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) {
      const std::size_t colon = line.find(':');
      return colon == std::string::npos ? line : line.substr(std::min(colon + 2, line.size()));
    }
  }
  return "unknown processor";
}

}  // namespace

std::string device_class_name(at::Device device, int threads) {
  const std::string build =
      "isocost-" + std::to_string(kNumericsRevision) + " libtorch-" + TORCH_VERSION + " ";
  if (device.is_cuda()) return build + "cuda " + describe_gpu(device.index()).name;
  return build + at::get_cpu_capability() + " " + processor_name() + " threads-" +
         std::to_string(threads);
}

Json device_description(at::Device device, int threads) {
  const Gpu gpu =
      device.is_cuda() ? describe_gpu(device.index()) : Gpu{processor_name(), host_memory_bytes()};
  return {{"device", device.str()},
          {"name", gpu.name},
          {"memory_bytes", gpu.memory_bytes},
          {"threads", threads}};
}

std::uint64_t device_memory_bytes(at::Device device) {
  const std::uint64_t bytes =
      device.is_cuda() ? describe_gpu(device.index()).memory_bytes : host_memory_bytes();
  return bytes > 0 ? bytes : std::uint64_t{8} << 30U;
}

PeakMemory::PeakMemory(at::Device device) : device_(device) {
  if (device_.is_cuda()) {
    at::getDeviceAllocator(at::kCUDA)->resetPeakStats(device_.index());
  } else {
    std::ofstream("/proc/self/clear_refs") << '5';  // the high-water mark of resident memory
  }
}

std::uint64_t PeakMemory::bytes() const {
  if (device_.is_cuda()) {
    const auto stats = at::getDeviceAllocator(at::kCUDA)->getDeviceStats(device_.index());
    return static_cast<std::uint64_t>(stats.allocated_bytes[0].peak);
  }
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace isocost::diffusion
