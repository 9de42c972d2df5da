// A family of small parts with drawn weights, for tests of training: nothing in it is good.
//
//   write_family(folder / "family");
//   write_member(folder / "family", "w16", 4);
//   auto recipe = shrunk("w16-sr.json", 3);   // steps
//
// Thread: one.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/base/io/temporary_folder.h"
#include "worker/diffusion/training/recipe.h"
#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {

[[nodiscard]] Recipe shipped_recipe(const std::string& name);
// The same on so little that it takes a second.
[[nodiscard]] Recipe shrunk(const std::string& name, std::int64_t steps);
// Autoencoder, tokenizer, text encoder.
void write_family(const std::filesystem::path& family);
void write_text_encoder(const std::filesystem::path& family, std::uint64_t seed);
// For text-to-image.
void write_member(const std::filesystem::path& family, const std::string& name, std::uint64_t seed);

// Tests of one suite share a family, with w16 as a member, and a cache.
class FamilyTest : public ::testing::Test {
 protected:
  void SetUp() override;
  static void TearDownTestSuite() { folder_.reset(); }

  static TrainingPlaces places() { return {*folder_ / "family", *folder_ / "cache"}; }
  static std::string fault_of(const Recipe& recipe);  // of a U-Net; "no fault"
  // The bytes of a member's U-Net; empty without one.
  static std::string weights(const std::string& name);

  static inline std::unique_ptr<isocost::testing::TemporaryFolder> folder_;
};

}  // namespace isocost::diffusion
