#include "worker/diffusion/items/degrade.h"

#include <map>

#include "base/check.h"
#include "schema/options.h"
#include "worker/diffusion/image/real_esrgan.h"
#include "worker/diffusion/image/resize.h"

namespace isocost::diffusion {
namespace {

// What a degradation is told of the picture that it makes smaller.
struct DegradeInput {
  const io::Picture& picture;
  int factor = 1;
  std::uint64_t item = 0;
  const Json& options;  // all of its row, and "name"
};
using Degrade = Result<io::Picture> (*)(const DegradeInput& input);

Result<io::Picture> degrade_bicubic(const DegradeInput& input) {
  return resize_u8(input.picture, input.picture.width / input.factor,
                   input.picture.height / input.factor, Filter::kBicubic);
}

Result<io::Picture> degrade_real_esrgan(const DegradeInput& input) {
  return real_esrgan(input.picture, {.factor = input.factor,
                                     .seed = input.options.at("seed").get<std::uint64_t>(),
                                     .item = input.item});
}

const std::map<std::string, Degrade>& degrade_table() {
  static const std::map<std::string, Degrade> kRows = {{"bicubic", degrade_bicubic},
                                                       {"real-esrgan", degrade_real_esrgan}};
  return kRows;
}

}  // namespace

Result<io::Picture> degraded(const Json& degradation, const io::Picture& picture, int factor,
                             std::uint64_t item) {
  ISOCOST_CHECK(factor >= 1 && picture.width % factor == 0 && picture.height % factor == 0,
                "a picture is made smaller by a whole factor");
  const auto name = degradation.at("name").get<std::string>();
  const auto row = degrade_table().find(name);
  if (row == degrade_table().end())
    return fail("items.degradation", "'" + name + "' is not built",
                "one of: " + joined(computed_degradations()));
  return row->second({picture, factor, item, degradation});
}

std::vector<std::string> computed_degradations() {
  std::vector<std::string> names;
  for (const auto& [name, unused] : degrade_table()) names.push_back(name);
  return names;
}

}  // namespace isocost::diffusion
