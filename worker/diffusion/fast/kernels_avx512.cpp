#define ISOCOST_LANES 16
#define ISOCOST_ROWS 8
#include "worker/diffusion/fast/kernels_impl.h"

namespace isocost::diffusion::fast {

const Kernels kKernelsAvx512 = kernels_called("AVX-512");

}  // namespace isocost::diffusion::fast
