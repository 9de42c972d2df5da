// The tokenizer of CLIP: a text becomes the ids that a text encoder is fed, as Hugging Face's
// CLIPTokenizer gives them.
//
//   auto tokenizer = Tokenizer::load("model/tokenizer");
//   if (!tokenizer) return fail(tokenizer.error());
//   std::vector<std::int64_t> ids = tokenizer->encode("a red circle");  // length() of them
//
// Which files of a folder count says base/io/clip_files.h; tokenizer_config.json and its
// companions name the special tokens and the words that textual inversion added.
//
// The text is brought to normal form C, white space runs become one space, letters become lower
// case; then words are split and merged byte by byte (BPE). As upstream, special and added tokens
// become their ids wherever they stand in the text, also the padding's: with Stable Diffusion 2's
// "!" the prompt "ok!" holds id 0. A prompt that is too long is cut, the end token stays. Holds no
// reference to the files. Thread: any. Fails with: a missing file, what is no vocabulary, merges
// that name unknown tokens, added tokens whose ids upstream would not give them: all of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "worker/diffusion/tokenizer/added_tokens.h"

namespace isocost::io {
struct TokenizerFiles;
}

namespace isocost::diffusion {

struct TokenSettings;

class Tokenizer {
 public:
  [[nodiscard]] static Result<Tokenizer> load(const std::filesystem::path& folder);
  // Beside a text encoder; whatever feeds one loads its tokenizer so. Fails besides with: ids or a
  // length that the encoder does not take.
  struct Encoder {
    std::int64_t positions = 0;
    std::int64_t rows = 0;  // of its table of tokens
  };
  [[nodiscard]] static Result<Tokenizer> load_for(const Encoder& encoder,
                                                  const std::filesystem::path& folder);

  // [BOS, ids..., EOS, padding...], exactly length() of them.
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view text) const;
  // Of a prompt as diffusers' pipelines encode it: a word that stands for several vectors, <cat>
  // for <cat>, <cat>_1, ..., is written out first.
  [[nodiscard]] std::vector<std::int64_t> encode_prompt(std::string_view prompt) const {
    return encode(with_all_vectors(std::string(prompt)));
  }
  // The ids of the text alone: no BOS, no EOS, nothing cut.
  [[nodiscard]] std::vector<std::int64_t> ids(std::string_view text) const;
  [[nodiscard]] std::string with_all_vectors(std::string prompt) const;
  // How many ids the text has; more than length() - 2 means that encode() cuts it.
  [[nodiscard]] std::size_t count(std::string_view text) const { return ids(text).size(); }

  // Whether a text encoder takes every id that encode() gives.
  [[nodiscard]] Result<void> check_fit(const Encoder& encoder) const;

  [[nodiscard]] std::size_t length() const { return length_; }
  [[nodiscard]] std::size_t vocabulary_size() const { return ids_.size(); }
  // No id is greater: a text encoder's vocabulary must be larger.
  [[nodiscard]] std::int64_t id_max() const { return id_max_; }
  [[nodiscard]] std::int64_t bos() const { return bos_; }
  [[nodiscard]] std::int64_t eos() const { return eos_; }
  [[nodiscard]] std::int64_t pad() const { return pad_; }

 private:
  struct Merge {
    std::uint32_t rank;
    std::int64_t id;  // of the merged symbol
  };

  Result<void> read_slow(const io::TokenizerFiles& files);  // vocab.json, merges.txt
  // tokenizer.json; its list of added tokens goes to `added_tokens`.
  Result<void> read_fast(const std::filesystem::path& file, Json& added_tokens);
  Result<void> take_vocabulary(const Json& json, const std::string& where);
  Result<void> read_merges(const std::filesystem::path& file);
  Result<void> take_merges(const Json& json, const std::string& where);
  // What is wrong with it; empty: it was added.
  [[nodiscard]] std::string add_merge(const std::string& left, const std::string& right);
  void take(const TokenSettings& settings, Failure& failure);
  void take_added(const TokenSettings& settings, Failure& failure);
  [[nodiscard]] bool is_added(const std::string& text) const;
  void append_word(std::u32string_view word, std::vector<std::int64_t>& out) const;
  [[nodiscard]] std::vector<std::int64_t> symbols_of(std::u32string_view word) const;
  void merge(std::vector<std::int64_t>& symbols) const;
  [[nodiscard]] const Merge* find_merge(std::int64_t left, std::int64_t right) const;

  std::string folder_, vocabulary_file_;  // for faults
  std::unordered_map<std::string, std::int64_t> ids_;
  std::unordered_map<std::uint64_t, Merge>
      merges_;  // by left id in the high half, right id in the low
  std::vector<std::int64_t>
      byte_ids_;  // of each byte's character; of the same at a word's end, from 256
  AddedTokens added_;
  std::int64_t bos_ = 0;
  std::int64_t eos_ = 0;
  std::int64_t pad_ = 0;
  std::int64_t unknown_ = 0;
  std::int64_t id_max_ = 0;
  std::size_t length_ = 77;
};

}  // namespace isocost::diffusion
