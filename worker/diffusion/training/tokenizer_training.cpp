#include "worker/diffusion/training/tokenizer_training.h"

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "base/io/atomic_file.h"
#include "base/json_reader.h"
#include "experiments/world/world.h"

namespace isocost::diffusion {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWordEnd = "</w>";
constexpr const char* kStart = "<|startoftext|>";
constexpr const char* kEnd = "<|endoftext|>";
constexpr std::size_t kVocabularyBytesMax = 1 << 24;

std::string utf8(unsigned code) {
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
}

// How byte-level BPE shows bytes: printable ones as themselves, the rest from U+0100 on; printable
// ones come first in the vocabulary.
std::vector<std::string> byte_tokens() {
  const auto is_printable = [](unsigned b) {
    return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255);
  };
  std::vector<std::string> tokens;
  for (unsigned b = 0; b < 256; ++b)
    if (is_printable(b)) tokens.push_back(utf8(b));
  for (unsigned n = 0; tokens.size() < 256; ++n) tokens.push_back(utf8(256 + n));
  return tokens;
}

// Commas are words of their own, as CLIP's pattern splits them.
std::vector<std::string> split_words(const std::string& caption) {
  std::vector<std::string> words;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) words.push_back(std::exchange(word, {}));
  };
  for (const char letter : caption) {
    if (letter == ' ' || letter == ',') flush();
    if (letter == ',') words.emplace_back(",");
    if (letter != ' ' && letter != ',') word += letter;
  }
  flush();
  return words;
}

using Pieces = std::vector<std::string>;
using Pair = std::pair<std::string, std::string>;

Pieces letters_of(const std::string& word) {
  Pieces pieces;
  for (const char letter : word) pieces.emplace_back(1, letter);
  pieces.back() += kWordEnd;
  return pieces;
}

void merge(Pieces& pieces, const Pair& pair) {
  Pieces merged;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const bool is_pair =
        i + 1 < pieces.size() && pieces[i] == pair.first && pieces[i + 1] == pair.second;
    merged.push_back(is_pair ? pieces[i] + pieces[i + 1] : pieces[i]);
    if (is_pair) ++i;
  }
  pieces = std::move(merged);
}

// The commonest neighbours, the first of them by text where several are as common.
std::optional<Pair> commonest_pair(const std::map<std::string, std::uint64_t>& counts,
                                   const std::map<std::string, Pieces>& words) {
  std::map<Pair, std::uint64_t> pairs;
  for (const auto& [word, pieces] : words)
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i)
      pairs[{pieces[i], pieces[i + 1]}] += counts.at(word);
  if (pairs.empty()) return std::nullopt;
  return std::max_element(pairs.begin(), pairs.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

std::vector<std::string> world_captions(std::uint64_t count) {
  std::vector<std::string> captions;
  captions.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i)
    captions.push_back(world::caption(world::scene(world::Split::kTrain, i, 0)));
  return captions;
}

std::set<std::string> words_of(const std::vector<std::string>& captions) {
  std::set<std::string> words;
  for (const auto& caption : captions)
    for (auto& word : split_words(caption)) words.insert(std::move(word));
  return words;
}

}  // namespace

Vocabulary learn_vocabulary(const std::vector<std::string>& captions) {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& caption : captions)
    for (const auto& word : split_words(caption)) ++counts[word];
  std::map<std::string, Pieces> words;
  for (const auto& [word, count] : counts) words[word] = letters_of(word);

  Vocabulary vocabulary;
  std::int64_t next = 0;
  const auto bytes = byte_tokens();
  for (const auto& token : bytes) vocabulary.ids[token] = next++;
  for (const auto& token : bytes) vocabulary.ids[token + kWordEnd] = next++;
  while (const auto pair = commonest_pair(counts, words)) {
    vocabulary.merges.push_back(*pair);
    vocabulary.ids[pair->first + pair->second] = next++;
    for (auto& [word, pieces] : words) merge(pieces, *pair);
  }
  vocabulary.ids[kStart] = next++;
  vocabulary.ids[kEnd] = next++;
  return vocabulary;
}

CaptionEncoder::CaptionEncoder(const Vocabulary& vocabulary, std::size_t length)
    : words_(vocabulary.ids),
      start_(vocabulary.ids.at(kStart)),
      end_(vocabulary.ids.at(kEnd)),
      length_(length) {}

std::vector<std::int64_t> CaptionEncoder::encode(const std::string& caption) const {
  std::vector<std::int64_t> ids = {start_};
  for (const auto& word : split_words(caption)) {
    const auto found = words_.find(word + kWordEnd);
    if (found == words_.end()) return {};
    ids.push_back(found->second);
  }
  ids.push_back(end_);
  if (ids.size() > length_) return {};
  ids.resize(length_, end_);
  return ids;
}

Result<CaptionEncoder> read_caption_encoder(const fs::path& family,
                                            const arch::ClipTextConfig& text) {
  const auto file = family / "models/shared/tokenizer/vocab.json";
  const auto read = io::read_file(file, kVocabularyBytesMax);
  if (!read) return fail(read.error());
  const auto json = parse_json(*read, file.string());
  if (!json) return fail(json.error());
  Vocabulary vocabulary;
  JsonReader reader(*json, file.string());
  if (!json->is_object()) return fail(reader.take());
  for (const auto& [token, unused] : json->items()) {
    const auto id = vocabulary.ids[token] = reader.get<std::int64_t>(token);
    if (id < 0 || id >= text.vocab_size)
      reader.fault(token, "its id is " + std::to_string(id),
                   "0 to " + std::to_string(text.vocab_size - 1) + ", the text encoder's rows");
  }
  if (text.max_position_embeddings < static_cast<std::int64_t>(kTokensMax))
    return fail(file.string(), "captions have " + std::to_string(kTokensMax) + " tokens",
                "at most " + std::to_string(text.max_position_embeddings) +
                    ", the text encoder's positions");
  for (const char* token : {kStart, kEnd}) static_cast<void>(reader.get<std::int64_t>(token));
  for (const auto& word : words_of(world_captions(kCaptionsWithEveryWord)))
    if (!vocabulary.ids.contains(word + kWordEnd))
      reader.fault(word + kWordEnd, "this word of the world's captions is missing",
                   "the tokenizer of this build's world");
  if (!reader.ok()) return fail(reader.take());
  return CaptionEncoder(vocabulary, kTokensMax);
}

Result<std::string> train_tokenizer(const Recipe& recipe, const fs::path& family) {
  const auto vocabulary = learn_vocabulary(world_captions(recipe.pictures));
  const auto folder = family / "models/shared/tokenizer";
  fs::create_directories(folder);
  std::string merges = "#version: 0.2\n";
  for (const auto& [first, second] : vocabulary.merges) merges += first + " " + second + "\n";
  io::write_file_atomically(folder / "merges.txt", merges);
  io::write_file_atomically(folder / "vocab.json", Json(vocabulary.ids).dump() + "\n");
  const Json special = {
      {"bos_token", kStart}, {"eos_token", kEnd}, {"pad_token", kEnd}, {"unk_token", kEnd}};
  io::write_file_atomically(folder / "special_tokens_map.json", special.dump(2) + "\n");
  auto config = special;
  config["add_prefix_space"] = false;
  config["do_lower_case"] = true;
  config["errors"] = "replace";
  config["model_max_length"] = kTokensMax;
  config["tokenizer_class"] = "CLIPTokenizer";
  io::write_file_atomically(folder / "tokenizer_config.json", config.dump(2) + "\n");
  std::ostringstream note;
  note << vocabulary.ids.size() << " tokens, " << vocabulary.merges.size() << " merges";
  return note.str();
}

}  // namespace isocost::diffusion
