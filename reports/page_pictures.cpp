#include "reports/page_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/io/picture.h"
#include "reports/model/pictures.h"
#include "schema/prompts.h"

namespace isocost::report {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPictureBytesMax = 4U << 20;  // of all pictures in the page, each time shown
constexpr std::size_t kPictureFilesMax = 20'000;    // of all pictures beside it
constexpr int kSideMax = 208;                       // pixels: twice what a page shows

// Prompt `number mod n`, for each number that is asked for.
std::map<std::uint64_t, std::string> prompts_of(const std::string& text,
                                                const std::set<std::uint64_t>& numbers) {
  std::map<std::uint64_t, std::string> prompts;
  const auto texts = parse_prompts(text, "prompts");
  if (!texts) return prompts;
  for (const std::uint64_t number : numbers) prompts[number] = (*texts)[number % texts->size()];
  return prompts;
}

// The mean of the pixels that each new one covers; whole pixels, so nothing is weighed.
io::Picture smaller(const io::Picture& picture) {
  const int factor = (std::max(picture.width, picture.height) + kSideMax - 1) / kSideMax;
  io::Picture out{picture.width / factor, picture.height / factor, {}};
  if (factor < 2 || out.width < 1 || out.height < 1) return picture;
  out.rgb.reserve(3 * static_cast<std::size_t>(out.width) * static_cast<std::size_t>(out.height));
  const auto width = static_cast<std::size_t>(picture.width), f = static_cast<std::size_t>(factor);
  for (std::size_t y = 0; y < static_cast<std::size_t>(out.height); ++y)
    for (std::size_t x = 0; x < static_cast<std::size_t>(out.width); ++x)
      for (std::size_t c = 0; c < 3; ++c) {
        std::size_t sum = 0;
        for (std::size_t v = 0; v < f; ++v)
          for (std::size_t u = 0; u < f; ++u)
            sum += picture.rgb[3 * ((y * f + v) * width + x * f + u) + c];
        out.rgb.push_back(static_cast<std::uint8_t>((sum + f * f / 2) / (f * f)));
      }
  return out;
}

std::optional<std::string> shown_bytes(const io::ArtifactStore& store, const Digest& digest) {
  auto png = store.get(digest);
  if (!png) return std::nullopt;
  const auto picture = io::parse_picture(*png, digest.hex());
  if (!picture) return std::nullopt;
  if (std::max(picture->width, picture->height) <= kSideMax) return std::move(*png);
  return io::png_bytes(smaller(*picture));
}

class Reader {
 public:
  Reader(const io::ArtifactStore& store, PageInputs& inputs) : store_(store), inputs_(inputs) {}

  void read(const Digest& digest) {
    const std::string key = digest.hex();
    if (const auto found = inputs_.pictures.find(key); found != inputs_.pictures.end()) {
      bytes_ += found->second.size();  // it stands in the page once more
      return;
    }
    if (bytes_ > kPictureBytesMax) {
      if (store_.is_whole(digest)) inputs_.left_out.insert(key);
      return;
    }
    auto png = shown_bytes(store_, digest);
    if (!png) return;
    bytes_ += png->size();
    inputs_.pictures.emplace(key, std::move(*png));
  }

 private:
  const io::ArtifactStore& store_;
  PageInputs& inputs_;
  std::size_t bytes_ = 0;
};

}  // namespace

void read_pictures(const Report& report, const io::ArtifactStore& store, PageInputs& inputs) {
  Reader reader(store, inputs);
  for (const TaskReport& task : report.tasks) {
    std::set<std::uint64_t> numbers;
    for (const PictureBlock& block : task.pictures) {
      numbers.insert(block.numbers.begin(), block.numbers.end());
      for (const ItemRow& row : item_rows(task.study, block.numbers))
        for (const auto& digest : row.pictures)
          if (digest) reader.read(*digest);
      for (const PictureRow& row : block.rows)
        for (const Digest& digest : row.pictures) reader.read(digest);
    }
    const auto digest = Digest::parse(task.study.prompts);
    if (numbers.empty() || !digest) continue;
    if (const auto text = store.get(*digest))
      inputs.prompts[task.study.prompts] = prompts_of(*text, numbers);
  }
}

CopiedPictures write_pictures_beside(const Report& report, const io::ArtifactStore& store,
                                     const fs::path& out) {
  std::size_t files = 0;
  CopiedPictures copied;
  const auto copy = [&](const Digest& digest, const fs::path& file) {
    if (files == kPictureFilesMax) {
      ++copied.left_out;
      return;
    }
    if (!store.is_whole(digest)) return;
    fs::create_directories(file.parent_path());
    fs::copy_file(store.path(digest), file, fs::copy_options::overwrite_existing);
    ++files;
  };
  for (const TaskReport& task : report.tasks) {
    const auto items = report.data->items.find(task.study.data_key);
    if (items != report.data->items.end())
      for (const ItemPicture& item : items->second)
        copy(item.digest, out / "pictures/items" / task.study.task_id /
                              fmt::format("{:06}-{}.png", item.number, slot_key(item.slot)));
    for (const auto* points : {&task.study.points, &task.study.baselines})
      for (const Point& point : *points)
        for (const Picture& picture : point.cell->pictures)
          copy(picture.digest,
               out / picture_folder(point) / fmt::format("{:06}.png", picture.number));
  }
  if (files > 0) copied.folder = out / "pictures";
  return copied;
}

}  // namespace isocost::report
