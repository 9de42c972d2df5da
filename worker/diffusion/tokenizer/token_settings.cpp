#include "worker/diffusion/tokenizer/token_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <set>

#include "base/io/genuine_file.h"

namespace isocost::diffusion {
namespace {

// In upstream's order, in which those that are new to the vocabulary get their ids.
constexpr std::array<const char*, 7> kSpecialNames = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
constexpr std::size_t kAddedMax = std::size_t{1} << 16;

bool is_special_name(const std::string& name) {
  return std::find(kSpecialNames.begin(), kSpecialNames.end(), name) != kSpecialNames.end();
}

Result<Json> read_object(const std::filesystem::path& file) {
  const auto text = io::read_genuine_file(file, io::kClipFileBytesMax);
  if (!text) return fail(text.error());
  auto json = parse_python_json(*text, file.string());
  if (json && !json->is_object()) return fail(file.string(), "this is no JSON object");
  return json;
}

// A token stands as "text", which is special, or as {"content": "text", ...}.
std::optional<AddedToken> read_token(const Json& value, bool is_special) {
  AddedToken token;
  token.is_special = is_special;
  if (value.is_string()) {
    token.text = value.get<std::string>();
    token.is_special = true;
  }
  if (value.is_object()) {
    const auto flag = [&](const char* name, bool fallback) {
      const auto found = value.find(name);
      return found != value.end() && found->is_boolean() ? found->get<bool>() : fallback;
    };
    if (value.contains("content") && value.at("content").is_string())
      token.text = value.at("content").get<std::string>();
    token.is_special = is_special || flag("special", false);
    token.is_normalised = flag("normalized", !token.is_special);
    token.takes_space_before = flag("lstrip", false);
    token.takes_space_after = flag("rstrip", false);
    token.is_word = flag("single_word", false);
  }
  if (token.text.empty()) return std::nullopt;
  return token;
}

std::optional<std::int64_t> read_id(const Json& value) {
  constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMost) return std::nullopt;
  return value.get<std::int64_t>();
}

std::optional<std::int64_t> parse_id(const std::string& text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

class Reader {
 public:
  Reader(const io::TokenizerFiles& files, const Json& whole_file_tokens)
      : files_(files), whole_file_tokens_(whole_file_tokens) {}

  TokenSettings run() {
    if (files_.configuration) read(*files_.configuration, configuration_);
    if (files_.special_tokens) read(*files_.special_tokens, map_);
    if (failure_.is_empty()) {
      check_sides();
      read_length();
      take_extra(configuration_, true);
      take_named(configuration_, files_.configuration);
      if (configuration_.contains("added_tokens_decoder")) {
        take_decoder();
      } else {
        // Where both files name a token, upstream follows the map.
        take_named(map_, files_.special_tokens);
        take_extra(map_, false);
        take_added_file();
        take_whole_file();
      }
      finish();
    }
    settings_.failure = std::move(failure_);
    return std::move(settings_);
  }

 private:
  void read(const std::filesystem::path& file, Json& into) {
    auto json = read_object(file);
    if (json)
      into = std::move(*json);
    else
      failure_.add(json.error());
  }

  void check_sides() {
    const auto where = files_.configuration ? files_.configuration->string() : "";
    for (const char* side : {"padding_side", "truncation_side"}) {
      const Json value = configuration_.value(side, Json("right"));
      if (!value.is_null() && value != "right")
        failure_.add(where + ": " + side, "it is " + canonical(value).substr(0, 40), "right");
    }
    if (configuration_.value("split_special_tokens", Json(false)) == Json(true))
      failure_.add(where + ": split_special_tokens", "special tokens that are split are not built",
                   "false");
  }

  void read_length() {
    for (const char* name : {"model_max_length", "max_len"}) {
      if (!configuration_.contains(name)) continue;
      const Json& value = configuration_.at(name);
      if (value.is_number()) settings_.length = value.get<double>();
      return;
    }
  }

  void take_named(const Json& json, const std::optional<std::filesystem::path>& file) {
    for (const auto& [name, value] : json.items()) {
      // Others that end so are special tokens of a model's own.
      const bool is_own = name.ends_with("_token") && !is_special_name(name);
      const bool is_token = value.is_string() || value.is_object();
      if (!is_token || (!is_special_name(name) && !is_own)) continue;
      const bool is_of_map = &json == &map_;
      auto token = read_token(value, is_of_map);
      if (!token) continue;
      token->is_special = true;
      named_[name] = {.token = std::move(*token),
                      .where = file->string() + ": " + name,
                      .is_text = value.is_string()};
    }
  }

  // Special tokens without a name. The old key counts where the new one says nothing.
  void take_extra(const Json& json, bool is_configuration) {
    const auto where = is_configuration ? files_.configuration : files_.special_tokens;
    for (const char* key : {"extra_special_tokens", "additional_special_tokens"}) {
      const auto found = json.find(key);
      if (found == json.end() || found->empty() || !found->is_array()) continue;
      if (key[0] == 'a' && !extra_.empty()) continue;
      for (const Json& value : *found) {
        auto token = read_token(value, true);
        if (!token) {
          failure_.add(where->string() + ": " + key,
                       canonical(value).substr(0, 60) + " is no token", "a text");
          continue;
        }
        // That of the map's old key does not count among the special tokens of added_tokens.json.
        if (is_configuration || key[0] == 'e') extra_names_.insert(token->text);
        extra_.push_back({.token = std::move(*token),
                          .where = where->string() + ": " + key,
                          .is_text = value.is_string(),
                          .is_listed = true});
      }
    }
  }

  void take_decoder() {
    const auto where = files_.configuration->string() + ": added_tokens_decoder";
    const Json& tokens = configuration_.at("added_tokens_decoder");
    if (!tokens.is_object()) {
      failure_.add(where, "this is no object", "ids and tokens");
      return;
    }
    for (const auto& [key, value] : tokens.items())
      declare(parse_id(key), value.is_object() ? read_token(value, false) : std::nullopt,
              where + "." + key);
  }

  void take_added_file() {
    if (!files_.added_tokens) return;
    const auto json = read_object(*files_.added_tokens);
    if (!json) {
      failure_.add(json.error());
      return;
    }
    for (const auto& [text, id] : json->items()) {
      AddedToken token{.text = text};
      token.is_special =
          extra_names_.contains(text) || std::any_of(named_.begin(), named_.end(), [&](auto& one) {
            return is_special_name(one.first) && one.second.token.text == text;
          });
      token.is_normalised = !token.is_special;
      declare(read_id(id), text.empty() ? std::nullopt : std::optional(token),
              files_.added_tokens->string() + ": '" + text + "'");
    }
  }

  void take_whole_file() {
    const auto where = files_.vocabulary.string() + ": added_tokens";
    if (!whole_file_tokens_.is_array()) {
      failure_.add(where, "this is no list", "a list of tokens");
      return;
    }
    for (std::size_t i = 0; i < whole_file_tokens_.size(); ++i) {
      const Json& value = whole_file_tokens_[i];
      declare(read_id(value.is_object() ? value.value("id", Json()) : Json()),
              value.is_object() ? read_token(value, false) : std::nullopt,
              where + "[" + std::to_string(i) + "]");
    }
  }

  void declare(std::optional<std::int64_t> id, std::optional<AddedToken> token,
               const std::string& where) {
    if (!id || !token) {
      failure_.add(where, "this is no token", "an object with content and id");
    } else if (declared_.size() >= kAddedMax) {
      failure_.add(where, "there are too many added tokens",
                   "at most " + std::to_string(kAddedMax));
    } else {
      // Of two with one id the later counts.
      declared_[*id] = {.token = std::move(*token), .id = id, .where = where, .is_listed = true};
    }
  }

  void finish() {
    for (const auto& [name, text] : {std::pair("bos_token", "<|startoftext|>"),
                                     {"eos_token", "<|endoftext|>"},
                                     {"unk_token", "<|endoftext|>"},
                                     {"pad_token", "<|endoftext|>"}})
      named_.try_emplace(
          name, DeclaredToken{.token = {.text = text, .is_special = true}, .is_text = true});
    for (auto& [id, declared] : declared_) settings_.added.push_back(std::move(declared));
    const std::size_t count = settings_.added.size();
    for (const char* name : kSpecialNames)
      if (named_.contains(name)) add(named_.at(name), count);
    for (const auto& [name, declared] : named_)
      if (!is_special_name(name)) add(declared, count);
    for (const DeclaredToken& declared : extra_) add(declared, count);
    for (const char* name : {"bos_token", "eos_token", "unk_token", "pad_token"})
      settings_.special[name] = named_.at(name);
  }

  // One that is declared, among the first `count`, stays as it is. Of several others with one text
  // the last counts, unless it says what another said before.
  void add(const DeclaredToken& token, std::size_t count) {
    auto& added = settings_.added;
    const auto known = std::find_if(added.begin(), added.end(), [&](const DeclaredToken& one) {
      return one.token.text == token.token.text;
    });
    const bool is_declared = known - added.begin() < static_cast<std::ptrdiff_t>(count);
    const bool is_said = std::any_of(said_.begin(), said_.end(), [&](const DeclaredToken& one) {
      return one.token == token.token && one.is_text == token.is_text;
    });
    if (known == added.end()) {
      added.push_back(token);
    } else {
      if (is_declared)
        known->token.is_special = true;
      else if (!is_said)
        known->token = token.token;
      known->is_listed |= token.is_listed;
    }
    said_.push_back(token);
  }

  const io::TokenizerFiles& files_;
  const Json& whole_file_tokens_;
  Json configuration_ = Json::object();
  Json map_ = Json::object();
  std::map<std::string, DeclaredToken> named_;
  std::map<std::int64_t, DeclaredToken> declared_;
  std::vector<DeclaredToken> extra_;
  std::set<std::string> extra_names_;
  std::vector<DeclaredToken> said_;
  TokenSettings settings_;
  Failure failure_;
};

}  // namespace

TokenSettings read_token_settings(const io::TokenizerFiles& files, const Json& whole_file_tokens) {
  return Reader(files, whole_file_tokens).run();
}

}  // namespace isocost::diffusion
