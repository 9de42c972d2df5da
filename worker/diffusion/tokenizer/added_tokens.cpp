#include "worker/diffusion/tokenizer/added_tokens.h"

#include <algorithm>

#include "worker/diffusion/tokenizer/unicode.h"
#include "worker/diffusion/tokenizer/words.h"

namespace isocost::diffusion {
namespace {

bool stands_alone(std::u32string_view text, std::size_t begin, std::size_t end) {
  return (begin == 0 || !unicode::is_word(text[begin - 1])) &&
         (end == text.size() || !unicode::is_word(text[end]));
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  // Of two that read alike upstream finds the special one first.
  std::vector<std::size_t> order(tokens_.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_partition(order.begin(), order.end(),
                        [&](std::size_t i) { return tokens_[i].is_special; });
  for (const std::size_t i : order) {
    const std::u32string text = unicode::decode(tokens_[i].text);
    if (tokens_[i].is_normalised)
      normalised_.push_back({normalise(text), i});
    else
      raw_.push_back({text, i});
  }
  for (Patterns* patterns : {&raw_, &normalised_}) {
    std::erase_if(*patterns, [](const Pattern& pattern) { return pattern.text.empty(); });
    std::stable_sort(patterns->begin(), patterns->end(), [](const Pattern& a, const Pattern& b) {
      return a.text.size() > b.text.size();
    });
  }
}

std::vector<AddedTokens::Piece> AddedTokens::split(std::u32string_view text) const {
  std::vector<Piece> raw, pieces;
  split_by(raw_, text, raw);
  for (Piece& piece : raw) {
    if (piece.token != nullptr)
      pieces.push_back(std::move(piece));
    else
      split_by(normalised_, normalise(piece.text), pieces);
  }
  return pieces;
}

void AddedTokens::split_by(const Patterns& patterns, std::u32string_view text,
                           std::vector<Piece>& pieces) const {
  std::size_t plain_begin = 0;
  const auto take = [&](std::size_t begin, std::size_t end, const AddedToken* token) {
    if (begin < end) pieces.push_back({std::u32string(text.substr(begin, end - begin)), token});
  };
  for (std::size_t at = 0; at < text.size();) {
    const auto pattern = std::find_if(patterns.begin(), patterns.end(), [&](const Pattern& one) {
      return text.substr(at).starts_with(one.text);
    });
    if (pattern == patterns.end()) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[pattern->token];
    std::size_t begin = at, end = at + pattern->text.size();
    at = end;
    if (token.is_word && !stands_alone(text, begin, end)) continue;
    while (token.takes_space_before && begin > plain_begin && unicode::is_space(text[begin - 1]))
      --begin;
    while (token.takes_space_after && end < text.size() && unicode::is_space(text[end])) ++end;
    take(plain_begin, begin, nullptr);
    take(begin, end, &token);
    plain_begin = at = end;
  }
  take(plain_begin, text.size(), nullptr);
}

}  // namespace isocost::diffusion
