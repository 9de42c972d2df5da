#include "worker/diffusion/models/device.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

namespace isocost::diffusion {
namespace {

// Registers LibTorch's GPU half with the CPU half that is linked. Quietly nothing where the wheel
// has no such half.
int gpu_count() {
  static const bool is_loaded = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr;
  if (!is_loaded || !at::globalContext().hasCUDA()) return 0;
  return at::globalContext().getAcceleratorHooksInterface(at::kCUDA).deviceCount();
}

void set_determinism(at::Device device) {
  // cuBLAS is repeatable with a workspace of fixed size only; it looks here when it starts.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/!device.is_cuda());
  context.setDeterministicFillUninitializedMemory(false);
  context.setBenchmarkCuDNN(false);
  context.setDeterministicCuDNN(true);
  context.setAllowTF32CuDNN(false);
  context.setAllowTF32CuBLAS(false);
}

at::Device gpu(int index) { return {at::kCUDA, static_cast<c10::DeviceIndex>(index)}; }

Result<at::Device> parse(const std::string& text) {
  if (text == "cpu") return at::Device(at::kCPU);
  if (text == "auto") return gpu_count() > 0 ? gpu(0) : at::Device(at::kCPU);
  const bool is_cuda = text == "cuda" || text.starts_with("cuda:");
  const auto number = text.size() > 5 ? text.substr(5) : std::string("0");
  const bool is_number =
      number.size() <= 3 && number.find_first_not_of("0123456789") == std::string::npos;
  if (!is_cuda || !is_number)
    return fail("device", "'" + text + "' is no device", "auto, cpu or cuda:N");
  const int index = std::stoi(number);
  const int count = gpu_count();
  if (index >= count)
    return fail("device", "there is no GPU " + number,
                "one of the " + std::to_string(count) + " that LibTorch finds here");
  return gpu(index);
}

}  // namespace

Result<at::Device> open_device(const std::string& text) {
  auto device = parse(text);
  if (device) set_determinism(*device);
  return device;
}

std::vector<at::Device> devices() {
  std::vector<at::Device> found;
  const int count = gpu_count();
  found.reserve(static_cast<std::size_t>(std::max(count, 1)));
  for (int index = 0; index < count; ++index) found.push_back(gpu(index));
  if (found.empty()) found.emplace_back(at::kCPU);
  return found;
}

}  // namespace isocost::diffusion
