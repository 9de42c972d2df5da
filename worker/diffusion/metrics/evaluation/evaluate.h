// A metric of pictures in folders, or of rows in files, without a study.
//
//   auto values = evaluate({.words = {.metric = "psnr"}, .pictures = "enlarged",
//                           .reference = "real"});
//   if (!values) return fail(values.error());                                 // every fault
//   values->at("value"), values->at("low"), values->at("n")
//
// Pictures are a folder of *.png, *.jpg, *.jpeg, or a safetensors file with the tensor `rows`
// [n, D]. What is compared with is a folder of pictures, a safetensors file of rows or of a
// reference (mu, sigma, n, rows), or an npz of mu and sigma. Files and options are looked at before
// anything is computed. A row is computed with those of the batch that its picture falls into: up
// to `batch` neighbours of equal sizes. Thread: one.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "worker/diffusion/metrics/evaluation/choice.h"

namespace isocost::diffusion {

struct EvaluationRequest {
  MetricWords words;
  std::filesystem::path pictures;
  std::filesystem::path reference{};   // empty: none
  std::filesystem::path items{};       // empty: none
  std::filesystem::path write_rows{};  // empty: rows are not kept
  at::Device device = at::kCPU;
  std::int64_t batch = 16;
  // Told after every picture that is read: "pictures" or "the reference", how many, of how many.
  std::function<void(const std::string& what, std::size_t done, std::size_t of)> progress{};
};

// What score() gives, and {"metric", "label", "unit", "best", "protocol", "extractor",
// "aligned_by"}.
[[nodiscard]] Result<Json> evaluate(const EvaluationRequest& request);

}  // namespace isocost::diffusion
