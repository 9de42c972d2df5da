// What CLIP says of a picture and of what belongs to it: its source, its target, their texts.
#include <ATen/ATen.h>

#include "worker/diffusion/metrics/extractors/clip_folder.h"

namespace isocost::diffusion {
namespace {

at::Tensor cosine_rows(const at::Tensor& a, const at::Tensor& b) {
  return (a * b).sum(1, true).to(at::kCPU, at::kFloat).contiguous();
}

class ClipToPicture : public Extractor {
 public:
  ClipToPicture(ClipFolder folder, at::Tensor Items::* other)
      : folder_(std::move(folder)), other_(other) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    return cosine_rows(unit_length(folder_.image_features(input.pictures)),
                       unit_length(folder_.image_features(input.items.*other_)));
  }

 private:
  ClipFolder folder_;
  at::Tensor Items::* other_;
};

class ClipToText : public Extractor {
 public:
  ClipToText(ClipFolder folder, ClipTexts texts, std::string without)
      : folder_(std::move(folder)), texts_(std::move(texts)), without_(std::move(without)) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    std::vector<std::string> texts = input.items.target_texts;
    if (!without_.empty())
      for (std::string& text : texts) take_out(text);
    const at::Tensor wanted = texts_.embeddings(folder_, texts);
    return cosine_rows(unit_length(folder_.image_features(input.pictures)), wanted);
  }

 private:
  // "a sks dog" without "sks" is "a  dog": the tokenizer reads any white space as one space.
  void take_out(std::string& text) const {
    for (auto at = text.find(without_); at != std::string::npos; at = text.find(without_, at))
      text.erase(at, without_.size());
  }

  ClipFolder folder_;
  ClipTexts texts_;
  std::string without_;
};

// Gal et al. 2022; embeddings of unit length and the cosine of their differences, as
// InstructPix2Pix's clip_similarity.py has it.
class ClipDirection : public Extractor {
 public:
  ClipDirection(ClipFolder folder, ClipTexts texts)
      : folder_(std::move(folder)), texts_(std::move(texts)) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    const Items& items = input.items;
    for (std::size_t i = 0; i < items.source_texts.size(); ++i)
      if (items.source_texts[i] == items.target_texts[i])
        return fail("items",
                    "'" + items.target_texts[i].substr(0, 80) +
                        "' is the text of a source and of "
                        "its target",
                    "two texts that differ, between which there is a direction");
    const at::Tensor asked = texts_.embeddings(folder_, items.target_texts) -
                             texts_.embeddings(folder_, items.source_texts);
    const at::Tensor done = unit_length(folder_.image_features(input.pictures)) -
                            unit_length(folder_.image_features(items.sources));
    return at::cosine_similarity(done, asked, 1, 1e-8)
        .unsqueeze(1)
        .to(at::kCPU, at::kFloat)
        .contiguous();
  }

 private:
  ClipFolder folder_;
  ClipTexts texts_;
};

Result<std::unique_ptr<Extractor>> load_clip_to(const ExtractorSource& source,
                                                at::Tensor Items::* other) {
  auto folder = ClipFolder::open(source);
  if (!folder) return fail(folder.error());
  return std::make_unique<ClipToPicture>(std::move(*folder), other);
}

}  // namespace

Result<std::unique_ptr<Extractor>> load_clip_to_source(const ExtractorSource& source) {
  return load_clip_to(source, &Items::sources);
}

Result<std::unique_ptr<Extractor>> load_clip_to_target(const ExtractorSource& source) {
  return load_clip_to(source, &Items::targets);
}

Result<std::unique_ptr<Extractor>> load_clip_to_text(const ExtractorSource& source) {
  auto folder = ClipFolder::open(source);
  if (!folder) return fail(folder.error());
  auto texts = ClipTexts::open(source, *folder);
  if (!texts) return fail(texts.error());
  return std::make_unique<ClipToText>(std::move(*folder), std::move(*texts),
                                      source.options.at("without").get<std::string>());
}

Result<std::unique_ptr<Extractor>> load_clip_direction(const ExtractorSource& source) {
  auto folder = ClipFolder::open(source);
  if (!folder) return fail(folder.error());
  auto texts = ClipTexts::open(source, *folder);
  if (!texts) return fail(texts.error());
  return std::make_unique<ClipDirection>(std::move(*folder), std::move(*texts));
}

}  // namespace isocost::diffusion
