#define ISOCOST_LANES 8
#define ISOCOST_ROWS 2
#include "worker/diffusion/fast/kernels_impl.h"

namespace isocost::diffusion::fast {

const Kernels kKernelsGeneric = kernels_called("generic");

}  // namespace isocost::diffusion::fast
