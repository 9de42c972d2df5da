#include "experiments/world/edits.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/digest.h"
#include "tests/experiments/world/lies_on.h"

namespace isocost::world {
namespace {

constexpr std::array<Split, 3> kAllSplits = {Split::kTrain, Split::kValidation, Split::kTest};
constexpr std::uint64_t kEdits = 400;

using Bytes = std::vector<std::uint8_t>;

Bytes source_of(const Edit& edit) {
  Bytes rgb(kPictureBytes);
  render_source(edit, rgb.data());
  return rgb;
}
Bytes target_of(const Edit& edit) {
  Bytes rgb(kPictureBytes);
  render_target(edit, rgb.data());
  return rgb;
}
Bytes mask_of(const Edit& edit) {
  Bytes set(kMaskBytes, 7);
  mask(edit, set.data());
  return set;
}

std::string digest_of(const Bytes& bytes) {
  return sha256(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())).hex();
}

// Every instruction of this world, by its text.
const std::map<std::string, Instruction>& instructions() {
  constexpr std::array<int, kEditKinds> kValues = {kColours, kShapes, kSizes, kTextures, 4};
  static const std::map<std::string, Instruction> kAll = [&] {
    std::vector<Reference> objects;
    objects.reserve(std::size_t{kColours} * kShapes);
    for (int colour = 0; colour < kColours; ++colour)
      for (int shape = 0; shape < kShapes; ++shape)
        objects.push_back({static_cast<Colour>(colour), static_cast<Shape>(shape)});
    std::map<std::string, Instruction> all;
    for (int kind = 0; kind < kEditKinds; ++kind)
      for (const auto& object : objects)
        for (int value = 0; value < kValues.at(static_cast<std::size_t>(kind)); ++value) {
          Instruction one{static_cast<EditKind>(kind), object, value, {}};
          const bool is_place = one.kind == EditKind::kPlace;
          for (const auto& other : is_place ? objects : std::vector<Reference>(1)) {
            if (is_place) one.other = other;
            EXPECT_TRUE(all.emplace(one.text(), one).second) << one.text() << " says two things";
          }
        }
    return all;
  }();
  return kAll;
}

TEST(Edits, AreEqualOutsideTheMaskAndDifferWithin) {
  for (const auto split : kAllSplits)
    for (std::uint64_t i = 0; i < kEdits; ++i) {
      const auto one = edit(split, i, 0);
      const auto before = source_of(one), after = target_of(one), set = mask_of(one);

      std::size_t different = 0, touched = 0;
      for (std::size_t p = 0; p < kMaskBytes; ++p) {
        ASSERT_LE(set[p], 1);
        touched += set[p];
        if (std::equal(&before[3 * p], &before[3 * p] + 3, &after[3 * p])) continue;
        ++different;
        ASSERT_EQ(set[p], 1) << one.instruction.text() << " at " << p % kSide << ", " << p / kSide;
      }

      EXPECT_GT(different, 20U) << one.instruction.text();
      EXPECT_LT(touched, kMaskBytes) << one.instruction.text();
    }
}

// Of one object, besides its number in the order of reading.
TEST(Edits, ChangeExactlyOneAttributeOfOneObject) {
  for (std::uint64_t i = 0; i < 2 * kEdits; ++i) {
    const auto one = edit(Split::kTrain, i, 0);
    const auto& before = one.source.objects.at(one.object);
    const bool is_place = one.instruction.kind == EditKind::kPlace;

    EXPECT_EQ(one.source.background, one.target.background);
    EXPECT_EQ((before.colour != one.after.colour) + (before.shape != one.after.shape) +
                  (before.size != one.after.size) + (before.texture != one.after.texture),
              is_place ? 0 : 1);
    EXPECT_NE(one.source.shows_the_same_as(one.target), true) << one.instruction.text();
    // The target has the object as it is afterwards, and the other as it was.
    auto expected = one.source.objects;
    expected.at(one.object) = one.after;
    EXPECT_TRUE(std::is_permutation(expected.begin(), expected.end(), one.target.objects.begin(),
                                    one.target.objects.end()));
    if (!is_place) {
      EXPECT_EQ(one.source.arrangement, one.target.arrangement);
      EXPECT_EQ(expected, one.target.objects);
    }
  }
}

TEST(Edits, InstructionsStateTheEditAndNoOther) {
  for (std::uint64_t i = 0; i < kEdits; ++i) {
    const auto one = edit(Split::kTest, i, 5);
    const auto text = one.instruction.text();

    ASSERT_TRUE(instructions().contains(text)) << text;
    EXPECT_EQ(instructions().at(text), one.instruction) << text;
    const auto after = obeyed(one.source, one.instruction);
    ASSERT_TRUE(after) << text;
    EXPECT_TRUE(after->shows_the_same_as(one.target)) << text;
    EXPECT_EQ(caption(*after), caption(one.target)) << text;
  }
}

TEST(Edits, BothCaptionsTellWhatChangesAndParseBack) {
  std::vector<Edit> edits;
  edits.reserve(kEdits + 1);
  for (std::uint64_t i = 0; i < kEdits; ++i) edits.push_back(edit(Split::kValidation, i, 0));
  // Whose first candidate moves a thing past one that is told alike.
  edits.push_back(edit(Split::kTrain, 48620, 0));
  for (const auto& one : edits) {
    EXPECT_NE(caption(one.source), caption(one.target));
    for (const auto& shown : {one.source, one.target}) {
      const auto text = caption(shown);
      const auto parsed = parse_caption(text);

      ASSERT_TRUE(parsed) << text;
      EXPECT_EQ(caption(*parsed), text);
      // What was read off a perfect picture agrees with everything that is told.
      for (const auto& answer : agreement(*parsed, labels(shown)))
        EXPECT_EQ(answer.value_or(1), 1) << text;
    }
  }
}

TEST(Edits, AreOfTheirSplitBeforeAndAfter) {
  for (const auto split : kAllSplits)
    for (std::uint64_t i = 0; i < kEdits; ++i) {
      const auto one = edit(split, i, 0);
      EXPECT_EQ(split_of(one.source), split);
      EXPECT_EQ(split_of(one.target), split);
    }
}

TEST(Edits, KindsComeEquallyOften) {
  std::map<EditKind, int> seen;
  for (std::uint64_t i = 0; i < 2000; ++i) ++seen[edit(Split::kValidation, i, 0).instruction.kind];

  ASSERT_EQ(seen.size(), static_cast<std::size_t>(kEditKinds));
  for (const auto& [kind, count] : seen) EXPECT_NEAR(count, 400, 80) << name(kind);
}

TEST(Edits, ObjectsStayInThePictureAndStandAsTheTargetSays) {
  for (std::uint64_t i = 0; i < 2 * kEdits; ++i) {
    const auto one = edit(Split::kTrain, i, 0);
    const auto& pose = one.after_pose;
    EXPECT_GE(std::min(pose.x, pose.y), pose.radius);
    EXPECT_LE(std::max(pose.x, pose.y), kSide - pose.radius);
    if (one.instruction.kind != EditKind::kPlace) continue;
    const auto other = poses(one.source).at(1 - one.object);
    const bool is_upright = one.target.arrangement == Arrangement::kAbove;
    const double along = is_upright ? pose.y - other.y : pose.x - other.x;
    const double across = is_upright ? pose.x - other.x : pose.y - other.y;
    const bool is_first = one.target.objects.front() == one.after;
    EXPECT_EQ(along < 0, is_first) << one.instruction.text();
    EXPECT_GE(std::abs(along), pose.radius + other.radius);
    EXPECT_GT(std::abs(along), std::abs(across));
  }
}

TEST(Edits, WhatIsInsideStaysOnAShapeThatChanges) {
  int changed = 0;
  for (std::uint64_t i = 0; i < 4 * kEdits; ++i) {
    const auto one = edit(Split::kTrain, i, 0);
    const bool is_outer = one.source.arrangement == Arrangement::kInside && one.object == 0;
    if (one.instruction.kind != EditKind::kShape || !is_outer) continue;
    ++changed;
    const auto inner = poses(one.source).at(1);
    EXPECT_TRUE(testing::lies_on(inner, one.after.shape, one.after_pose)) << one.instruction.text();
  }
  EXPECT_GT(changed, 5);
}

TEST(Edits, TheSameSeedGivesTheSameBytes) {
  const auto one = edit(Split::kTest, 3, 9), again = edit(Split::kTest, 3, 9);
  const auto other = edit(Split::kTest, 3, 10);

  EXPECT_EQ(source_of(one), source_of(again));
  EXPECT_EQ(target_of(one), target_of(again));
  EXPECT_EQ(mask_of(one), mask_of(again));
  EXPECT_EQ(one.instruction, again.instruction);
  EXPECT_NE(source_of(one), source_of(other));
}

TEST(Edits, NoTargetComesTwiceAndNoneIsASourceOfAnotherSplit) {
  std::map<std::string, Split> pictures;
  for (const auto split : kAllSplits)
    for (std::uint64_t i = 0; i < kEdits; ++i) {
      const auto one = edit(split, i, 0);
      EXPECT_TRUE(pictures.emplace(digest_of(target_of(one)), split).second);
      const auto source = pictures.emplace(digest_of(source_of(one)), split);
      EXPECT_EQ(source.first->second, split);
    }
}

TEST(Edits, SourcesAreScenesOfTheWorld) {
  int of_the_same_number = 0;
  for (std::uint64_t i = 0; i < kEdits; ++i)
    if (edit(Split::kTrain, i, 0).source.shows_the_same_as(scene(Split::kTrain, i, 0)))
      ++of_the_same_number;

  EXPECT_GT(of_the_same_number, static_cast<int>(kEdits) / 2);
}

TEST(Edits, AnInstructionThatFitsNothingIsNotObeyed) {
  const auto inside = *parse_caption("a large red plain circle around a small blue dotted star");
  const auto beside = *parse_caption("a large red plain circle left of a small blue dotted star");
  const auto obeys = [](const Scene& scene, const char* text) {
    return obeyed(scene, instructions().at(text)).has_value();
  };

  EXPECT_TRUE(obeys(beside, "make the red circle green"));
  EXPECT_FALSE(obeys(beside, "make the red circle blue"));    // the star is
  EXPECT_FALSE(obeys(beside, "make the red circle red"));     // it is
  EXPECT_FALSE(obeys(beside, "make the green circle blue"));  // there is none
  EXPECT_FALSE(obeys(beside, "make the red circle large"));   // it is
  EXPECT_TRUE(obeys(beside, "make the red circle small"));
  EXPECT_FALSE(obeys(inside, "make the red circle small"));  // what surrounds is large
  EXPECT_FALSE(obeys(inside, "move the blue star above the red circle"));
  EXPECT_FALSE(obeys(beside, "move the red circle left of the blue star"));  // it is
  EXPECT_TRUE(obeys(beside, "move the red circle right of the blue star"));
  EXPECT_FALSE(obeys(beside, "move the red circle above the green star"));
}

// The trained weights have seen these very edits: when this fails, they must be trained again.
TEST(Edits, AreThoseThatTheFamilyWasTrainedOn) {
  Sha256 all;
  for (std::uint64_t i = 0; i < 64; ++i) {
    const auto one = edit(Split::kTrain, i, 0);
    all.update(one.instruction.text() + caption(one.source) + caption(one.target));
    all.update(digest_of(source_of(one)) + digest_of(target_of(one)) + digest_of(mask_of(one)));
  }
  EXPECT_EQ(all.finish().hex(), "5e1394703697161b0b4827ea1d05e1116edc6124acffb76857d6b349e02f6137");
}

}  // namespace
}  // namespace isocost::world
