#define ISOCOST_LANES 16
#define ISOCOST_ROWS 8
#include "worker/diffusion/fast/kernels_impl.h"

namespace isocost::diffusion::fast {

const Kernels kKernelsAvx512 = {"AVX-512",
                                std::int64_t{2} * ISOCOST_LANES,
                                gemm,
                                winograd_input,
                                winograd_output,
                                group_norm,
                                layer_norm,
                                geglu,
                                attention};

}  // namespace isocost::diffusion::fast
