#include "worker/diffusion/tasks/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <torch/headeronly/version.h>
#include <unistd.h>

#include <charconv>
#include <fstream>

#include "schema/spec.h"

namespace isocost::diffusion {
namespace {

// The program links the CPU side alone; the CUDA side registers itself when its library is loaded.
bool load_cuda_library() {
  static const bool is_loaded = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr;
  return is_loaded;
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

Result<at::Device> find_device(const std::string& name) {
  if (name == "cpu") return at::Device(at::kCPU);
  const bool has_cuda =
      load_cuda_library() && at::hasCUDA() && at::detail::getCUDAHooks().deviceCount() > 0;
  if (name == "auto") return has_cuda ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  int index = 0;
  const std::string prefix = "cuda:";
  if (name == "cuda") return find_device("cuda:0");
  if (!name.starts_with(prefix) ||
      std::from_chars(name.data() + prefix.size(), name.data() + name.size(), index).ptr !=
          name.data() + name.size()) {
    return fail("--device", "'" + name + "' is unknown", "auto, cpu or cuda:N");
  }
  const int count = has_cuda ? at::detail::getCUDAHooks().deviceCount() : 0;
  if (index < 0 || index >= count) {
    return fail("--device",
                name + " is not there: LibTorch sees " + std::to_string(count) + " GPUs",
                "cpu, or a GPU with its driver and a CUDA build of LibTorch");
  }
  return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

void set_determinism(at::Device device, int threads) {
  at::set_num_threads(threads);
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/!device.is_cuda());
  context.setDeterministicFillUninitializedMemory(false);
  context.setBenchmarkCuDNN(false);
  context.setDeterministicCuDNN(true);
  context.setAllowTF32CuDNN(false);
  context.setAllowTF32CuBLAS(false);
}

std::string device_class_name(at::Device device, int threads) {
  std::string name =
      "isocost-" + std::to_string(kNumericsRevision) + " libtorch-" + TORCH_VERSION + " ";
  if (device.is_cuda()) return name + "cuda";
  name += at::get_cpu_capability() + " " + processor_name();
  return name + " threads-" + std::to_string(threads);
}

Json device_description(at::Device device, int threads) {
  const auto memory = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                      static_cast<std::uint64_t>(sysconf(_SC_PAGE_SIZE));
  return {{"device", device.str()},
          {"name", device.is_cuda() ? "GPU" : processor_name()},
          {"memory_bytes", memory},
          {"threads", threads}};
}

}  // namespace isocost::diffusion
