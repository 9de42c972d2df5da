#include "worker/diffusion/tokenizer/tokenizer.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <queue>
#include <tuple>

#include "schema/io/atomic_file.h"
#include "schema/json.h"
#include "worker/diffusion/tokenizer/unicode.h"
#include "worker/diffusion/tokenizer/words.h"

namespace isocost::diffusion {
namespace {

constexpr std::size_t kVocabularyFileBytesMax = std::size_t{64} << 20;
constexpr std::size_t kVocabularyMax = std::size_t{1} << 21;
constexpr std::size_t kDefaultLength = 77;
constexpr std::size_t kLengthMax = 4096;
constexpr std::size_t kFaultsMax = 10;
constexpr std::string_view kWordEnd = "</w>";

// The printable character that stands for each byte, as GPT-2 chose them: printable ones for
// themselves, the rest from U+0100 on in their order.
std::array<std::string, 256> byte_characters() {
  std::array<std::string, 256> characters;
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool is_printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    unicode::append_utf8(is_printable ? static_cast<char32_t>(byte) : next++, characters[byte]);
  }
  return characters;
}

std::uint64_t pair_key(std::int64_t left, std::int64_t right) {
  return (static_cast<std::uint64_t>(left) << 32) | static_cast<std::uint64_t>(right);
}

// A special token stands as "text" or as {"content": "text", ...}.
std::string token_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value.at("content").is_string()) {
    return value.at("content").get<std::string>();
  }
  return "";
}

constexpr const char* kMerge = "two tokens with a space between";

std::optional<std::pair<std::string, std::string>> split_merge(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == text.size()) return {};
  return std::pair(std::string(text.substr(0, space)), std::string(text.substr(space + 1)));
}

// The object in a file that may be absent.
Result<Json> read_optional_object(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return Json::object();
  const auto text = io::read_file(file, std::size_t{8} << 20);
  if (!text) return fail(text.error());
  auto json = parse_json(*text, file.string());
  if (json && !json->is_object()) return fail(file.string(), "this is no JSON object");
  return json;
}

}  // namespace

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& folder) {
  Tokenizer tokenizer;
  std::error_code error;
  const bool is_fast_alone = !std::filesystem::exists(folder / "vocab.json", error) &&
                             std::filesystem::exists(folder / "tokenizer.json", error);
  auto read =
      is_fast_alone ? tokenizer.read_fast(folder / "tokenizer.json") : tokenizer.read_slow(folder);
  if (tokenizer.ids_.empty()) return fail(std::move(read.error()));
  Failure failure;
  if (!read) failure.add(read.error());
  if (auto special = tokenizer.read_special_tokens(folder); !special) failure.add(special.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  return tokenizer;
}

Result<void> Tokenizer::read_slow(const std::filesystem::path& folder) {
  const auto file = folder / "vocab.json";
  const auto text = io::read_file(file, kVocabularyFileBytesMax);
  if (!text) return fail(text.error());
  const auto json = parse_json(*text, file.string(), 2);
  if (!json) return fail(json.error());
  if (auto taken = take_vocabulary(*json, file.string()); !taken) return taken;
  return read_merges(folder / "merges.txt");
}

Result<void> Tokenizer::read_fast(const std::filesystem::path& file) {
  const auto text = io::read_file(file, kVocabularyFileBytesMax);
  if (!text) return fail(text.error());
  const auto json = parse_json(*text, file.string(), 16);
  if (!json) return fail(json.error());
  const Json none = Json::object();
  const Json& model = json->is_object() && json->contains("model") ? json->at("model") : none;
  const auto member = [&](const char* key) {
    return model.is_object() ? model.value(key, Json()) : Json();
  };
  if (member("type") != Json("BPE") || member("end_of_word_suffix") != Json(std::string(kWordEnd)))
    return fail(file.string() + ": model", "this is no tokenizer of CLIP",
                "type BPE with the end_of_word_suffix </w>");
  const auto where = file.string() + ": model";
  if (auto taken = take_vocabulary(member("vocab"), where + ".vocab"); !taken) return taken;
  Failure failure;
  if (auto taken = take_merges(member("merges"), where + ".merges"); !taken)
    failure.add(taken.error());
  if (auto taken = take_added_tokens(json->value("added_tokens", Json::array()),
                                     file.string() + ": added_tokens");
      !taken)
    failure.add(taken.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  return {};
}

Result<void> Tokenizer::take_vocabulary(const Json& json, const std::string& where) {
  if (!json.is_object() || json.empty() || json.size() > kVocabularyMax)
    return fail(where, "this is no vocabulary", "an object of tokens and their numbers");
  std::unordered_map<std::string, std::int64_t> ids;
  for (const auto& [token, id] : json.items()) {
    if (!id.is_number_unsigned() ||
        id.get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max()) {
      return fail(where + ": '" + token + "'", "its id is " + canonical(id).substr(0, 40),
                  "a whole number from 0");
    }
    ids[token] = id.get<std::int64_t>();
    id_max_ = std::max(id_max_, ids[token]);
  }
  ids_ = std::move(ids);
  vocabulary_file_ = where;
  const auto characters = byte_characters();
  byte_ids_.assign(512, -1);
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const auto plain = ids_.find(characters[byte]);
    const auto last = ids_.find(characters[byte] + std::string(kWordEnd));
    if (plain != ids_.end()) byte_ids_[byte] = plain->second;
    if (last != ids_.end()) byte_ids_[256 + byte] = last->second;
  }
  return {};
}

std::string Tokenizer::add_merge(const std::string& left, const std::string& right) {
  const auto a = ids_.find(left), b = ids_.find(right), both = ids_.find(left + right);
  if (a == ids_.end() || b == ids_.end() || both == ids_.end())
    return "the merge of '" + left + "' and '" + right + "' is not in the vocabulary";
  const auto rank = static_cast<std::uint32_t>(merges_.size());
  merges_.emplace(pair_key(a->second, b->second), Merge{rank, both->second});
  return {};
}

Result<void> Tokenizer::read_merges(const std::filesystem::path& file) {
  const auto text = io::read_file(file, kVocabularyFileBytesMax);
  if (!text) return fail(text.error());
  Failure failure;
  std::string_view rest = *text;
  for (int line_number = 1; !rest.empty() && failure.errors.size() < kFaultsMax; ++line_number) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with("#version")) continue;
    const auto where = file.string() + ":" + std::to_string(line_number);
    const auto merge = split_merge(line);
    if (!merge) {
      failure.add(where, "'" + std::string(line.substr(0, 60)) + "' is no merge", kMerge);
    } else if (const auto fault = add_merge(merge->first, merge->second); !fault.empty()) {
      failure.add(where, fault, "tokens of the vocabulary");
    }
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return {};
}

// Each a text "left right", or a list of the two, as newer files have it.
Result<void> Tokenizer::take_merges(const Json& json, const std::string& where) {
  if (!json.is_array()) return fail(where, "this is no list", "a list of merges");
  Failure failure;
  for (std::size_t i = 0; i < json.size() && failure.errors.size() < kFaultsMax; ++i) {
    const Json& entry = json[i];
    std::optional<std::pair<std::string, std::string>> merge;
    if (entry.is_string()) merge = split_merge(entry.get_ref<const std::string&>());
    if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string())
      merge.emplace(entry[0].get<std::string>(), entry[1].get<std::string>());
    const auto at = where + "[" + std::to_string(i) + "]";
    if (!merge) {
      failure.add(at, canonical(entry).substr(0, 60) + " is no merge", kMerge);
    } else if (const auto fault = add_merge(merge->first, merge->second); !fault.empty()) {
      failure.add(at, fault, "tokens of the vocabulary");
    }
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return {};
}

// Their texts become their ids wherever they stand.
Result<void> Tokenizer::take_added_tokens(const Json& json, const std::string& where) {
  if (!json.is_array()) return fail(where, "this is no list", "a list of tokens");
  for (std::size_t i = 0; i < json.size(); ++i) {
    const Json& entry = json[i];
    const auto id = entry.is_object() ? entry.value("id", Json()) : Json();
    const auto text = token_text(entry);
    if (text.empty() || !id.is_number_unsigned() ||
        id.get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max())
      return fail(where + "[" + std::to_string(i) + "]", "this is no token",
                  "an object with content and id");
    ids_[text] = id.get<std::int64_t>();
    id_max_ = std::max(id_max_, ids_[text]);
    special_tokens_.push_back({unicode::decode(text), ids_[text]});
  }
  return {};
}

Result<void> Tokenizer::read_special_tokens(const std::filesystem::path& folder) {
  const auto config = read_optional_object(folder / "tokenizer_config.json");
  const auto map = read_optional_object(folder / "special_tokens_map.json");
  Failure failure;
  if (!config) failure.add(config.error());
  if (!map) failure.add(map.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  // Where both files name a token, upstream follows the map (found by running it: Stable
  // Diffusion 2.1's files differ).
  const auto find = [&](const char* key, const char* fallback) -> std::int64_t {
    std::string text = fallback;
    if (config->contains(key) && !token_text(config->at(key)).empty())
      text = token_text(config->at(key));
    if (map->contains(key) && !token_text(map->at(key)).empty()) text = token_text(map->at(key));
    const auto id = ids_.find(text);
    if (id == ids_.end()) {
      failure.add(folder.string(),
                  std::string("the ") + key + " '" + text + "' is not in the vocabulary",
                  "a token of " + vocabulary_file_);
      return 0;
    }
    special_tokens_.push_back({unicode::decode(text), id->second});
    return id->second;
  };
  bos_ = find("bos_token", "<|startoftext|>");
  eos_ = find("eos_token", "<|endoftext|>");
  pad_ = find("pad_token", "<|endoftext|>");
  unknown_ = find("unk_token", "<|endoftext|>");
  std::stable_sort(special_tokens_.begin(), special_tokens_.end(),
                   [](const auto& a, const auto& b) { return a.text.size() > b.text.size(); });
  // Absent, and the 1e30 that upstream writes for "no limit", both mean CLIP's own length.
  if (config->contains("model_max_length") && config->at("model_max_length").is_number()) {
    const double length = config->at("model_max_length").get<double>();
    if (length < 3)
      failure.add(folder.string() + "/tokenizer_config.json: model_max_length",
                  "it is " + number_text(length), "3 or more");
    length_ = length >= 3 && length <= static_cast<double>(kLengthMax)
                  ? static_cast<std::size_t>(length)
                  : kDefaultLength;
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return {};
}

std::vector<std::int64_t> Tokenizer::encode(std::string_view text) const {
  std::vector<std::int64_t> all = ids(text);
  all.resize(std::min(all.size(), length_ - 2));
  all.insert(all.begin(), bos_);
  all.push_back(eos_);
  all.resize(length_, pad_);
  return all;
}

// Special tokens are looked for in the text as it came; what lies between them is normalised piece
// by piece.
std::vector<std::int64_t> Tokenizer::ids(std::string_view text) const {
  const std::u32string characters = unicode::decode(text);
  const std::u32string_view all = characters;
  std::vector<std::int64_t> out;
  std::size_t plain_begin = 0;
  for (std::size_t at = 0; at < all.size();) {
    const auto token = std::find_if(
        special_tokens_.begin(), special_tokens_.end(),
        [&](const SpecialToken& special) { return all.substr(at).starts_with(special.text); });
    if (token == special_tokens_.end()) {
      ++at;
      continue;
    }
    append_plain(all.substr(plain_begin, at - plain_begin), out);
    out.push_back(token->id);
    at += token->text.size();
    plain_begin = at;
  }
  append_plain(all.substr(plain_begin), out);
  return out;
}

void Tokenizer::append_plain(std::u32string_view text, std::vector<std::int64_t>& out) const {
  if (text.empty()) return;
  const std::u32string normal = normalise(text);
  for (const std::u32string_view word : split_words(normal)) append_word(word, out);
}

void Tokenizer::append_word(std::u32string_view word, std::vector<std::int64_t>& out) const {
  std::vector<std::int64_t> symbols = symbols_of(word);
  merge(symbols);
  out.insert(out.end(), symbols.begin(), symbols.end());
}

std::vector<std::int64_t> Tokenizer::symbols_of(std::u32string_view word) const {
  std::string bytes;
  for (const char32_t c : word) unicode::append_utf8(c, bytes);
  std::vector<std::int64_t> symbols;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const bool is_last = i + 1 == bytes.size();
    const std::int64_t id = byte_ids_[static_cast<unsigned char>(bytes[i]) + (is_last ? 256U : 0U)];
    symbols.push_back(id >= 0 ? id : unknown_);
  }
  return symbols;
}

const Tokenizer::Merge* Tokenizer::find_merge(std::int64_t left, std::int64_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

// Merges the pair of the lowest rank, the leftmost first, until none is left. A queue of candidates
// over a linked list keeps a long word from taking quadratic time.
void Tokenizer::merge(std::vector<std::int64_t>& symbols) const {
  const std::size_t n = symbols.size();
  if (n < 2) return;
  constexpr std::int64_t kGone = -1;
  std::vector<std::size_t> next(n), previous(n);
  for (std::size_t i = 0; i < n; ++i) {
    next[i] = i + 1;
    previous[i] = i == 0 ? n : i - 1;
  }
  // (rank, where the left symbol lies, left id, right id): the ids tell a candidate that is out of
  // date.
  using Candidate = std::tuple<std::uint32_t, std::size_t, std::int64_t, std::int64_t>;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto offer = [&](std::size_t left) {
    if (left >= n || next[left] >= n) return;
    const std::int64_t right_id = symbols[next[left]];
    if (const Merge* found = find_merge(symbols[left], right_id))
      candidates.emplace(found->rank, left, symbols[left], right_id);
  };
  for (std::size_t i = 0; i + 1 < n; ++i) offer(i);
  while (!candidates.empty()) {
    const auto [rank, left, left_id, right_id] = candidates.top();
    candidates.pop();
    const std::size_t right = next[left];
    if (symbols[left] != left_id || right >= n || symbols[right] != right_id) continue;
    symbols[left] = find_merge(left_id, right_id)->id;
    symbols[right] = kGone;
    next[left] = next[right];
    if (next[left] < n) previous[next[left]] = left;
    offer(left);
    offer(previous[left]);
  }
  std::erase(symbols, kGone);
}

}  // namespace isocost::diffusion
