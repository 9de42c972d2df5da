#include "worker/diffusion/training/pictures.h"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "experiments/world/chance.h"

namespace isocost::diffusion {

std::vector<world::Scene> world_scenes(world::Split split, std::uint64_t count,
                                       std::uint64_t seed) {
  std::vector<world::Scene> scenes;
  scenes.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) scenes.push_back(world::scene(split, i, seed));
  return scenes;
}

namespace {

template <class Render>
at::Tensor draw_pictures(const std::vector<world::Scene>& scenes, Render render) {
  const auto count = static_cast<std::int64_t>(scenes.size());
  auto pictures = at::empty({count, 3, world::kSide, world::kSide}, at::kByte);
  auto one = at::empty({world::kSide, world::kSide, 3}, at::kByte);
  for (std::int64_t i = 0; i < count; ++i) {
    render(scenes[static_cast<std::size_t>(i)], one.data_ptr<std::uint8_t>());
    pictures[i].copy_(one.permute({2, 0, 1}));
  }
  return pictures;
}

}  // namespace

at::Tensor world_pictures(const std::vector<world::Scene>& scenes) {
  return draw_pictures(scenes, world::render);
}

at::Tensor torn_pictures(const std::vector<world::Scene>& scenes) {
  return draw_pictures(scenes, [](const world::Scene& scene, std::uint8_t* rgb) {
    world::render_torn(scene, scene.jitter % scene.objects.size(), rgb);
  });
}

at::Tensor object_masks(const std::vector<world::Scene>& scenes) {
  constexpr double kRim = 3;  // pixels around an object's circle
  const auto count = static_cast<std::int64_t>(scenes.size());
  auto masks = at::zeros({count, 1, world::kSide, world::kSide}, at::kByte);
  auto* mask = masks.data_ptr<std::uint8_t>();
  for (const auto& scene : scenes) {
    const auto poses = world::poses(scene);
    for (int y = 0; y < world::kSide; ++y)
      for (int x = 0; x < world::kSide; ++x, ++mask)
        for (const auto& pose : poses)
          if (std::hypot(x + 0.5 - pose.x, y + 0.5 - pose.y) < pose.radius + kRim) *mask = 1;
  }
  return masks;
}

at::Tensor world_labels(const std::vector<world::Scene>& scenes) {
  const auto count = static_cast<std::int64_t>(scenes.size());
  auto labels = at::empty({count, static_cast<std::int64_t>(world::kAttributes)}, at::kLong);
  auto* to = labels.data_ptr<std::int64_t>();
  for (const auto& scene : scenes)
    for (const int answer : world::labels(scene)) *to++ = answer;
  return labels;
}

at::Tensor blurred(const at::Tensor& pictures) {
  return at::avg_pool2d(at::replication_pad2d(pictures, {1, 1, 1, 1}), {3, 3}, {1, 1});
}

at::Tensor blurred_bytes(const at::Tensor& bytes) {
  return blurred(bytes.to(at::kFloat)).round().to(at::kByte);
}

at::Tensor noisy_bytes(const at::Tensor& bytes, double deviation, at::Generator generator) {
  const auto noise = 255 * deviation * at::randn(bytes.sizes(), std::move(generator));
  return (bytes.to(at::kFloat) + noise).round().clamp(0, 255).to(at::kByte);
}

at::Tensor to_unit_range(const at::Tensor& bytes) { return bytes.to(at::kFloat) / 127.5 - 1.0; }

at::Tensor batch_indices(std::uint64_t seed, std::int64_t step, std::int64_t batch,
                         std::int64_t count) {
  world::Chance chance(seed, static_cast<std::uint64_t>(step));
  auto indices = at::empty({batch}, at::kLong);
  for (std::int64_t i = 0; i < batch; ++i)
    indices.data_ptr<std::int64_t>()[i] = chance.below(static_cast<std::uint32_t>(count));
  return indices;
}

at::Generator step_generator(std::uint64_t seed, std::int64_t step) {
  return at::detail::createCPUGenerator(
      world::mix(world::mix(seed) ^ static_cast<std::uint64_t>(step)));
}

}  // namespace isocost::diffusion
