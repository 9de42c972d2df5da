#include "experiments/world/world.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "base/digest.h"

namespace isocost::world {
namespace {

constexpr std::array<Split, 3> kSplits = {Split::kTrain, Split::kValidation, Split::kTest};
constexpr std::uint64_t kMany = 2000;

std::string picture_digest(const Scene& scene) {
  std::string bytes(kPictureBytes, '\0');
  render(scene, reinterpret_cast<std::uint8_t*>(bytes.data()));
  return sha256(bytes).hex();
}

TEST(World, NoCaptionIsInTwoSplits) {
  std::array<std::set<std::string>, 3> captions;

  for (std::size_t s = 0; s < kSplits.size(); ++s)
    for (std::uint64_t i = 0; i < kMany; ++i)
      for (std::uint32_t phrasing = 0; phrasing < kPhrasings; ++phrasing) {
        auto one = scene(kSplits.at(s), i, 0);
        one.phrasing = phrasing;
        captions.at(s).insert(caption(one));
      }

  for (const auto& text : captions[1]) EXPECT_FALSE(captions[0].contains(text)) << text;
  for (const auto& text : captions[2]) {
    EXPECT_FALSE(captions[0].contains(text)) << text;
    EXPECT_FALSE(captions[1].contains(text)) << text;
  }
}

TEST(World, NoPictureComesTwice) {
  std::set<std::string> pictures;
  for (const auto split : kSplits)
    for (std::uint64_t i = 0; i < 300; ++i) pictures.insert(picture_digest(scene(split, i, 0)));

  EXPECT_EQ(pictures.size(), 900U);
}

TEST(World, ParsingUndoesEveryCaption) {
  for (std::uint64_t i = 0; i < kMany; ++i) {
    auto one = scene(Split::kTrain, i, 7);
    for (std::uint32_t phrasing = 0; phrasing < kPhrasings; ++phrasing) {
      one.phrasing = phrasing;
      const auto text = caption(one);

      const auto parsed = parse_caption(text);

      ASSERT_TRUE(parsed) << text;
      EXPECT_TRUE(parsed->means_the_same_as(one)) << text;
      EXPECT_EQ(caption(*parsed), text);
    }
  }
}

TEST(World, RefusesTextsThatAreNoCaptions) {
  for (const char* text :
       {"", "a", "a large red circle on sand", "a large red circle left of a small blue star",
        "a large red circle left of a small blue star above a small green heart on sand",
        "a large red circle left of a small blue star on sand ",
        "on sand a large red circle left of a small blue star",
        "a huge red circle left of a small blue star on sand",
        "a large red circles left of a small blue star on sand",
        "A large red circle left of a small blue star on sand",
        "a large red circle around a small blue star around a small green heart on sand"})
    EXPECT_FALSE(parse_caption(text)) << text;
}

TEST(World, CaptionsFitTheTextEncoder) {
  for (std::uint64_t i = 0; i < kMany; ++i) {
    const auto text = caption(scene(Split::kTest, i, 3));
    const auto words =
        1 + std::count(text.begin(), text.end(), ' ') + std::count(text.begin(), text.end(), ',');
    EXPECT_LE(words, 22) << text;
  }
}

TEST(World, SaysTheSameOfTheSameSeed) {
  const auto one = scene(Split::kValidation, 5, 1);
  const auto again = scene(Split::kValidation, 5, 1);
  const auto other = scene(Split::kValidation, 5, 2);

  EXPECT_TRUE(one.means_the_same_as(again));
  EXPECT_EQ(one.jitter, again.jitter);
  EXPECT_NE(one.jitter, other.jitter);
}

// The trained weights have seen these very pictures: when this fails, they must be trained again.
TEST(World, PicturesAreThoseThatTheFamilyWasTrainedOn) {
  Sha256 all;
  for (std::uint64_t i = 0; i < 64; ++i) {
    const auto one = scene(Split::kTrain, i, 0);
    all.update(caption(one));
    all.update(picture_digest(one));
  }
  EXPECT_EQ(all.finish().hex(), "038be50cf7c779e3d7909d54b1f7d9cd5f1e40a641470aab51db6a79d3246e0f");
}

TEST(World, LabelsAnswerEveryQuestion) {
  for (std::uint64_t i = 0; i < kMany; ++i) {
    const auto answers = labels(scene(Split::kTrain, i, 0));
    for (std::size_t k = 0; k < kAttributes; ++k) {
      EXPECT_GE(answers.at(k), 0);
      EXPECT_LT(answers.at(k), attributes().at(k).classes) << attributes().at(k).name;
    }
  }
}

TEST(World, SwappedScenesSaySomethingElseWithTheSameWords) {
  for (std::uint64_t i = 0; i < 300; ++i) {
    auto one = scene(Split::kTrain, i, 0);
    one.phrasing = 0;
    auto words = canonical_description(one);
    const auto others = swapped(one);
    EXPECT_FALSE(others.empty());
    for (const auto& other : others) {
      EXPECT_NE(caption(other), caption(one));
      auto same = canonical_description(other);
      std::sort(words.begin(), words.end());
      std::sort(same.begin(), same.end());
      EXPECT_EQ(same, words);
    }
  }
}

TEST(World, EveryAttributeIsDrawn) {
  std::array<std::set<int>, kAttributes> seen;
  for (std::uint64_t i = 0; i < kMany; ++i) {
    const auto answers = labels(scene(Split::kValidation, i, 0));
    for (std::size_t k = 0; k < kAttributes; ++k) seen.at(k).insert(answers.at(k));
  }
  for (std::size_t k = 0; k < kAttributes; ++k)
    EXPECT_EQ(seen.at(k).size(), static_cast<std::size_t>(attributes().at(k).classes))
        << attributes().at(k).name;
}

TEST(World, PromptsAreOneJsonObjectALine) {
  const auto lines = prompts_jsonl(Split::kTest, 3, 0);

  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 3);
  EXPECT_THAT(lines, testing::StartsWith("{\"prompt\":\"" + caption(scene(Split::kTest, 0, 0))));
}

}  // namespace
}  // namespace isocost::world
