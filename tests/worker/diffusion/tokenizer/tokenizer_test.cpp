#include "worker/diffusion/tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <sstream>

#include "base/io/atomic_file.h"
#include "base/io/safetensors.h"
#include "base/json.h"
#include "tests/base/io/temporary_folder.h"

namespace isocost::diffusion {
namespace {

using isocost::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::filesystem::path kGolden = std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden";

Json golden(const std::string& name) {
  return parse_json(io::read_file(kGolden / name).value(), name).value();
}

const Tokenizer& openai() {
  static const Tokenizer kTokenizer = Tokenizer::load(kGolden / "clip_tokenizer").value();
  return kTokenizer;
}

TEST(Tokenizer, GivesTheIdsOfHuggingFaceForDifficultPrompts) {
  const Json expected = golden("tokenizer.json");

  for (const Json& one : expected.at("cases")) {
    EXPECT_EQ(Json(openai().ids(one.at("text").get<std::string>())), one.at("ids"))
        << one.at("text");
  }
  for (const Json& one : expected.at("long")) {
    EXPECT_EQ(Json(openai().encode(one.at("text").get<std::string>())), one.at("padded77"));
    EXPECT_EQ(openai().count(one.at("text").get<std::string>()), one.at("n"));
  }
}

TEST(Tokenizer, GivesTheIdsOfHuggingFaceForOddTexts) {
  for (const Json& one : golden("tokenizer_odd.json")) {
    EXPECT_EQ(Json(openai().ids(one.at("text").get<std::string>())), one.at("ids"))
        << one.at("text");
  }
}

// The vocabulary of models/bk-tiny with other files beside it; null takes a file away.
void write_with(const TemporaryFolder& folder, const Json& files) {
  const auto base = kGolden / "models/bk-tiny/tokenizer";
  for (const auto& file : std::filesystem::directory_iterator(base))
    folder.write(file.path().filename().string(), io::read_file(file.path()).value());
  for (const auto& [name, content] : files.items()) {
    std::filesystem::remove(folder / name);
    if (content.is_null()) continue;
    Json whole = content;
    if (name == "tokenizer.json") {
      whole["model"]["vocab"] = parse_json(io::read_file(base / "vocab.json").value(), "").value();
      whole["model"]["merges"] = Json::array();
      std::istringstream merges(io::read_file(base / "merges.txt").value());
      for (std::string line; std::getline(merges, line);)
        if (!line.empty() && !line.starts_with('#')) whole["model"]["merges"].push_back(line);
    }
    folder.write(name, whole.dump());
  }
}

// Goal: words that were added to a vocabulary are what they are upstream, in whatever form they are
// stored. Method: make_tokenizer_added.py drew files and prompts, and asked the library.
TEST(Tokenizer, GivesTheIdsOfHuggingFaceForAddedTokens) {
  int refused = 0;
  for (const Json& one : golden("tokenizer_added.json")) {
    SCOPED_TRACE(one.at("files").dump());
    const TemporaryFolder folder;
    write_with(folder, one.at("files"));

    const auto tokenizer = Tokenizer::load(folder.path());

    if (one.contains("refused")) {
      ++refused;
      ASSERT_FALSE(tokenizer);
      EXPECT_THAT(tokenizer.error().message(), HasSubstr(one.at("refused").get<std::string>()));
      continue;
    }
    ASSERT_TRUE(tokenizer) << tokenizer.error().message();
    EXPECT_EQ(tokenizer->pad(), one.at("pad"));
    for (const Json& prompt : one.at("prompts")) {
      const auto text = prompt.at("text").get<std::string>();
      EXPECT_EQ(Json(tokenizer->ids(text)), prompt.at("ids")) << text;
      EXPECT_EQ(Json(tokenizer->ids(tokenizer->with_all_vectors(text))), prompt.at("pipeline"))
          << text;
    }
  }
  EXPECT_GT(refused, 0);
}

TEST(Tokenizer, SaysWhichAddedTokenTheTextEncoderHasNoRowFor) {
  const TemporaryFolder folder;
  write_with(folder, {{"added_tokens.json", {{"<cat-toy>", 562}}}});

  const auto tokenizer = Tokenizer::load(folder.path());

  ASSERT_TRUE(tokenizer) << tokenizer.error().message();
  EXPECT_TRUE(tokenizer->check_fit({77, 563}));
  EXPECT_THAT(tokenizer->check_fit({76, 562}).error().message(),
              AllOf(HasSubstr("at most 76, the text encoder's positions"),
                    HasSubstr("562, of the added token '<cat-toy>'"),
                    HasSubstr("less than 562, the text encoder's vocab_size")));
}

TEST(Tokenizer, RefusesSettingsThatItDoesNotFollow) {
  const TemporaryFolder folder;
  write_with(folder, {{"tokenizer_config.json",
                       {{"padding_side", "left"}, {"split_special_tokens", true}}}});

  EXPECT_THAT(Tokenizer::load(folder.path()).error().message(),
              AllOf(HasSubstr("padding_side: it is \"left\"; expected right"),
                    HasSubstr("split_special_tokens")));
}

// A link to nothing counted as an absent file once, and another tokenizer was loaded in silence.
TEST(Tokenizer, RefusesFilesThatAreLinksToNothing) {
  for (const char* name : {"special_tokens_map.json", "added_tokens.json", "tokenizer_config.json",
                           "tokenizer.json", "merges.txt"}) {
    const TemporaryFolder folder;
    write_with(folder, {{name, nullptr}});
    std::filesystem::create_symlink("../blobs/gone", folder / name);

    const auto tokenizer = Tokenizer::load(folder.path());

    ASSERT_FALSE(tokenizer) << name;
    EXPECT_THAT(tokenizer.error().message(),
                AllOf(HasSubstr(name), HasSubstr("a link to ../blobs/gone, which is missing")));
  }
}

TEST(Tokenizer, GivesTheIdsOfTheReferenceModels) {
  for (const char* name : {"sd1", "sd2", "bk-tiny", "bk-base", "groups32"}) {
    const auto folder = kGolden / "models" / name;
    const auto tokenizer = Tokenizer::load(folder / "tokenizer");
    ASSERT_TRUE(tokenizer) << tokenizer.error().message();
    const auto tensors = io::SafetensorsFile::read(folder / "golden/expected.safetensors").value();
    const Json expected_json = golden(std::string("models/") + name + "/golden/expected.json");
    for (const Json& unit : expected_json.at("units")) {
      if (unit.at("kind") != "tokenizer") continue;
      const auto* ids = tensors.find(unit.at("outputs").at("input_ids").get<std::string>());
      ASSERT_NE(ids, nullptr);
      ASSERT_EQ(ids->dtype, io::Dtype::kI32);
      std::vector<std::int32_t> expected(ids->bytes.size() / 4), found;
      std::memcpy(expected.data(), ids->bytes.data(), ids->bytes.size());
      for (const Json& prompt : unit.at("prompts")) {
        for (const std::int64_t id : tokenizer->encode(prompt.get<std::string>())) {
          found.push_back(static_cast<std::int32_t>(id));
        }
      }
      EXPECT_EQ(found, expected) << name;
    }
  }
}

// A vocabulary of all bytes, with and without the word's end, and the special tokens.
void write_small_tokenizer(const TemporaryFolder& folder, const Json& config, const Json& map) {
  Json vocabulary = golden("clip_tokenizer/vocab.json"), small = Json::object();
  for (const auto& [token, id] : vocabulary.items()) {
    if (id < 512 || token.starts_with("<|"))
      small[token] = id < 512 ? id.get<int>() : token == "<|startoftext|>" ? 512 : 513;
  }
  folder.write("vocab.json", small.dump());
  folder.write("merges.txt", "#version: 0.2\n");
  folder.write("tokenizer_config.json", config.dump());
  folder.write("special_tokens_map.json", map.dump());
}

TEST(Tokenizer, TakesPaddingFromTheMapBeforeTheConfiguration) {
  const TemporaryFolder folder;
  write_small_tokenizer(folder, {{"pad_token", "<|endoftext|>"}, {"model_max_length", 5}},
                        {{"pad_token", {{"content", "!"}}}});

  const auto tokenizer = Tokenizer::load(folder.path());

  ASSERT_TRUE(tokenizer) << tokenizer.error().message();
  EXPECT_EQ(tokenizer->encode("!"), (std::vector<std::int64_t>{512, 0, 513, 0, 0}));
  EXPECT_EQ(tokenizer->length(), 5U);
}

TEST(Tokenizer, MeansClipsLengthWhenNoneOrNoLimitIsGiven) {
  const TemporaryFolder folder;
  write_small_tokenizer(folder, {{"model_max_length", 1e30}}, Json::object());

  EXPECT_EQ(Tokenizer::load(folder.path())->length(), 77U);
}

TEST(Tokenizer, SaysAllThatIsWrongWithItsFiles) {
  const TemporaryFolder folder;
  write_small_tokenizer(folder, Json::object(), {{"pad_token", "[PAD]"}});
  folder.write("merges.txt", "#version: 0.2\na b\nnothing\n");

  const std::string message = Tokenizer::load(folder.path()).error().message();

  EXPECT_THAT(message,
              AllOf(HasSubstr("merges.txt:2: the merge of 'a' and 'b' is not in the vocabulary"),
                    HasSubstr("merges.txt:3: 'nothing' is no merge"),
                    HasSubstr("'[PAD]' is not in the vocabulary")));
  EXPECT_THAT(Tokenizer::load(folder / "gone").error().message(),
              HasSubstr("vocab.json: the file is missing"));
}

// Goal: the one file that transformers 5 saves means what the several older ones do. Method:
// make_tokenizer_fast.py opened the tokenizer of a golden model and saved it.
TEST(Tokenizer, ReadsTheFileOfNewerLibraries) {
  const auto root = std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden";
  const auto fast = Tokenizer::load(root / "tokenizer_fast");
  const auto slow = Tokenizer::load(root / "models/bk-tiny/tokenizer");
  ASSERT_TRUE(fast) << fast.error().message();
  ASSERT_TRUE(slow) << slow.error().message();

  EXPECT_EQ(fast->vocabulary_size(), slow->vocabulary_size());
  for (const char* prompt : {"a photo of a red cat on the table", "Caf\u00e9, it's 2024!", "",
                             "<|endoftext|> hi <|startoftext|>", "the the the"})
    EXPECT_EQ(fast->encode(prompt), slow->encode(prompt)) << prompt;
}

TEST(Tokenizer, SaysWhatIsWrongWithTheFileOfNewerLibraries) {
  const TemporaryFolder folder;
  folder.write("tokenizer.json", R"({"model": {"type": "Unigram"}})");
  EXPECT_THAT(Tokenizer::load(folder.path()).error().message(),
              HasSubstr("this is no tokenizer of CLIP"));

  folder.write("tokenizer.json",
               R"({"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a": 0},)"
               R"( "merges": [["a", "b"], 7]}, "added_tokens": [{"content": "<x>"}]})");
  EXPECT_THAT(
      Tokenizer::load(folder.path()).error().message(),
      AllOf(HasSubstr("merges[0]: the merge of 'a' and 'b' is not in the vocabulary"),
            HasSubstr("merges[1]: 7 is no merge"), HasSubstr("added_tokens[0]: this is no token"),
            HasSubstr("the bos_token '<|startoftext|>' is not in the vocabulary")));
}

TEST(Tokenizer, TakesALongWordWithoutQuadraticTime) {
  const std::string word(400'000, 'a');

  EXPECT_GT(openai().count(word), 1000U);
}

TEST(Tokenizer, TakesAnyBytesAndGivesIdsOfTheVocabulary) {
  std::mt19937_64 chance(9);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::uint64_t i = 0, n = chance() % 40; i < n; ++i) text += static_cast<char>(chance());
    for (const std::int64_t id : openai().encode(text)) {
      EXPECT_GE(id, 0);
      EXPECT_LT(id, static_cast<std::int64_t>(openai().vocabulary_size()));
    }
  }
}

}  // namespace
}  // namespace isocost::diffusion
