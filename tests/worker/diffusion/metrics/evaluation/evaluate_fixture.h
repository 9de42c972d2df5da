// Folders of pictures, items and rows, for the tests of evaluations. Thread: one.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/io/picture.h"
#include "base/io/safetensors.h"
#include "tests/base/io/temporary_folder.h"
#include "tests/worker/diffusion/image/waves.h"
#include "worker/diffusion/metrics/evaluation/evaluate.h"

namespace isocost::diffusion {

inline const std::filesystem::path kGoldenFolder =
    std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden";
inline const std::string kClip = (kGoldenFolder / "models/clip").string();
inline const std::string kVit = (kGoldenFolder / "picture_metrics/vit").string();

class Evaluate : public ::testing::Test {
 protected:
  // As the worker does.
  Evaluate() { at::set_num_threads(1); }

  // A folder of pictures that differ by their bend.
  std::filesystem::path pictures(const std::string& name, int count, double bend, int side = 16) {
    std::filesystem::create_directories(folder_ / name);
    for (int i = 0; i < count; ++i)
      io::write_png(folder_ / name / (file_name(i) + ".png"),
                    testing::waves(side, side, bend * (i + 1)));
    return folder_ / name;
  }
  static std::string file_name(int i) { return (i < 10 ? "0" : "") + std::to_string(i); }

  // Items of `count` pictures with everything, the mask's left half set.
  std::filesystem::path items(int count) {
    pictures("edits", count, .02);
    pictures("edits/targets", count, .03);
    std::filesystem::create_directories(folder_ / "edits/masks");
    io::Picture mask{16, 16, std::vector<std::uint8_t>(16 * 16 * 3, 0)};
    for (std::size_t p = 0; p < 256; ++p)
      for (std::size_t c = 0; c < 3; ++c) mask.rgb[3 * p + c] = p % 16 < 8 ? 255 : 0;
    std::string lines;
    for (int i = 0; i < count; ++i) {
      const std::string name = file_name(i) + ".png";
      io::write_png(folder_ / "edits/masks" / name, mask);
      lines += Json{{"file_name", name},
                    {"text", "a red cat"},
                    {"edit_prompt", "make it blue"},
                    {"target_text", "the blue square " + std::to_string(i)},
                    {"target_file_name", "targets/" + name},
                    {"mask_file_name", "masks/" + name}}
                   .dump() +
               "\n";
    }
    folder_.write("edits/metadata.jsonl", lines);
    return folder_ / "edits";
  }

  std::filesystem::path rows_file(const std::string& name, const at::Tensor& rows) {
    const at::Tensor plain = rows.to(at::kFloat).contiguous();
    io::write_safetensors(folder_ / name,
                          {{"rows",
                            {io::Dtype::kF32,
                             plain.sizes().vec(),
                             {static_cast<const std::byte*>(plain.data_ptr()), plain.nbytes()}}}});
    return folder_ / name;
  }

  static Json values_of(const EvaluationRequest& request) {
    const auto values = evaluate(request);
    EXPECT_TRUE(values) << (values ? "" : values.error().message());
    return values.value_or(Json{{"value", std::nan("")}});
  }
  static std::string fault(const EvaluationRequest& request) {
    const auto values = evaluate(request);
    return values ? "no fault" : values.error().message();
  }
  static double psnr(const io::Picture& a, const io::Picture& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::pow(a.rgb[i] - b.rgb[i], 2);
    return 10 * std::log10(255 * 255 / (sum / static_cast<double>(a.rgb.size())));
  }

  testing::TemporaryFolder folder_;
};

}  // namespace isocost::diffusion
