#include "worker/diffusion/image/clip_preprocess.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/check.h"
#include "base/io/clip_files.h"
#include "base/io/genuine_file.h"

namespace isocost::diffusion {
namespace {

constexpr int kSideMax = 4096;

// Reads members, notes faults, keeps defaults for what is absent or null (as upstream does).
class Members {
 public:
  Members(const Json& json, const std::string& where) : json_(json), where_(where) {}

  [[nodiscard]] const Json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  bool flag(const char* key, bool fallback) {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_boolean()) fault(key, "true or false");
    return value->is_boolean() ? value->get<bool>() : fallback;
  }
  int side(const char* key, const Json& value) {
    if (value.is_number_integer()) {
      const auto pixels = value.get<std::int64_t>();
      if (pixels >= 1 && pixels <= kSideMax) return static_cast<int>(pixels);
    }
    fault(key, "a number of pixels from 1 to " + std::to_string(kSideMax));
    return 1;
  }
  std::array<double, 3> triple(const char* key, const std::array<double, 3>& fallback) {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    std::array<double, 3> numbers{};
    bool is_good = value->is_array() && value->size() == 3;
    for (std::size_t c = 0; is_good && c < 3; ++c) {
      is_good = value->at(c).is_number();
      if (is_good) numbers[c] = value->at(c).get<double>();
    }
    if (!is_good) fault(key, "three numbers");
    return is_good ? numbers : fallback;
  }
  void fault(const char* key, const std::string& expected) {
    failure_.add(where_ + ": " + key, "it is " + canonical(json_.at(key)).substr(0, 60), expected);
  }
  Failure& failure() { return failure_; }

 private:
  const Json& json_;
  const std::string& where_;
  Failure failure_;
};

void read_size(Members& members, ClipPreprocess& out) {
  const Json* size = members.find("size");
  if (size == nullptr) return;
  if (size->is_object() && size->contains("height") && size->contains("width")) {
    out.shortest_edge = 0;
    out.resize_height = members.side("size", size->at("height"));
    out.resize_width = members.side("size", size->at("width"));
  } else if (size->is_object() && size->contains("shortest_edge")) {
    out.shortest_edge = members.side("size", size->at("shortest_edge"));
  } else {
    out.shortest_edge = members.side("size", *size);
  }
}

void read_crop(Members& members, ClipPreprocess& out) {
  const Json* crop = members.find("crop_size");
  if (crop == nullptr) return;
  const bool is_pair = crop->is_object() && crop->contains("height") && crop->contains("width");
  out.crop_height = members.side("crop_size", is_pair ? crop->at("height") : *crop);
  out.crop_width = members.side("crop_size", is_pair ? crop->at("width") : *crop);
}

void read_filter(Members& members, ClipPreprocess& out) {
  const Json* resample = members.find("resample");
  if (resample == nullptr || *resample == 3) return;
  if (*resample == 2) {
    out.filter = Filter::kBilinear;
  } else {
    members.fault("resample", "3 (bicubic) or 2 (bilinear)");
  }
}

void read_normalisation(Members& members, ClipPreprocess& out) {
  const Json* factor = members.find("rescale_factor");
  if (factor != nullptr && !factor->is_number()) members.fault("rescale_factor", "a number");
  if (factor != nullptr && factor->is_number()) out.rescale = factor->get<double>();
  if (!members.flag("do_rescale", true)) out.rescale = 1;
  out.mean = members.triple("image_mean", out.mean);
  out.deviation = members.triple("image_std", out.deviation);
  if (std::any_of(out.deviation.begin(), out.deviation.end(), [](double d) { return !(d > 0); })) {
    members.fault("image_std", "three numbers above 0");
  }
  if (!members.flag("do_normalize", true)) {
    out.mean = {0, 0, 0};
    out.deviation = {1, 1, 1};
  }
}

int floor_half(int value) { return value >= 0 ? value / 2 : -((1 - value) / 2); }

// Python's round(value / 2.0): a half goes to the even neighbour.
int even_half(int value) {
  const int low = floor_half(value);
  return low + (value % 2 != 0 && low % 2 != 0 ? 1 : 0);
}

io::Picture cut(const io::Picture& picture, int height, int width, bool is_torchvision) {
  const auto half = [&](int value) {
    return is_torchvision ? even_half(value) : floor_half(value);
  };
  const int top = half(picture.height - height), left = half(picture.width - width);
  io::Picture out{width, height,
                  std::vector<std::uint8_t>(3 * static_cast<std::size_t>(width) *
                                            static_cast<std::size_t>(height))};
  const int x_begin = std::max(0, -left), x_end = std::min(width, picture.width - left);
  for (int y = std::max(0, -top); y < std::min(height, picture.height - top); ++y) {
    const auto from = 3 * (std::ptrdiff_t{y + top} * picture.width + left + x_begin);
    const auto to = 3 * (std::ptrdiff_t{y} * width + x_begin);
    std::copy_n(picture.rgb.begin() + from, 3 * std::max(0, x_end - x_begin), out.rgb.begin() + to);
  }
  return out;
}

// What a folder says of its pictures' preprocessing, and where it stands.
struct Said {
  Json json;
  std::string where;
};

Result<Said> read_preprocessing(const std::filesystem::path& folder) {
  const auto found = io::find_preprocessing_file(folder);
  if (!found) return fail(found.error());
  if (!*found)
    return fail((folder / "preprocessor_config.json").string(), "the file is missing",
                "how the pictures are made ready");
  const auto& [file, is_nested] = **found;
  const auto text = io::read_genuine_file(file, std::size_t{1} << 20);
  if (!text) return fail(text.error());
  const auto json = parse_json(*text, file.string());
  if (!json) return fail(json.error());
  if (!is_nested) return Said{*json, file.string()};
  return Said{json->at("image_processor"), file.string() + ": image_processor"};
}

}  // namespace

Result<ClipPreprocess> ClipPreprocess::load(const std::filesystem::path& folder) {
  const auto said = read_preprocessing(folder);
  if (!said) return fail(said.error());
  return parse(said->json, said->where);
}

Result<ClipPreprocess> ClipPreprocess::load_vit(const std::filesystem::path& folder) {
  const auto said = read_preprocessing(folder);
  if (!said) return fail(said.error());
  if (!said->json.is_object()) return parse(said->json, said->where);
  Json whole = {{"do_center_crop", false},
                {"resample", 2},
                {"size", {{"height", 224}, {"width", 224}}},
                {"image_mean", {0.5, 0.5, 0.5}},
                {"image_std", {0.5, 0.5, 0.5}}};
  for (const auto& [key, value] : said->json.items())
    if (!value.is_null()) whole[key] = value;
  const Json size = whole["size"];
  if (size.is_number()) whole["size"] = {{"height", size}, {"width", size}};
  return parse(whole, said->where);
}

ClipPreprocess ClipPreprocess::dreambooth() {
  ClipPreprocess out;
  out.shortest_edge = 256;
  out.is_torchvision_crop = true;
  out.mean = {0.485, 0.456, 0.406};
  out.deviation = {0.229, 0.224, 0.225};
  return out;
}

Result<ClipPreprocess> ClipPreprocess::parse(const Json& json, const std::string& where) {
  if (!json.is_object())
    return fail(where, "this is no JSON object", "a CLIP image processor's configuration");
  Members members(json, where);
  ClipPreprocess out;
  out.has_resize = members.flag("do_resize", true);
  out.has_crop = members.flag("do_center_crop", true);
  read_size(members, out);
  read_crop(members, out);
  read_filter(members, out);
  read_normalisation(members, out);
  if (!out.has_crop && (!out.has_resize || out.resize_height == 0)) {
    members.failure().add(where, "without a centre crop pictures would keep sizes of their own",
                          "do_center_crop, or a size of height and width");
  }
  if (!members.failure().is_empty()) return fail(std::move(members.failure()));
  return out;
}

Result<void> ClipPreprocess::check_fit(std::int64_t image_size, const std::string& folder) const {
  if (height() == image_size && width() == image_size) return {};
  const std::string side = std::to_string(image_size);
  return fail(folder + ", the pictures' preprocessing",
              "pictures come out as " + std::to_string(height()) + " x " + std::to_string(width()),
              side + " x " + side + ", the model's image_size");
}

io::Picture ClipPreprocess::crop(const io::Picture& picture) const {
  io::Picture out = picture;
  if (has_resize && shortest_edge > 0) {
    const std::int64_t shorter = std::min(picture.width, picture.height);
    // The longer edge is cut down, not rounded; a strip of a picture cannot ask for more than any
    // picture may have.
    const auto scaled = [&](int side) {
      return static_cast<int>(std::min<std::int64_t>(std::int64_t{shortest_edge} * side / shorter,
                                                     io::kPictureSideMax));
    };
    out = resize_u8(picture, scaled(picture.width), scaled(picture.height), filter);
  } else if (has_resize) {
    out = resize_u8(picture, resize_width, resize_height, filter);
  }
  return has_crop ? cut(out, crop_height, crop_width, is_torchvision_crop) : out;
}

void ClipPreprocess::apply(const io::Picture& picture, std::span<float> out) const {
  const io::Picture cropped = crop(picture);
  const std::size_t pixels = cropped.rgb.size() / 3;
  ISOCOST_CHECK(out.size() == 3 * pixels, "the place for a preprocessed picture has another size");
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < pixels; ++i) {
      const auto scaled = static_cast<float>(cropped.rgb[3 * i + c] * rescale);
      out[c * pixels + i] =
          (scaled - static_cast<float>(mean[c])) / static_cast<float>(deviation[c]);
    }
  }
}

}  // namespace isocost::diffusion
