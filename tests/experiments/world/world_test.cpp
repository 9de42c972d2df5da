#include "experiments/world/world.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "base/digest.h"
#include "experiments/world/scene_range.h"
#include "tests/experiments/world/lies_on.h"

namespace isocost::world {
namespace {

constexpr std::array<Split, 3> kSplits = {Split::kTrain, Split::kValidation, Split::kTest};
constexpr std::uint64_t kMany = 2000;

std::string picture_digest(const Scene& scene) {
  std::string bytes(kPictureBytes, '\0');
  render(scene, reinterpret_cast<std::uint8_t*>(bytes.data()));
  return sha256(bytes).hex();
}

TEST(World, NoSceneIsInTwoSplits) {
  std::array<std::set<std::string>, 3> descriptions;

  for (std::size_t s = 0; s < kSplits.size(); ++s)
    for (std::uint64_t i = 0; i < kMany; ++i) {
      const auto one = scene(kSplits.at(s), i, 0);
      EXPECT_EQ(split_of(one), kSplits.at(s));
      descriptions.at(s).insert(canonical_description(one));
    }

  for (const auto& text : descriptions[1]) EXPECT_FALSE(descriptions[0].contains(text)) << text;
  for (const auto& text : descriptions[2]) {
    EXPECT_FALSE(descriptions[0].contains(text)) << text;
    EXPECT_FALSE(descriptions[1].contains(text)) << text;
  }
}

TEST(World, NoPictureComesTwice) {
  std::set<std::string> pictures;
  for (const auto split : kSplits)
    for (std::uint64_t i = 0; i < 300; ++i) pictures.insert(picture_digest(scene(split, i, 0)));

  EXPECT_EQ(pictures.size(), 900U);
}

// What it tells, object by object, as the scene has it.
void expect_tells_of(const Scene& parsed, const Scene& whole) {
  const auto told = labels(parsed), truth = labels(whole);
  EXPECT_EQ(parsed.objects.size(), whole.objects.size());
  for (std::size_t k = 0; k < kAttributes; ++k) {
    if (!parsed.tells(k)) continue;
    EXPECT_EQ(told.at(k), truth.at(k)) << attributes().at(k).name;
  }
}

TEST(World, ParsingUndoesEveryCaption) {
  for (std::uint64_t i = 0; i < kMany; ++i) {
    auto one = scene(Split::kTrain, i, 7);
    for (std::uint32_t phrasing = 0; phrasing < kPhrasings; ++phrasing) {
      one.phrasing = phrasing;
      const auto text = caption(one);

      const auto parsed = parse_caption(text);

      ASSERT_TRUE(parsed) << text;
      EXPECT_EQ(caption(*parsed), text);
      // Where the arrangement is untold the text's order is all that there is.
      if (one.tells(kArrangementAttribute)) {
        EXPECT_EQ(parsed->told, one.told) << text;
        expect_tells_of(*parsed, one);
      }
    }
  }
}

TEST(World, CaptionsLeaveThingsOut) {
  std::array<int, kAttributes> told{}, there{};
  for (std::uint64_t i = 0; i < kMany; ++i) {
    const auto one = scene(Split::kTrain, i, 0);
    if (one.objects.size() < 2) continue;
    for (std::size_t k = 0; k < kAttributes; ++k) {
      ++there.at(k);
      told.at(k) += one.tells(k) ? 1 : 0;
    }
  }

  for (std::size_t k = 0; k < kAttributes; ++k)
    EXPECT_NEAR(static_cast<double>(told.at(k)) / there.at(k), 0.6, 0.05)
        << attributes().at(k).name;
}

TEST(World, AWrongCaptionIsWrongInOneToldAttribute) {
  int changed = 0;
  for (std::uint64_t i = 0; i < 500; ++i) {
    const auto one = scene(Split::kTrain, i, 0);
    const auto wrong = misdescribed(one, i);
    int differences = 0;
    for (std::size_t k = 0; k < kAttributes; ++k)
      if (labels(one).at(k) != labels(wrong).at(k)) {
        ++differences;
        EXPECT_TRUE(one.tells(k));
      }
    EXPECT_LE(differences, 1);
    changed += differences;
  }
  EXPECT_GT(changed, 450);
}

TEST(World, RefusesTextsThatAreNoCaptions) {
  for (const char* text :
       {"", "a", "a large red", "large red circle", "an red circle", "a orange circle",
        "a large red circle left of", "a large red circle left of a small blue star above a heart",
        "a large red circle left of a small blue star on sand ",
        "on sand a large red circle left of a small blue star",
        "a huge red circle left of a small blue star on sand",
        "a large red circles left of a small blue star on sand",
        "A large red circle left of a small blue star on sand", "a striped red circle",
        "a large red circle around a small blue star around a small green heart on sand"})
    EXPECT_FALSE(parse_caption(text)) << text;
}

TEST(World, CaptionsFitTheTextEncoder) {
  for (std::uint64_t i = 0; i < kMany; ++i) {
    const auto text = caption(scene(Split::kTest, i, 3));
    const auto words =
        1 + std::count(text.begin(), text.end(), ' ') + std::count(text.begin(), text.end(), ',');
    EXPECT_LE(words, 18) << text;
  }
}

TEST(World, SaysTheSameOfTheSameSeed) {
  const auto one = scene(Split::kValidation, 5, 1);
  const auto again = scene(Split::kValidation, 5, 1);
  const auto other = scene(Split::kValidation, 5, 2);

  EXPECT_TRUE(one.shows_the_same_as(again));
  EXPECT_EQ(one.told, again.told);
  EXPECT_EQ(one.jitter, again.jitter);
  EXPECT_NE(one.jitter, other.jitter);
}

TEST(World, ObjectsLieInThePictureAndStandAsTheyAreArranged) {
  for (std::uint64_t i = 0; i < kMany; ++i) {
    const auto one = scene(Split::kTrain, i, 0);
    const auto places = poses(one);
    for (const auto& pose : places) {
      EXPECT_GE(std::min(pose.x, pose.y), pose.radius);
      EXPECT_LE(std::max(pose.x, pose.y), kSide - pose.radius);
    }
    if (one.arrangement == Arrangement::kAlone) continue;
    const double across = places[1].x - places[0].x, down = places[1].y - places[0].y;
    const double radii = places[0].radius + places[1].radius;
    if (one.arrangement == Arrangement::kBeside) {
      EXPECT_GE(across, radii);
      EXPECT_GT(across, std::abs(down));
    } else if (one.arrangement == Arrangement::kAbove) {
      EXPECT_GE(down, radii);
      EXPECT_GT(down, std::abs(across));
    } else {
      EXPECT_TRUE(testing::lies_on(places[1], one.objects[0].shape, places[0]))
          << canonical_description(one);
    }
  }
}

TEST(World, SwappedScenesMayBeTrueWhereTheArrangementIsUntold) {
  using Truths = std::pair<std::size_t, std::ptrdiff_t>;  // how many there are, how many are true
  const auto truths = [](const char* text) {
    const auto one = *parse_caption(text);
    const auto others = swapped(one);
    const auto is_true = [&](const Scene& other) {
      const auto answers = agreement(other, labels(one));
      return std::count(answers.begin(), answers.end(), 0) == 0;
    };
    return Truths(others.size(), std::count_if(others.begin(), others.end(), is_true));
  };

  EXPECT_EQ(truths("a red thing and a blue thing"), Truths(1, 1));
  EXPECT_EQ(truths("a red star and a blue circle"), Truths(2, 0));
  EXPECT_EQ(truths("a red thing left of a blue thing"), Truths(1, 0));
  EXPECT_EQ(truths("a red thing"), Truths(0, 0));
}

// The trained weights have seen these very pictures: when this fails, they must be trained again.
TEST(World, PicturesAreThoseThatTheFamilyWasTrainedOn) {
  Sha256 all;
  for (std::uint64_t i = 0; i < 64; ++i) {
    const auto one = scene(Split::kTrain, i, 0);
    all.update(caption(one));
    all.update(picture_digest(one));
  }
  EXPECT_EQ(all.finish().hex(), "75a40b355ddffa352ad895c44575e7204fc1f2080015875b5d236a2e5b0b096b");
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
  // "an orange thing" and "a thing" differ in their article.
  const auto sorted_words = [](const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> words;
    for (std::string word; in >> word;)
      if (word != "a" && word != "an") words.push_back(word);
    std::sort(words.begin(), words.end());
    return words;
  };
  int pairs = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    auto one = scene(Split::kTrain, i, 0);
    one.phrasing = 0;
    const auto others = swapped(one);
    for (const auto& other : others) {
      EXPECT_NE(caption(other), caption(one));
      EXPECT_EQ(sorted_words(caption(other)), sorted_words(caption(one)));
    }
    pairs += others.empty() ? 0 : 1;
  }
  EXPECT_GT(pairs, 150);
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

// A key of another world's scenes is not read as one of these.
TEST(World, SceneRangesSayWhichWorldTheyAreOf) {
  Json options = scene_options("test", 7, 3);

  const auto range = scene_range(options, "items");

  ASSERT_TRUE(range) << range.error().message();
  EXPECT_EQ(range->split, Split::kTest);
  EXPECT_EQ(range->count, 7U);
  EXPECT_EQ(range->seed, 3U);
  const auto fault_with = [&](const char* member, const Json& value) {
    Json other = options;
    other[member] = value;
    const auto read = scene_range(other, "items");
    return read ? "no fault" : read.error().message();
  };
  EXPECT_THAT(fault_with("world", 1),
              ::testing::HasSubstr("items.world: these are scenes of world 1; expected 2"));
  EXPECT_THAT(fault_with("split", "exam"), ::testing::HasSubstr("items.split"));
  EXPECT_THAT(fault_with("count", 0U), ::testing::HasSubstr("items.count: 0; expected 1 to"));
  EXPECT_THAT(fault_with("size", 64), ::testing::HasSubstr("the member 'size' is unknown"));
  options.erase("world");
  EXPECT_FALSE(scene_range(options, "items"));
}

TEST(World, PromptsAreOneJsonObjectALine) {
  const auto lines = prompts_jsonl(Split::kTest, 3, 0);

  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 3);
  EXPECT_THAT(lines, ::testing::StartsWith("{\"prompt\":\"" + caption(scene(Split::kTest, 0, 0))));
}

}  // namespace
}  // namespace isocost::world
