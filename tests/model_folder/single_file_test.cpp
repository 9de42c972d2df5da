#include "model_folder/single_file.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "base/io/safetensors.h"
#include "model_folder/model_folder.h"

namespace isocost::arch {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class SingleFile : public ::testing::Test {
 protected:
  SingleFile()
      : folder_(fs::temp_directory_path() / ("isocost-single-file-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~SingleFile() override { fs::remove_all(folder_); }

  // Tensors of these names and shapes, all zero.
  fs::path write(const std::string& name,
                 const std::map<std::string, std::vector<std::int64_t>>& shapes) {
    io::TensorViews tensors;
    for (const auto& [tensor, shape] : shapes) {
      std::size_t count = 1;
      for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
      zeros_.resize(std::max(zeros_.size(), 4 * count));
      tensors[tensor] = {io::Dtype::kF32, shape, {}};
    }
    for (auto& [unused, view] : tensors)
      view.bytes = std::span(zeros_).first(4 * static_cast<std::size_t>(view.element_count()));
    io::write_safetensors(folder_ / name, tensors);
    return folder_ / name;
  }
  static std::map<std::string, std::vector<std::int64_t>> checkpoint(std::int64_t channels,
                                                                     const std::string& text) {
    return {{"model.diffusion_model.input_blocks.0.0.weight", {8, channels, 3, 3}},
            {"first_stage_model.decoder.conv_in.weight", {8, 4, 3, 3}},
            {text, {4}}};
  }
  static std::string told(const fs::path& file) {
    const auto fault = single_file_fault(file);
    return fault ? fault->message() : "-";
  }

  fs::path folder_;
  std::vector<std::byte> zeros_;
};

TEST_F(SingleFile, IsKnownByItsTensorsAndToldHowToConvert) {
  const std::string one = "cond_stage_model.transformer.text_model.embeddings.weight";
  const auto first = told(write("dream.safetensors", checkpoint(4, one)));

  EXPECT_THAT(first, HasSubstr("dream.safetensors: this is a checkpoint of Stable Diffusion 1.x in "
                               "one file; expected a folder in the diffusers layout"));
  EXPECT_THAT(first, HasSubstr("from diffusers import StableDiffusionPipeline as P; "
                               "P.from_single_file(sys.argv[1])"));
  EXPECT_THAT(first, HasSubstr(" " + (folder_ / "dream.safetensors").string() + " " +
                               (folder_ / "dream").string()));
  EXPECT_THAT(told(write("a.safetensors", checkpoint(9, one))),
              HasSubstr("import StableDiffusionInpaintPipeline as P"));
  EXPECT_THAT(told(write("b.safetensors", checkpoint(8, one))),
              HasSubstr("import StableDiffusionInstructPix2PixPipeline as P"));
  EXPECT_THAT(told(write("c.safetensors", checkpoint(4, "cond_stage_model.model.ln.weight"))),
              HasSubstr("Stable Diffusion 2.x"));
  EXPECT_THAT(told(write("d.safetensors", checkpoint(4, "conditioner.embedders.1.model.weight"))),
              HasSubstr("import StableDiffusionXLPipeline as P"));
}

TEST_F(SingleFile, NamesWhatNoCommandHelps) {
  EXPECT_THAT(told(write("l.safetensors", {{"lora_unet_down.alpha", {1}}})), HasSubstr("a LoRA"));
  EXPECT_THAT(told(write("f.safetensors", {{"double_blocks.0.weight", {1}}})),
              HasSubstr("a transformer"));
  EXPECT_THAT(told(write("u.safetensors", {{"down_blocks.0.weight", {1}}})),
              HasSubstr("one part of a model"));
  EXPECT_THAT(told(write("x.safetensors", {{"weight", {1}}})), Not(HasSubstr("python3")));
  EXPECT_EQ(told(folder_), "-");
  EXPECT_EQ(told(folder_ / "none.safetensors"), "-");
}

TEST_F(SingleFile, NeverOpensAPickle) {
  std::ofstream(folder_ / "old.ckpt") << "no pickle at all";

  EXPECT_THAT(told(folder_ / "old.ckpt"), HasSubstr("as a pickle, which can run code"));
}

// Whoever names the file, or the folder that it lies in, is told the same.
TEST_F(SingleFile, IsToldOfModelsThatAreNoFolders) {
  const fs::path file =
      write("it's.safetensors",
            checkpoint(4, "cond_stage_model.transformer.text_model.embeddings.weight"));

  const auto named = ModelFolder::open(file);
  const auto around = ModelFolder::open(folder_);

  ASSERT_FALSE(named.has_value());
  ASSERT_FALSE(around.has_value());
  EXPECT_THAT(named.error().message(), HasSubstr("this is a checkpoint of Stable Diffusion 1.x"));
  EXPECT_THAT(named.error().message(), HasSubstr("it'\\''s.safetensors'"));
  EXPECT_THAT(around.error().message(), HasSubstr("this is a checkpoint of Stable Diffusion 1.x"));
}

}  // namespace
}  // namespace isocost::arch
