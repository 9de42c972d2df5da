#include "worker/diffusion/training/encoded_world.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>

#include "base/check.h"
#include "base/io/inputs.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/training/family.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/world_encoders.h"

namespace isocost::diffusion {
namespace {

namespace fs = std::filesystem;

constexpr int kItemsRevision = 1;  // raised when the same item of a task is another
constexpr std::chrono::seconds kBetweenLines{5};

// Named after everything that its content follows from.
Result<fs::path> cache_file(const TrainingPlaces& places, const WorldChoice& choice) {
  Json key = {{"split", world::split_name(choice.split)}, {"count", choice.count},
              {"misdescribed", choice.misdescribed},      {"seed", kWorldSeed},
              {"world", world::kWorldRevision},           {"dtype", "float16"}};
  if (!choice.task.empty())
    key.update(
        {{"task", choice.task}, {"degradations", choice.degradations}, {"items", kItemsRevision}});
  for (const char* part : {"vae", "text_encoder", "tokenizer"}) {
    const auto digest = io::input_digest(places.family / "models/shared" / part);
    if (!digest) return fail(digest.error());
    key[part] = digest->hex();
  }
  return places.cache / ("world-" + canonical_digest(key).hex().substr(0, 16) + ".safetensors");
}

// A line now and then, since this takes minutes.
class EncodingProgress {
 public:
  explicit EncodingProgress(std::uint64_t count) : count_(count) {}
  void tell(std::uint64_t done) {
    if (std::chrono::steady_clock::now() < next_) return;
    std::printf("world  %llu of %llu pictures encoded\n", static_cast<unsigned long long>(done),
                static_cast<unsigned long long>(count_));
    std::fflush(stdout);
    next_ += kBetweenLines;
  }

 private:
  std::uint64_t count_;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + kBetweenLines;
};

// Of the one process that encodes a world: held until the object or its process ends. Says so
// before it waits, since that takes minutes.
class EncodingLock {
 public:
  explicit EncodingLock(fs::path file) : file_(std::move(file)) {
    descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) throw_errno();
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
    if (errno == EWOULDBLOCK) {
      std::printf("world  another process encodes these pictures: waiting for it\n");
      std::fflush(stdout);
    }
    while (::flock(descriptor_, LOCK_EX) != 0)
      if (errno != EINTR) throw_errno();
  }
  ~EncodingLock() { ::close(descriptor_); }
  EncodingLock(const EncodingLock&) = delete;
  EncodingLock& operator=(const EncodingLock&) = delete;
  [[nodiscard]] const fs::path& file() const { return file_; }

 private:
  [[noreturn]] void throw_errno() const {
    throw std::system_error(errno, std::generic_category(), file_.string());
  }
  fs::path file_;
  int descriptor_ = -1;
};

// Items of text-to-image: scenes and what is said of them.
TaskItems items_of_scenes(const WorldChoice& choice, const ItemRange& range) {
  TaskItems items;
  items.first = range.begin;
  std::vector<world::Scene> scenes;
  for (std::uint64_t i = range.begin; i < range.end; ++i)
    scenes.push_back(world::scene(choice.split, i, kWorldSeed));
  items.targets = world_pictures(scenes);
  for (const auto& scene : scenes)
    items.prompts.push_back(training_caption(scene, choice.misdescribed));
  return items;
}

Result<void> check_prompts(const Encoders& encoders, const std::vector<std::string>& prompts) {
  for (const auto& prompt : prompts)
    if (const auto count = encoders.tokenizer.count(prompt);
        count + 2 > encoders.tokenizer.length())
      return fail("models/shared/tokenizer", c10::str("'", prompt, "' has ", count, " tokens"),
                  c10::str("at most ", encoders.tokenizer.length() - 2));
  return {};
}

Result<EncodedWorld> encode(Encoders& encoders, const WorldChoice& choice, const ItemRange& range,
                            EncodingProgress& progress) {
  const auto* task = choice.task.empty() ? nullptr : find_item_task(choice.task);
  std::vector<at::Tensor> latents, states, channels;
  for (auto i = range.begin; i < range.end; i += kEncodedTogether) {
    progress.tell(i);
    const ItemRange some{i, std::min(range.end, i + kEncodedTogether)};
    const auto items = task == nullptr ? items_of_scenes(choice, some) : task->items(choice, some);
    if (const auto fit = check_prompts(encoders, items.prompts); !fit) return fail(fit.error());
    latents.push_back(encoders.latents_of(to_unit_range(items.targets)));
    states.push_back(encoders.states_of(items.prompts));
    if (task != nullptr) channels.push_back(task->channels(encoders, items));
  }
  EncodedWorld data{at::cat(latents).contiguous(),
                    at::cat(states).contiguous(),
                    encoders.states_of({""})[0].contiguous(),
                    {},
                    {}};
  if (task != nullptr) data.channels = at::cat(channels).contiguous();
  return data;
}

io::TensorView view_of(const at::Tensor& tensor) {
  return {io::Dtype::kF16,
          tensor.sizes().vec(),
          {static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()}};
}

Result<EncodedWorld> read_cache(const fs::path& file, const WorldChoice& choice,
                                const std::string& made_by) {
  const auto tensors = io::SafetensorsFile::read(file);
  if (!tensors) return fail(tensors.error());
  EncodedWorld data;
  data.made_by = made_by;
  std::vector<std::pair<const char*, at::Tensor*>> wanted = {
      {"latents", &data.latents}, {"text", &data.text}, {"empty_text", &data.empty_text}};
  if (!choice.task.empty()) wanted.emplace_back("channels", &data.channels);
  Failure failure;
  for (const auto& [name, target] : wanted) {
    const auto* view = tensors->find(name);
    if (view == nullptr) {
      failure.add(file.string(), c10::str("the tensor '", name, "' is missing"));
      continue;
    }
    auto tensor = to_tensor(*view, file.string());
    if (!tensor) failure.add(tensor.error());
    if (tensor) *target = *tensor;
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return data;
}

void write_cache(const fs::path& file, const EncodedWorld& data) {
  io::TensorViews views = {{"latents", view_of(data.latents)},
                           {"text", view_of(data.text)},
                           {"empty_text", view_of(data.empty_text)}};
  if (data.channels.defined()) views["channels"] = view_of(data.channels);
  io::write_safetensors(file, views);
}

// Requires: one at least, all with channels or none.
EncodedWorld joined_parts(const std::vector<EncodedWorld>& parts) {
  if (parts.size() == 1) return parts.front();
  const auto all = [&parts](at::Tensor EncodedWorld::* member) {
    std::vector<at::Tensor> some;
    some.reserve(parts.size());
    for (const auto& part : parts) some.push_back(part.*member);
    return at::cat(some).contiguous();
  };
  EncodedWorld data{
      all(&EncodedWorld::latents), all(&EncodedWorld::text), parts.front().empty_text, {}, {}};
  if (parts.front().channels.defined()) data.channels = all(&EncodedWorld::channels);
  return data;
}

}  // namespace

Result<EncodedWorld> encode_world(const TrainingPlaces& places, const WorldChoice& choice) {
  const auto file = cache_file(places, choice);
  if (!file) return fail(file.error());
  const auto made_by = shared_digest(places.family, {"vae", "text_encoder", "tokenizer"});
  if (!made_by) return fail(made_by.error());
  if (fs::exists(*file)) return read_cache(*file, choice, *made_by);

  fs::create_directories(places.cache);
  const EncodingLock lock(file->string() + ".lock");
  if (fs::exists(*file)) return read_cache(*file, choice, *made_by);
  auto encoders = load_encoders(places.family);
  if (!encoders) return fail(encoders.error());
  ISOCOST_CHECK(choice.kept_every % kEncodedTogether == 0, "rounding does not depend on the cut");
  // In parts that are kept on the way, so that whoever is killed loses the last of them alone.
  EncodingProgress progress(choice.count);
  std::vector<EncodedWorld> parts;
  std::vector<fs::path> files;
  for (std::uint64_t begin = 0; begin < choice.count; begin += choice.kept_every) {
    const ItemRange range{begin, std::min(choice.count, begin + choice.kept_every)};
    files.push_back(file->string() + ".from-" + std::to_string(begin));
    auto part = fs::exists(files.back()) ? read_cache(files.back(), choice, *made_by)
                                         : encode(*encoders, choice, range, progress);
    if (!part) return part;
    if (!fs::exists(files.back())) write_cache(files.back(), *part);
    parts.push_back(std::move(*part));
  }
  auto data = joined_parts(parts);
  data.made_by = *made_by;
  write_cache(*file, data);
  for (const auto& part : files) fs::remove(part);
  // Whoever waits for it, or comes and makes another, finds the file.
  fs::remove(lock.file());
  return data;
}

}  // namespace isocost::diffusion
