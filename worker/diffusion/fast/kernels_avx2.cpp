#define ISOCOST_LANES 8
#define ISOCOST_ROWS 6
#include "worker/diffusion/fast/kernels_impl.h"

namespace isocost::diffusion::fast {

const Kernels kKernelsAvx2 = {"AVX2",
                              std::int64_t{2} * ISOCOST_LANES,
                              gemm,
                              winograd_input,
                              winograd_output,
                              group_norm,
                              layer_norm,
                              geglu,
                              attention};

}  // namespace isocost::diffusion::fast
