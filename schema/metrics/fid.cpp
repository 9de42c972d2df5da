#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric fid_row() {
  Metric row("fid", "FID", Direction::kLowerIsBetter);
  row.explanation =
      "Fréchet distance between the features of generated and of real pictures; lower is better, "
      "0 is equal. Its bias depends on the number of images, so only scores with equal n are "
      "compared.";
  row.least = 0;
  row.reference = ReferenceNeed::kStatistics;
  row.images_min = 8;
  row.protocol = {choice("interval", "auto", {"auto", "bootstrap", "jackknife", "none"},
                         "auto: bootstrap up to 256 features, else jackknife"),
                  whole("replicates", 200, {20, 10'000}, "of the bootstrap"),
                  whole("seed", 0, {0, kSeedMax}, "of its draws")};
  const auto inception = [](const char* resize, const char* range) {
    return Json{{"resize", resize}, {"range", range}, {"size", 299}};
  };
  row.presets = {
      {"pytorch-fid", "pictures in [0, 1], resized as PyTorch's bilinear interpolation does",
       inception("torch", "unit"), Json::object()},
      {"clean-fid", "bytes, resized as Pillow's bicubic filter does on floats",
       inception("clean", "bytes"), Json::object()},
      {"torch-fidelity", "bytes as (x - 128) / 128, resized as TensorFlow 1 does",
       inception("tf1", "signed"), Json::object()},
  };
  return row;
}

}  // namespace isocost::metrics
