#include "worker/diffusion/fast/kernels.h"

namespace isocost::diffusion::fast {

const Kernels& kernels() {
#if defined(__x86_64__)
  static const Kernels& kBest =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")
          ? kKernelsAvx512
      : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? kKernelsAvx2
                                                                        : kKernelsGeneric;
  return kBest;
#else
  return kKernelsGeneric;
#endif
}

}  // namespace isocost::diffusion::fast
