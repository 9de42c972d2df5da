#define ISOCOST_LANES 8
#define ISOCOST_ROWS 6
#include "worker/diffusion/fast/kernels_impl.h"

namespace isocost::diffusion::fast {

const Kernels kKernelsAvx2 = kernels_called("AVX2");

}  // namespace isocost::diffusion::fast
