// The picture world of the mini family: scenes of one or two objects, their captions, their
// pictures.
//
//   world::Scene scene = world::scene(world::Split::kValidation, 17, /*seed=*/0);
//   std::string text = world::caption(scene);  // "a large striped star left of a blue thing at
//                                              // night"
//   world::render(scene, rgb);                 // 64 x 64 x 3 bytes
//
// A scene is a pure function of (split, index, seed). Its caption tells some attributes and leaves
// others out; what it leaves out is drawn like the rest, and so are exact places, angles, sizes,
// hues and textures, which no caption tells. Which split a scene belongs to is decided by a hash of
// its canonical description (everything that is in it, told or not), so that no scene is in two
// splits. parse_caption() is the exact inverse of caption() on everything that the caption says.
// Pure, any thread.
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
// Raised when a scene of the same split, index and seed is another, looks otherwise or says
// otherwise.
inline constexpr int kWorldRevision = 2;

enum class Colour : int { kRed, kOrange, kYellow, kGreen, kBlue, kPurple, kPink, kBlack };
enum class Shape : int { kCircle, kSquare, kTriangle, kStar, kHeart, kCross };
enum class Size : int { kSmall, kLarge };
enum class Texture : int { kPlain, kStriped, kDotted };
enum class Background : int { kSky, kSand, kGrass, kNight, kPaper, kSea };
// How the objects stand, read from left to right, from top to bottom, from the outside to the
// inside.
enum class Arrangement : int { kAlone, kBeside, kAbove, kInside };

inline constexpr int kColours = 8;
inline constexpr int kShapes = 6;
inline constexpr int kSizes = 2;
inline constexpr int kTextures = 3;
inline constexpr int kBackgrounds = 6;
inline constexpr int kArrangements = 4;
inline constexpr std::size_t kObjectsMax = 2;
inline constexpr int kSide = 64;  // of a picture, in pixels
inline constexpr std::size_t kPictureBytes = std::size_t{3} * kSide * kSide;

struct Object {
  Colour colour = Colour::kRed;
  Shape shape = Shape::kCircle;
  Size size = Size::kSmall;
  Texture texture = Texture::kPlain;
  bool operator==(const Object&) const = default;
};
[[nodiscard]] std::size_t objects_in(Arrangement arrangement);

// What a picture can be asked about: "arrangement", "background", then colour, shape, size and
// texture of each object. `classes` counts one more than there are names where an object may be
// absent.
struct Attribute {
  std::string name;
  int classes = 0;
};
inline constexpr std::size_t kObjectAttributes = 4;
inline constexpr std::size_t kAttributes = 2 + kObjectAttributes * kObjectsMax;
[[nodiscard]] const std::array<Attribute, kAttributes>& attributes();

// A set of attributes: bit k stands for attributes()[k].
using AttributeSet = std::uint32_t;
inline constexpr AttributeSet kAllAttributes = (AttributeSet{1} << kAttributes) - 1;
inline constexpr std::size_t kArrangementAttribute = 0;
inline constexpr std::size_t kBackgroundAttribute = 1;
enum class ObjectAttribute : int { kColour, kShape, kSize, kTexture };
[[nodiscard]] constexpr std::size_t attribute_of(std::size_t object, ObjectAttribute attribute) {
  return 2 + kObjectAttributes * object + static_cast<std::size_t>(attribute);
}

struct Scene {
  Arrangement arrangement = Arrangement::kAlone;
  Background background = Background::kSky;
  // In reading order, as many as the arrangement has. No two share a colour.
  std::vector<Object> objects;

  AttributeSet told = kAllAttributes;  // what the caption says, besides how many objects there are
  std::uint32_t phrasing = 0;          // which of the ways to say it; see caption()
  std::uint64_t jitter = 0;            // seeds what no caption tells

  // Equal in everything that is in it, told or not.
  [[nodiscard]] bool shows_the_same_as(const Scene& other) const;
  [[nodiscard]] bool tells(std::size_t attribute) const { return ((told >> attribute) & 1U) != 0; }
};

[[nodiscard]] Scene scene(Split split, std::uint64_t index, std::uint64_t seed);
// "beside|night|large red plain star|small blue dotted heart", whatever the caption tells.
[[nodiscard]] std::string canonical_description(const Scene& scene);
[[nodiscard]] Split split_of(const Scene& scene);

// English in lower case, at most 18 words and commas.
[[nodiscard]] std::string caption(const Scene& scene);
inline constexpr std::uint32_t kPhrasings = 8;
// Absent when the text is no caption of this world. `told` says which attributes the text gives;
// the others have their first value, and two objects whose arrangement is untold stand beside each
// other. The objects are in reading order where the arrangement is told, else in the order of the
// text. `jitter` is 0.
[[nodiscard]] std::optional<Scene> parse_caption(std::string_view text);
// The scene with one told attribute replaced by a wrong value, as `draw` (any number) has it: what
// a careless annotator writes. Never the arrangement; two objects may then share a colour, and
// where the arrangement is untold it may be true of them in the other order, as with swapped().
// Unchanged where nothing else is told.
[[nodiscard]] Scene misdescribed(const Scene& scene, std::uint64_t draw);

// {"prompt": ...}, one a line: the captions of scenes 0 to count - 1.
[[nodiscard]] std::string prompts_jsonl(Split split, std::uint64_t count, std::uint64_t seed);

// Where an object stands and how it looks beyond what can be told. Pixels, radians.
struct Pose {
  double x = 0;
  double y = 0;
  double radius = 0;  // the shape's unit; corners reach up to 1.2 of it (Outline::reach)
  double angle = 0;
};
[[nodiscard]] std::vector<Pose> poses(const Scene& scene);

// Fills `rgb` [kSide][kSide][3].
void render(const Scene& scene, std::uint8_t* rgb);
// The same with bites out of one object's edge: a flaw that a metric of pictures must see.
void render_torn(const Scene& scene, std::size_t object, std::uint8_t* rgb);

// The answers to attributes(), each in [0, classes), told or not; absent objects answer
// classes - 1.
using Labels = std::array<int, kAttributes>;
[[nodiscard]] Labels labels(const Scene& scene);

// Holds what was read off a picture against what a caption tells: 1 right, 0 wrong, absent where
// it is not told. Told objects are matched with the picture's in reading order where the
// arrangement is told, else in the order that agrees best. The arrangement always counts: where it
// is not told it is right when there are as many objects.
[[nodiscard]] std::array<std::optional<int>, kAttributes> agreement(const Scene& told,
                                                                    const Labels& read);

// Scenes with another caption of the same words: colours, shapes, sizes or textures of two objects
// exchanged, their order reversed. Empty where nothing differs. Where the arrangement is untold two
// captions may say the same of a picture ("a red thing and a blue thing", the other way round):
// agreement() tells, and training, whose bytes are frozen, does not ask.
[[nodiscard]] std::vector<Scene> swapped(const Scene& scene);

[[nodiscard]] std::string_view name(Colour colour);
[[nodiscard]] std::string_view name(Shape shape);
[[nodiscard]] std::string_view name(Size size);
[[nodiscard]] std::string_view name(Texture texture);
[[nodiscard]] std::string_view name(Background background);
[[nodiscard]] std::string_view name(Arrangement arrangement);

}  // namespace isocost::world
