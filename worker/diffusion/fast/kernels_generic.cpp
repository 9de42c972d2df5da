#define ISOCOST_LANES 8
#define ISOCOST_ROWS 2
#include "worker/diffusion/fast/kernels_impl.h"

namespace isocost::diffusion::fast {

const Kernels kKernelsGeneric = {"generic",
                                 std::int64_t{2} * ISOCOST_LANES,
                                 gemm,
                                 winograd_input,
                                 winograd_output,
                                 group_norm,
                                 layer_norm,
                                 geglu,
                                 attention};

}  // namespace isocost::diffusion::fast
