#include "worker/diffusion/metrics/extractors/rows_maker.h"

#include <array>

#include "base/check.h"

namespace isocost::diffusion {
namespace {

constexpr std::array kItemPictures = {&Items::sources, &Items::targets, &Items::masks};
constexpr std::array kItemTexts = {&Items::source_texts, &Items::target_texts};

bool are_as_large(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.sizes() == b.sizes();
}

bool are_as_large(const RowInput& a, const RowInput& b) {
  bool are = are_as_large(a.pictures, b.pictures);
  for (const auto member : kItemPictures) are &= are_as_large(a.items.*member, b.items.*member);
  return are;
}

at::Tensor side_by_side(const std::vector<at::Tensor>& some) {
  return some.empty() ? at::Tensor() : at::cat(some).contiguous();
}

RowInput side_by_side(const std::vector<RowInput>& all) {
  std::vector<at::Tensor> pictures;
  pictures.reserve(all.size());
  RowInput batch;
  for (const RowInput& one : all) {
    pictures.push_back(one.pictures);
    batch.prompts.insert(batch.prompts.end(), one.prompts.begin(), one.prompts.end());
    for (const auto member : kItemTexts) {
      const auto& texts = one.items.*member;
      (batch.items.*member).insert((batch.items.*member).end(), texts.begin(), texts.end());
    }
  }
  batch.pictures = side_by_side(pictures);
  for (const auto member : kItemPictures) {
    std::vector<at::Tensor> some;
    some.reserve(all.size());
    for (const RowInput& one : all)
      if ((one.items.*member).defined()) some.push_back(one.items.*member);
    batch.items.*member = side_by_side(some);
  }
  return batch;
}

}  // namespace

Result<void> RowsMaker::add(RowInput one) {
  ISOCOST_CHECK(one.pictures.size(0) == 1, "pictures are added one by one");
  const bool fits = waiting_.empty() || are_as_large(waiting_.front(), one);
  if (!fits || waiting_.size() == batch_)
    if (auto done = flush(); !done) return done;
  waiting_.push_back(std::move(one));
  return {};
}

std::optional<std::int64_t> RowsMaker::columns() const {
  return rows_.empty() ? std::nullopt : std::optional(rows_.front().size(1));
}

Result<void> RowsMaker::flush() {
  if (waiting_.empty()) return {};
  auto made = extractor_.extract(side_by_side(waiting_));
  if (!made) return fail(made.error());
  rows_.push_back(std::move(*made));
  waiting_.clear();
  return {};
}

Result<at::Tensor> RowsMaker::finish() {
  if (auto done = flush(); !done) return fail(done.error());
  ISOCOST_CHECK(!rows_.empty(), "rows are made of pictures");
  return at::cat(rows_);
}

}  // namespace isocost::diffusion
