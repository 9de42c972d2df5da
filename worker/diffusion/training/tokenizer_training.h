// Learns a byte-pair vocabulary in CLIP's layout from the world's captions.
//
//   Vocabulary vocabulary = learn_vocabulary(captions);     // every word of them becomes one token
//   CaptionEncoder encoder(vocabulary, /*length=*/20);
//   std::vector<std::int64_t> ids = encoder.encode("a small red circle ...");
//
// Vocabulary: 256 byte tokens, the same with "</w>", the merges, "<|startoftext|>",
// "<|endoftext|>". CaptionEncoder knows the words that it was learnt from and nothing else; text
// from people goes through the engine's tokenizer, which reads the same files. Pure but for
// train_tokenizer. Thread: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "schema/arch/config.h"
#include "worker/diffusion/training/recipe.h"

namespace isocost::diffusion {

struct Vocabulary {
  std::vector<std::pair<std::string, std::string>> merges;
  std::map<std::string, std::int64_t> ids;
};

// Requires: captions of letters, spaces and commas.
[[nodiscard]] Vocabulary learn_vocabulary(const std::vector<std::string>& captions);

class CaptionEncoder {
 public:
  CaptionEncoder(const Vocabulary& vocabulary, std::size_t length);
  // Start, the words, end, and the end again up to `length`. Empty when a word is unknown or the
  // caption is longer.
  [[nodiscard]] std::vector<std::int64_t> encode(const std::string& caption) const;

 private:
  std::map<std::string, std::int64_t> words_;
  std::int64_t start_, end_;
  std::size_t length_;
};

inline constexpr std::size_t kTokensMax = 20;  // of a caption, start and end included
// So many captions of the training split have every word of the world.
inline constexpr std::uint64_t kCaptionsWithEveryWord = 4000;

// The encoder of FAMILY/models/shared/tokenizer, for a text encoder. Fails with: missing, damaged,
// ids or a length that the text encoder does not take, words of the world's captions that it does
// not know (another world's tokenizer).
[[nodiscard]] Result<CaptionEncoder> read_caption_encoder(const std::filesystem::path& family,
                                                          const arch::ClipTextConfig& text);

// Writes FAMILY/models/shared/tokenizer.
[[nodiscard]] Result<std::string> train_tokenizer(const Recipe& recipe,
                                                  const std::filesystem::path& family);

}  // namespace isocost::diffusion
