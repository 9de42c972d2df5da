#include "worker/diffusion/tokenizer/tokenizer.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <queue>
#include <tuple>

#include "base/io/clip_files.h"
#include "base/io/genuine_file.h"
#include "worker/diffusion/tokenizer/token_settings.h"
#include "worker/diffusion/tokenizer/unicode.h"
#include "worker/diffusion/tokenizer/words.h"

namespace isocost::diffusion {
namespace {

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

constexpr const char* kMerge = "two tokens with a space between";

std::optional<std::pair<std::string, std::string>> split_merge(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == text.size()) return {};
  return std::pair(std::string(text.substr(0, space)), std::string(text.substr(space + 1)));
}

}  // namespace

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& folder) {
  const auto files = io::find_tokenizer_files(folder);
  if (!files) return fail(files.error());
  if (!*files)
    return fail((folder / "vocab.json").string(), "the file is missing",
                "a tokenizer: vocab.json and merges.txt, or tokenizer.json");
  Tokenizer tokenizer;
  tokenizer.folder_ = folder.string();
  Json whole_file_tokens = Json::array();
  auto read = (*files)->is_one_file() ? tokenizer.read_fast((*files)->vocabulary, whole_file_tokens)
                                      : tokenizer.read_slow(**files);
  if (tokenizer.ids_.empty()) return fail(std::move(read.error()));
  Failure failure;
  if (!read) failure.add(read.error());
  const auto settings = read_token_settings(**files, whole_file_tokens);
  failure.add(settings.failure);
  if (!settings.special.empty()) tokenizer.take(settings, failure);
  if (!failure.is_empty()) return fail(std::move(failure));
  return tokenizer;
}

Result<Tokenizer> Tokenizer::load_for(const Encoder& encoder, const std::filesystem::path& folder) {
  auto tokenizer = load(folder);
  if (!tokenizer) return tokenizer;
  if (const auto fits = tokenizer->check_fit(encoder); !fits) return fail(fits.error());
  return tokenizer;
}

Result<void> Tokenizer::read_slow(const io::TokenizerFiles& files) {
  const auto& file = files.vocabulary;
  const auto text = io::read_genuine_file(file, io::kClipFileBytesMax);
  if (!text) return fail(text.error());
  const auto json = parse_json(*text, file.string(), {.depth_max = 2});
  if (!json) return fail(json.error());
  if (auto taken = take_vocabulary(*json, file.string()); !taken) return taken;
  return read_merges(*files.merges);
}

Result<void> Tokenizer::read_fast(const std::filesystem::path& file, Json& added_tokens) {
  const auto text = io::read_genuine_file(file, io::kClipFileBytesMax);
  if (!text) return fail(text.error());
  const auto json = parse_json(*text, file.string(), {.depth_max = 16});
  if (!json) return fail(json.error());
  const Json none = Json::object();
  const Json& model = json->is_object() && json->contains("model") ? json->at("model") : none;
  const auto member = [&](const char* key) {
    return model.is_object() ? model.value(key, Json()) : Json();
  };
  // The oldest files do not name the type.
  const bool is_bpe = member("type").is_null() || member("type") == Json("BPE");
  if (!is_bpe || member("end_of_word_suffix") != Json(std::string(kWordEnd)))
    return fail(file.string() + ": model", "this is no tokenizer of CLIP",
                "type BPE with the end_of_word_suffix </w>");
  added_tokens = json->value("added_tokens", Json::array());
  const auto where = file.string() + ": model";
  if (auto taken = take_vocabulary(member("vocab"), where + ".vocab"); !taken) return taken;
  return take_merges(member("merges"), where + ".merges");
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
  const auto text = io::read_genuine_file(file, io::kClipFileBytesMax);
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

void Tokenizer::take(const TokenSettings& settings, Failure& failure) {
  take_added(settings, failure);
  const auto find = [&](const char* key) -> std::int64_t {
    const std::string& text = settings.special.at(key).token.text;
    const auto id = ids_.find(text);
    if (id != ids_.end()) return id->second;
    failure.add(folder_, std::string("the ") + key + " '" + text + "' is not in the vocabulary",
                "a token of " + vocabulary_file_);
    return 0;
  };
  bos_ = find("bos_token");
  eos_ = find("eos_token");
  pad_ = find("pad_token");
  unknown_ = find("unk_token");
  // Absent, and the 1e30 that upstream writes for "no limit", both mean CLIP's own length.
  if (const double length = settings.length.value_or(kDefaultLength); length < 3)
    failure.add(folder_ + "/tokenizer_config.json: model_max_length",
                "it is " + number_shown(length), "3 or more");
  else
    length_ = length <= static_cast<double>(kLengthMax) ? static_cast<std::size_t>(length)
                                                        : kDefaultLength;
}

// Tokens of the vocabulary keep their ids; others get the next ones after it, whatever their file
// claims: upstream does so, and a file that claims another id would mean another row of the text
// encoder there than here.
void Tokenizer::take_added(const TokenSettings& settings, Failure& failure) {
  std::vector<AddedToken> added;
  std::map<std::u32string, std::string> alike;  // as they are looked for
  auto next = static_cast<std::int64_t>(ids_.size());
  for (const DeclaredToken& declared : settings.added) {
    AddedToken token = declared.token;
    const auto known = ids_.find(token.text);
    const bool is_needed =
        std::any_of(settings.special.begin(), settings.special.end(),
                    [&](const auto& one) { return one.second.token.text == token.text; });
    // Told by its name: a vocabulary without it is most likely another model's.
    if (known == ids_.end() && is_needed && !declared.is_listed) continue;
    token.id = known != ids_.end() ? known->second : next++;
    if (declared.id && *declared.id != token.id) {
      failure.add(
          declared.where,
          "the token '" + token.text + "' has the id " + std::to_string(*declared.id),
          std::to_string(token.id) + (known != ids_.end() ? ", as in the vocabulary"
                                                          : ", the next one after the vocabulary"));
      continue;
    }
    const auto [twin, is_new] = alike.try_emplace(
        token.is_normalised ? normalise(unicode::decode(token.text)) : U"", token.text);
    if (token.is_normalised && !is_new)
      failure.add(declared.where,
                  "the tokens '" + twin->second + "' and '" + token.text + "' read alike",
                  "one of them: upstream takes either by chance");
    ids_[token.text] = token.id;
    id_max_ = std::max(id_max_, token.id);
    added.push_back(std::move(token));
  }
  added_ = AddedTokens(std::move(added));
}

std::vector<std::int64_t> Tokenizer::encode(std::string_view text) const {
  std::vector<std::int64_t> all = ids(text);
  all.resize(std::min(all.size(), length_ - 2));
  all.insert(all.begin(), bos_);
  all.push_back(eos_);
  all.resize(length_, pad_);
  return all;
}

// What the encoder cannot take would be an index out of range deep inside it.
Result<void> Tokenizer::check_fit(const Encoder& encoder) const {
  Failure failure;
  if (static_cast<std::int64_t>(length_) > encoder.positions)
    failure.add(folder_ + "/tokenizer_config.json: model_max_length",
                "it is " + std::to_string(length_),
                "at most " + std::to_string(encoder.positions) + ", the text encoder's positions");
  if (id_max_ >= encoder.rows) {
    const auto last = std::find_if(added_.tokens().begin(), added_.tokens().end(),
                                   [&](const AddedToken& token) { return token.id == id_max_; });
    failure.add(
        folder_,
        "the greatest id of its vocabulary is " + std::to_string(id_max_) +
            (last == added_.tokens().end() ? "" : ", of the added token '" + last->text + "'"),
        "less than " + std::to_string(encoder.rows) + ", the text encoder's vocab_size");
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return {};
}

std::vector<std::int64_t> Tokenizer::ids(std::string_view text) const {
  std::vector<std::int64_t> out;
  for (const AddedTokens::Piece& piece : added_.split(unicode::decode(text))) {
    if (piece.token != nullptr) {
      out.push_back(piece.token->id);
      continue;
    }
    for (const std::u32string_view word : split_words(piece.text)) append_word(word, out);
  }
  return out;
}

std::string Tokenizer::with_all_vectors(std::string prompt) const {
  // Each once, as they first stand in the prompt.
  std::vector<std::string> found;
  for (const AddedTokens::Piece& piece : added_.split(unicode::decode(prompt))) {
    std::string text;
    if (piece.token != nullptr)
      for (const char32_t c : piece.text) unicode::append_utf8(c, text);
    if (!text.empty() && std::find(found.begin(), found.end(), text) == found.end())
      found.push_back(std::move(text));
  }
  for (const std::string& text : found) {
    if (!is_added(text)) continue;  // written otherwise than the token, upstream leaves it alone
    std::string all = text;
    for (int i = 1; is_added(text + "_" + std::to_string(i)); ++i)
      all += " " + text + "_" + std::to_string(i);
    for (std::size_t at = prompt.find(text); at != std::string::npos;
         at = prompt.find(text, at + all.size()))
      prompt.replace(at, text.size(), all);
  }
  return prompt;
}

bool Tokenizer::is_added(const std::string& text) const {
  return std::any_of(added_.tokens().begin(), added_.tokens().end(),
                     [&](const AddedToken& token) { return token.text == text; });
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
