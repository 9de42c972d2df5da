// The picture world of the mini family: scenes of two or three objects, their captions, their
// pictures.
//
//   world::Scene scene = world::scene(world::Split::kValidation, 17, /*seed=*/0);
//   std::string text = world::caption(scene);  // "a large red star left of a small blue heart at
//                                              // night"
//   world::render(scene, rgb);                 // 64 x 64 x 3 bytes
//
// A scene is a pure function of (split, index, seed). Which split a scene belongs to is decided by
// a hash of its canonical description (what is in it, not how it is said or where exactly it
// stands), so no caption, in whatever phrasing, and no picture is in two splits. parse_caption() is
// the exact inverse of caption() on everything that the caption says. Pure, any thread.
//
// The numbers of the enumerations are written into trained weights: do not change them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isocost::world {

enum class Split : int { kTrain = 0, kValidation = 1, kTest = 2 };
[[nodiscard]] std::string_view split_name(Split split);  // "train", "validation", "test"
[[nodiscard]] std::optional<Split> parse_split(std::string_view name);
[[nodiscard]] std::vector<std::string> split_names();
// The most that grids and keys ask for at once; a world has no end.
inline constexpr std::uint64_t kScenesMax = 1'000'000;

enum class Colour : int { kRed, kOrange, kYellow, kGreen, kBlue, kPurple, kPink, kBlack };
enum class Shape : int { kCircle, kSquare, kTriangle, kStar, kHeart, kCross };
enum class Size : int { kSmall, kLarge };
enum class Background : int { kSky, kSand, kGrass, kNight, kPaper };
// How the objects stand, read from left to right, from top to bottom, from the outside to the
// inside.
enum class Arrangement : int { kBeside, kAbove, kInside, kRow, kColumn };

inline constexpr int kColours = 8;
inline constexpr int kShapes = 6;
inline constexpr int kSizes = 2;
inline constexpr int kBackgrounds = 5;
inline constexpr int kArrangements = 5;
inline constexpr std::size_t kObjectsMax = 3;
inline constexpr int kSide = 64;  // of a picture, in pixels
inline constexpr std::size_t kPictureBytes = std::size_t{3} * kSide * kSide;

struct Object {
  Colour colour = Colour::kRed;
  Shape shape = Shape::kCircle;
  Size size = Size::kSmall;
  bool operator==(const Object&) const = default;
};

struct Scene {
  Arrangement arrangement = Arrangement::kBeside;
  Background background = Background::kSky;
  // In reading order; two of them, three in a row or a column. No two share a colour.
  std::vector<Object> objects;

  std::uint32_t phrasing = 0;  // which of the ways to say it; see caption()
  std::uint64_t jitter = 0;  // seeds what no caption tells: exact places, angles, the sky's clouds

  // Equal in everything that a caption says.
  [[nodiscard]] bool means_the_same_as(const Scene& other) const;
};

[[nodiscard]] Scene scene(Split split, std::uint64_t index, std::uint64_t seed);
// "beside|night|large red star|small blue heart": the same for every phrasing.
[[nodiscard]] std::string canonical_description(const Scene& scene);
[[nodiscard]] Split split_of(const Scene& scene);

// English in lower case, at most 22 words and commas.
[[nodiscard]] std::string caption(const Scene& scene);
inline constexpr std::uint32_t kPhrasings = 8;
// Absent when the text is no caption of this world. The scene says the same; `jitter` is 0.
[[nodiscard]] std::optional<Scene> parse_caption(std::string_view text);

// {"prompt": ...}, one a line: the captions of scenes 0 to count - 1.
[[nodiscard]] std::string prompts_jsonl(Split split, std::uint64_t count, std::uint64_t seed);

// Fills `rgb` [kSide][kSide][3].
void render(const Scene& scene, std::uint8_t* rgb);

// What a picture can be asked about: "arrangement", "background", then colour, shape and size of
// each object. `classes` counts one more than there are names where an object may be absent.
struct Attribute {
  std::string name;
  int classes = 0;
};
inline constexpr std::size_t kAttributes = 11;
[[nodiscard]] const std::array<Attribute, kAttributes>& attributes();
// The answers, each in [0, classes); absent objects answer classes - 1.
[[nodiscard]] std::array<int, kAttributes> labels(const Scene& scene);

// Scenes that say something else with the same words: colours, shapes or sizes of two objects
// exchanged, their order reversed. Empty where nothing differs.
[[nodiscard]] std::vector<Scene> swapped(const Scene& scene);

[[nodiscard]] std::string_view name(Colour colour);
[[nodiscard]] std::string_view name(Shape shape);
[[nodiscard]] std::string_view name(Size size);
[[nodiscard]] std::string_view name(Background background);
[[nodiscard]] std::string_view name(Arrangement arrangement);

}  // namespace isocost::world
