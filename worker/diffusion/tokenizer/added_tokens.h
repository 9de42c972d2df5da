// Tokens beside the vocabulary: special ones, and the words that textual inversion adds. They are
// looked for in the text before it is cut into words, as Hugging Face's tokenizers do.
//
//   const AddedTokens added({{.text = "<cat-toy>", .id = 49408, .is_normalised = true}});
//   for (const AddedTokens::Piece& piece : added.split(unicode::decode("a <cat-toy>")))
//     piece.token ? take(piece.token->id) : cut_into_words(piece.text);
//
// First tokens that are not normalised are looked for in the text as it came, then the others in
// the normalised rest; the leftmost counts, among those that begin there the longest. Thread: any,
// after it is made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace isocost::diffusion {

struct AddedToken {
  std::string text;
  std::int64_t id = 0;
  bool is_normalised = false;  // means the same in any case: <Cat-Toy> is <cat-toy>
  bool takes_space_before = false;
  bool takes_space_after = false;
  bool is_word = false;  // counts only where no letter or digit is beside it
  bool is_special = false;
  bool operator==(const AddedToken&) const = default;
};

class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);

  struct Piece {
    std::u32string text;                // normalised, or as a token stands in the text
    const AddedToken* token = nullptr;  // null: plain text
  };
  [[nodiscard]] std::vector<Piece> split(std::u32string_view text) const;

  [[nodiscard]] const std::vector<AddedToken>& tokens() const { return tokens_; }

 private:
  struct Pattern {
    std::u32string text;
    std::size_t token;
  };
  using Patterns = std::vector<Pattern>;
  void split_by(const Patterns& patterns, std::u32string_view text,
                std::vector<Piece>& pieces) const;

  std::vector<AddedToken> tokens_;
  Patterns raw_;  // longest first
  Patterns normalised_;
};

}  // namespace isocost::diffusion
