#include "base/io/inputs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <ctime>
#include <fstream>

#include "base/io/hash_file.h"
#include "base/json.h"
#include "tests/base/io/temporary_folder.h"

namespace isocost::io {
namespace {

using isocost::testing::TemporaryFolder;
using ::testing::HasSubstr;

void write_model(const TemporaryFolder& folder, const std::string& name,
                 const std::string& weights) {
  folder.write(name + "/config.json", "{}");
  folder.write(name + "/diffusion_pytorch_model.safetensors", weights);
}

TEST(Inputs, DigestOfAModelIsThatOfItsLoadedFiles) {
  const TemporaryFolder folder;
  write_model(folder, "unet", "weights");
  const Json loaded = {{"config.json", sha256("{}").hex()},
                       {"diffusion_pytorch_model.safetensors", sha256("weights").hex()}};

  EXPECT_EQ(input_digest(folder / "unet").value(), canonical_digest(loaded));
}

TEST(Inputs, DigestIgnoresWhatIsNotLoaded) {
  const TemporaryFolder folder;
  write_model(folder, "unet", "weights");
  const Digest before = input_digest(folder / "unet").value();
  folder.write("unet/README.md", "notes");
  folder.write("unet/preprocessor_config.json", "{}");

  EXPECT_EQ(input_digest(folder / "unet").value(), before);
}

TEST(Inputs, DigestOfAClipFolderHoldsTokenizerAndPreprocessing) {
  const TemporaryFolder folder;
  folder.write("clip/config.json", R"({"text_config":{},"vision_config":{}})");
  folder.write("clip/model.safetensors", "w");
  const Digest bare = input_digest(folder / "clip").value();
  folder.write("clip/vocab.json", "{}");
  folder.write("clip/merges.txt", "");
  const Digest with_vocab = input_digest(folder / "clip").value();
  folder.write("clip/preprocessor_config.json", "{}");

  EXPECT_NE(with_vocab, bare);
  EXPECT_NE(input_digest(folder / "clip").value(), with_vocab);
}

TEST(Inputs, DigestOfAVisionTransformerHoldsItsPreprocessing) {
  const TemporaryFolder folder;
  folder.write("vit/config.json", R"({"model_type": "vit"})");
  folder.write("vit/model.safetensors", "w");
  const Digest bare = input_digest(folder / "vit").value();
  folder.write("vit/preprocessor_config.json", "{}");

  EXPECT_NE(input_digest(folder / "vit").value(), bare);
}

TEST(Inputs, DigestOfATokenizerHoldsTheFormThatIsRead) {
  const TemporaryFolder folder;
  folder.write("t/vocab.json", "{}");
  folder.write("t/merges.txt", "m");
  folder.write("t/added_tokens.json", R"({"<cat-toy>": 1})");
  const Json old = {{"vocab.json", sha256("{}").hex()},
                    {"merges.txt", sha256("m").hex()},
                    {"added_tokens.json", sha256(R"({"<cat-toy>": 1})").hex()}};
  EXPECT_EQ(input_digest(folder / "t").value(), canonical_digest(old));

  const std::string declared = R"({"added_tokens_decoder": {}})";
  folder.write("t/tokenizer.json", "fast");
  folder.write("t/tokenizer_config.json", declared);
  const Json loaded = {{"tokenizer.json", sha256("fast").hex()},
                       {"tokenizer_config.json", sha256(declared).hex()}};
  EXPECT_EQ(input_digest(folder / "t").value(), canonical_digest(loaded));
}

// What lies beside the loaded files made all cells of a model new once.
TEST(Inputs, DigestOfAModelIsNotThatOfOtherVariants) {
  const TemporaryFolder folder;
  write_model(folder, "unet", "weights");
  const Digest before = input_digest(folder / "unet").value();
  folder.write("unet/diffusion_pytorch_model.fp16.safetensors", "halves");
  folder.write("unet/diffusion_pytorch_model.non_ema.safetensors", "other");
  folder.write("unet/diffusion_pytorch_model.bin", "pickle");

  EXPECT_EQ(input_digest(folder / "unet").value(), before);
  EXPECT_NE(input_digest(folder / "unet", "fp16").value(), before);

  const Inventory found = scan_inputs({folder.path()});
  EXPECT_EQ(found.inputs.size(), 3U);
  EXPECT_EQ(found.inputs.at(before.name()), (Place{folder / "unet", ""}));
  EXPECT_EQ(found.inputs.at(input_digest(folder / "unet", "fp16")->name()),
            (Place{folder / "unet", "fp16"}));
  EXPECT_EQ(found.inputs.at(input_digest(folder / "unet", "non_ema")->name()),
            (Place{folder / "unet", "non_ema"}));
}

// As in the caches of Hugging Face, where every file is a link to another folder.
TEST(Inputs, DigestOfLinkedFilesIsThatOfTheFiles) {
  const TemporaryFolder folder;
  write_model(folder, "unet", "weights");
  std::filesystem::create_directories(folder / "snapshot/unet");
  for (const char* name : {"config.json", "diffusion_pytorch_model.safetensors"})
    std::filesystem::create_symlink(folder / "unet" / name, folder / "snapshot/unet" / name);

  EXPECT_EQ(input_digest(folder / "snapshot/unet").value(), input_digest(folder / "unet").value());
}

TEST(Inputs, BrokenLinksAreFaultsAndNoAbsentFiles) {
  const TemporaryFolder folder;
  folder.write("tokenizer/vocab.json", "{}");
  folder.write("tokenizer/merges.txt", "");
  std::filesystem::create_symlink("gone", folder / "tokenizer/special_tokens_map.json");
  write_model(folder, "unet", "weights");
  std::filesystem::remove(folder / "unet/config.json");
  std::filesystem::create_symlink("gone", folder / "unet/config.json");

  EXPECT_THAT(input_digest(folder / "tokenizer").error().message(),
              HasSubstr("special_tokens_map.json: this is a link to gone, which is missing"));
  EXPECT_THAT(input_digest(folder / "unet").error().message(),
              HasSubstr("config.json: this is a link to gone, which is missing"));
  EXPECT_EQ(scan_inputs({folder.path()}).skipped.size(), 2U);
}

TEST(Inputs, SaysWhatIsMissing) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "empty");

  EXPECT_THAT(input_digest(folder / "empty").error().message(),
              HasSubstr("no picture is in this folder"));
  EXPECT_THAT(input_digest(folder / "gone").error().message(), HasSubstr("missing"));
}

TEST(Inputs, ScanFindsModelsTokenizersPicturesAndFiles) {
  const TemporaryFolder folder;
  write_model(folder, "sd/unet", "u");
  folder.write("sd/tokenizer/vocab.json", "{}");
  folder.write("sd/tokenizer/merges.txt", "");
  folder.write("sd/scheduler/scheduler_config.json", "{}");
  folder.write("reference/1.png", "p");
  folder.write("prompts.jsonl", "{}");
  folder.write("web/config.json", "{}");

  const Inventory found = scan_inputs({folder.path(), folder / "nowhere"});

  EXPECT_EQ(found.inputs.size(), 5U);  // pictures as a folder, and as items
  EXPECT_EQ(found.inputs.at(input_digest(folder / "sd/unet")->name()).path, folder / "sd/unet");
  EXPECT_EQ(found.inputs.at(sha256("{}").name()).path, folder / "prompts.jsonl");
  ASSERT_EQ(found.skipped.size(), 1U);
  EXPECT_THAT(found.skipped[0], HasSubstr("nowhere"));
}

TEST(Inputs, ScanFollowsLinksAndEndsInALoop) {
  const TemporaryFolder folder;
  write_model(folder, "real/unet", "u");
  std::filesystem::create_directory(folder / "root");
  std::filesystem::create_directory_symlink(folder / "real", folder / "root/link");
  std::filesystem::create_directory_symlink(folder / "root", folder / "real/loop");

  const Inventory found = scan_inputs({folder / "root"});

  EXPECT_EQ(found.inputs.size(), 1U);
}

// The time at which a cache trusts the stamps of files written just now.
std::time_t later() { return std::time(nullptr) + 100; }

TEST(DigestCache, AnswersForAFileThatHasNotChanged) {
  const TemporaryFolder folder;
  const auto file = folder.write("large", std::string(kCachedBytesMin, 'x'));
  const auto cache = folder / "cache";
  const Digest digest = hash_file(file, cache, later()).value();
  std::filesystem::path entry;
  for (const auto& below : std::filesystem::recursive_directory_iterator(cache)) {
    if (below.is_regular_file()) entry = below.path();
  }

  // What the entry says is what is answered: so it was not the file that was read.
  std::ofstream(entry) << sha256("planted").hex() << '\n';

  EXPECT_EQ(digest, sha256(std::string(kCachedBytesMin, 'x')));
  EXPECT_EQ(hash_file(file, cache, later()).value(), sha256("planted"));
}

TEST(DigestCache, ReadsAgainWhatChangedOrIsNoEntry) {
  const TemporaryFolder folder;
  const auto file = folder.write("large", std::string(kCachedBytesMin, 'x'));
  const auto cache = folder / "cache";
  EXPECT_TRUE(hash_file(file, cache, later()));
  for (const auto& below : std::filesystem::recursive_directory_iterator(cache)) {
    if (below.is_regular_file()) std::ofstream(below.path()) << "torn";
  }

  EXPECT_EQ(hash_file(file, cache, later()).value(), sha256(std::string(kCachedBytesMin, 'x')));
  folder.write("large", std::string(kCachedBytesMin, 'y'));
  EXPECT_EQ(hash_file(file, cache, later()).value(), sha256(std::string(kCachedBytesMin, 'y')));
}

TEST(DigestCache, RemembersNoSmallAndNoFreshFile) {
  const TemporaryFolder folder;
  const auto large = folder.write("large", std::string(kCachedBytesMin, 'x'));
  const auto small = folder.write("small", "x");
  const auto cache = folder / "cache";

  EXPECT_TRUE(hash_file(large, cache, std::time(nullptr)));
  EXPECT_EQ(hash_file(small, cache, later()).value(), sha256("x"));

  EXPECT_FALSE(std::filesystem::exists(cache));
}

TEST(DigestCache, LiesWhereTheEnvironmentSays) {
  ::setenv("XDG_CACHE_HOME", "/somewhere", 1);
  EXPECT_EQ(digest_cache_folder(), "/somewhere/isocost/digests");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  ::setenv("HOME", "/home/user", 1);
  EXPECT_EQ(digest_cache_folder(), "/home/user/.cache/isocost/digests");
}

}  // namespace
}  // namespace isocost::io
