#include "schema/metrics/inception.h"
#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric fid_row() {
  Metric row("fid", "FID", Direction::kLowerIsBetter);
  row.explanation =
      "Fréchet distance between the features of generated and of real pictures; lower is better, "
      "0 is equal. Its bias depends on the number of images, so only scores with equal n are "
      "compared.";
  row.paper = "Heusel et al. 2017";
  row.same_as = "pytorch-fid, clean-fid, torch-fidelity";
  row.least = 0;
  row.reference = ReferenceNeed::kStatistics;
  row.images_min = 8;
  row.protocol = {choice("interval", "auto", {"auto", "bootstrap", "jackknife", "none"},
                         "auto: bootstrap up to 256 features, else jackknife"),
                  whole("replicates", 200, {20, 10'000}, "of the bootstrap"),
                  whole("seed", 0, {0, kSeedMax}, "of its draws")};
  row.presets = {
      {"pytorch-fid", "pictures in [0, 1], resized as PyTorch's bilinear interpolation does",
       pytorch_fid_input(), Json::object()},
      {"clean-fid", "bytes, resized as Pillow's bicubic filter does on floats", clean_fid_input(),
       Json::object()},
      {"torch-fidelity", "bytes as (x - 128) / 128, resized as TensorFlow 1 does",
       torch_fidelity_input(), Json::object()},
  };
  return row;
}

}  // namespace isocost::metrics
