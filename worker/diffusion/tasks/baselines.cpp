#include "worker/diffusion/tasks/baselines.h"

#include <map>

#include "base/check.h"
#include "worker/diffusion/image/resize.h"
#include "worker/diffusion/image/tensors/picture_tensor.h"
#include "worker/diffusion/tasks/group_items.h"
#include "worker/diffusion/tasks/pictures.h"

namespace isocost::diffusion {
namespace {

using Make = Result<at::Tensor> (*)(BaselineMaker& maker, const Group& group);

Result<at::Tensor> targets_of(BaselineMaker&, const Group& group) { return group.items.targets; }

Result<at::Tensor> sources_of(BaselineMaker&, const Group& group) { return group.items.sources; }

Result<at::Tensor> reconstructions(BaselineMaker& maker, const Group& group) {
  SharedAutoencoder& vae = maker.autoencoder();
  const at::Tensor latents = vae.posterior(signed_pictures(unit_range(group.items.targets))).mean;
  if (!at::isfinite(latents).all().item<bool>())
    return fail("the autoencoder", "the encoded pictures are not finite",
                "weights that stay finite");
  return vae.render(vae.config().scaling_factor * latents);
}

Result<at::Tensor> enlarged(BaselineMaker& maker, const Group& group) {
  const PictureSize size = maker.size();
  return enlarged_by_pillow(group.items.sources, size.height, size.width);
}

Result<at::Tensor> means(BaselineMaker& maker, const Group& group) {
  const auto mean = maker.mean();
  if (!mean) return fail(mean.error());
  const auto batch = static_cast<std::int64_t>(group.images.size());
  return mean->unsqueeze(0).expand({batch, -1, -1, -1}).contiguous();
}

const std::map<std::string, Make>& make_table() {
  static const std::map<std::string, Make> kRows = {{"real", targets_of},
                                                    {"reconstruction", reconstructions},
                                                    {"bicubic", enlarged},
                                                    {"source", sources_of},
                                                    {"mean", means}};
  return kRows;
}

}  // namespace

std::vector<std::string> engine_baselines() {
  std::vector<std::string> names;
  for (const auto& [name, unused] : make_table()) names.push_back(name);
  return names;
}

Result<at::Tensor> BaselineMaker::mean() {
  if (mean_.defined()) return mean_;
  if (!parts_.items->has(tasks::Slot::kTarget))
    return fail("items", "they have no target", "one an image");
  at::Tensor sum = at::zeros({3, size_.height, size_.width}, at::kLong);
  const auto count = static_cast<std::int64_t>(parts_.items->count());
  for (std::int64_t i = 0; i < count; ++i) {
    const auto target = parts_.items->target(static_cast<std::uint64_t>(i), size_);
    if (!target) return fail(target.error());
    sum += picture_tensor(*target);
  }
  mean_ = at::div(2 * sum + count, 2 * count, "floor").to(at::kByte);
  return mean_;
}

Result<RowInput> BaselineMaker::make(const Group& group) {
  const auto row = make_table().find(row_.name);
  if (row == make_table().end())
    return fail("sample.task", "'" + row_.name + "' is not built", joined(engine_baselines()));
  const at::Tensor& made_of =
      row_.slot == tasks::Slot::kTarget ? group.items.targets : group.items.sources;
  if (!made_of.defined())
    return fail("items", "they have no " + std::string(tasks::slot_name(row_.slot)),
                "one an image, which " + row_.name + " is made of");
  auto pictures = row->second(*this, group);
  if (!pictures) return fail(pictures.error());
  if (pictures->size(2) != size_.height || pictures->size(3) != size_.width)
    return fail(
        "items",
        c10::str(row_.name, " has ", pictures->size(2), " x ", pictures->size(3), " pixels"),
        c10::str(size_.height, " x ", size_.width, ", as the sample has"));
  return RowInput{.pictures = std::move(*pictures), .prompts = group.prompts, .items = group.items};
}

}  // namespace isocost::diffusion
