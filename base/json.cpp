#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <istream>
#include <iterator>
#include <vector>

#include "base/check.h"

namespace isocost {
namespace {

// UTF-8 order equals code point order; UTF-16 order differs only where surrogates (U+10000 and
// above) meet U+E000..U+FFFF. Comparing by code unit means lifting the former below the latter.
bool utf16_less(const std::string& a, const std::string& b) {
  const auto rank = [](unsigned char lead) -> int {
    // Lead bytes F0..F4 (surrogate pairs in UTF-16, D800..DFFF) sort before EE and EF (E000..FFFF).
    if (lead >= 0xF0) return 0xED * 2 + 1;
    return lead * 2;
  };
  const std::size_t n = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < n; ++i) {
    if (a[i] == b[i]) continue;
    const auto x = static_cast<unsigned char>(a[i]);
    const auto y = static_cast<unsigned char>(b[i]);
    const int rank_x = rank(x), rank_y = rank(y);
    return rank_x != rank_y ? rank_x < rank_y : x < y;
  }
  return a.size() < b.size();
}

// The escape of a character that cannot stand in a JSON text as it is.
void write_escape(char c, std::string& out) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u00";
  out += kDigits[static_cast<unsigned char>(c) >> 4];
  out += kDigits[static_cast<unsigned char>(c) & 15];
}

void write_string(const std::string& text, std::string& out) {
  out += '"';
  std::size_t plain = 0;  // where the characters begin that stand as they are
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20) continue;
    out.append(text, plain, i - plain);
    write_escape(c, out);
    plain = i + 1;
  }
  out.append(text, plain);
  out += '"';
}

void write(const Json& value, std::string& out) {
  switch (value.type()) {
    case Json::value_t::null:
      out += "null";
      return;
    case Json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return;
    case Json::value_t::number_integer:
      out += std::to_string(value.get<std::int64_t>());
      return;
    case Json::value_t::number_unsigned:
      out += std::to_string(value.get<std::uint64_t>());
      return;
    case Json::value_t::number_float:
      out += number_text(value.get<double>());
      return;
    case Json::value_t::string:
      write_string(value.get_ref<const std::string&>(), out);
      return;
    case Json::value_t::array: {
      out += '[';
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (i > 0) out += ',';
        write(value[i], out);
      }
      out += ']';
      return;
    }
    case Json::value_t::object: {
      std::vector<Json::const_iterator> members;
      members.reserve(value.size());
      for (auto it = value.begin(); it != value.end(); ++it) members.push_back(it);
      const auto is_before = [](const auto& a, const auto& b) {
        return utf16_less(a.key(), b.key());
      };
      // Bytes are in this order already unless there are characters beyond U+FFFF.
      if (!std::is_sorted(members.begin(), members.end(), is_before))
        std::sort(members.begin(), members.end(), is_before);
      out += '{';
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (i > 0) out += ',';
        write_string(members[i].key(), out);
        out += ':';
        write(members[i].value(), out);
      }
      out += '}';
      return;
    }
    case Json::value_t::binary:
    case Json::value_t::discarded:
      break;
  }
  ISOCOST_CHECK(false, "binary and discarded values have no JSON text");
}

// "line:column" of a byte offset, both from 1.
std::string position(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const auto line =
      std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n') + 1;
  const std::size_t start = text.substr(0, offset).rfind('\n');
  const std::size_t column = start == std::string_view::npos ? offset + 1 : offset - start;
  return std::to_string(line) + ":" + std::to_string(column);
}

// Follows the text as it is parsed, builds the tree, and stops at the first thing that is out of
// place, so that a hostile text costs no more memory than its honest part. The parser keeps its own
// stack: depth costs nothing before it is refused here.
class TreeBuilder : public nlohmann::json_sax<Json> {
 public:
  // Says where a byte is, for a person.
  using Place = std::function<std::string(std::size_t byte)>;

  TreeBuilder(const std::string& where, const JsonLimits& limits, Place place)
      : where_(where), limits_(limits), place_(std::move(place)) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return refuse("this is binary data", "a text"); }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    if (open_.back()->contains(value))
      return refuse("the key '" + value.substr(0, kShownMax) + "' stands twice in one object",
                    "each key once");
    key_ = std::move(value);
    return true;
  }

  bool parse_error(std::size_t byte, const std::string& token,
                   const Json::exception& fault) override {
    if (!failure_.is_empty()) return false;
    const std::string at = place_(byte == 0 ? 0 : byte - 1);
    constexpr int kNumberOverflow = 406;
    if (fault.id == kNumberOverflow)
      failure_.add(at, "the number " + token.substr(0, kShownMax) + " is beyond a 64-bit float",
                   "at most 1.8e308 in magnitude");
    else
      failure_.add(at, "this is not JSON");
    return false;
  }

  [[nodiscard]] Result<Json> take() {
    if (!failure_.is_empty()) return fail(std::move(failure_));
    return std::move(root_);
  }

 protected:
  // A value is whole: `depth` lists and objects hold it. False: no more is wanted.
  virtual bool finished(std::size_t depth) {
    static_cast<void>(depth);
    return true;
  }
  bool refuse(std::string what, std::string expected) {
    failure_.add(where_, std::move(what), std::move(expected));
    return false;
  }
  [[nodiscard]] Json& innermost() { return *open_.back(); }
  [[nodiscard]] const std::string& key_of_member() const { return key_; }
  [[nodiscard]] std::size_t values() const { return values_; }
  void set_values(std::size_t values) { values_ = values; }

 private:
  static constexpr std::size_t kShownMax = 60;

  // The place of the next value, which is now taken; null where there are too many.
  Json* place(Json value) {
    if (++values_ > limits_.values_max) {
      refuse("it has too many values", "at most " + std::to_string(limits_.values_max));
      return nullptr;
    }
    if (open_.empty()) return &(root_ = std::move(value));
    if (open_.back()->is_array()) return &open_.back()->emplace_back(std::move(value));
    return &((*open_.back())[key_] = std::move(value));
  }
  bool add(Json value) { return place(std::move(value)) != nullptr && finished(open_.size()); }

  bool open(Json empty) {
    if (open_.size() >= static_cast<std::size_t>(limits_.depth_max))
      return refuse("nested too deeply",
                    "at most " + std::to_string(limits_.depth_max) + " levels");
    Json* const value = place(std::move(empty));
    if (value == nullptr) return false;
    open_.push_back(value);  // its siblings come after it is closed, so it stays where it is
    return opened();
  }
  bool close() {
    open_.pop_back();
    return finished(open_.size());
  }

 protected:
  virtual bool opened() { return true; }
  [[nodiscard]] std::size_t depth() const { return open_.size(); }

 private:
  const std::string& where_;
  JsonLimits limits_;
  Place place_;
  Json root_;
  std::vector<Json*> open_;
  std::string key_;
  std::size_t values_ = 0;
  Failure failure_;
};

// A stream byte by byte, which ends where a token is longer than any may be: the parser holds a
// whole token before it shows it.
class ByteSource {
 public:
  ByteSource(std::streambuf& in, std::size_t token_bytes_max)
      : in_(in), token_bytes_max_(token_bytes_max) {}
  // One past the last byte: traits::eof().
  int next() {
    if (++since_token_ > token_bytes_max_) return std::char_traits<char>::eof();
    const int byte = in_.sbumpc();
    // The parser would take a zero byte for the end.
    return byte == 0 ? 1 : byte;
  }
  void token_ended() { since_token_ = 0; }
  [[nodiscard]] bool is_too_long() const { return since_token_ > token_bytes_max_; }

 private:
  std::streambuf& in_;
  std::size_t token_bytes_max_;
  std::size_t since_token_ = 0;
};

// What the parser takes its bytes from.
class ByteIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  ByteIterator() = default;
  explicit ByteIterator(ByteSource& source) : source_(&source), byte_(source.next()) {}
  char operator*() const { return static_cast<char>(byte_); }
  ByteIterator& operator++() {
    byte_ = source_->next();
    return *this;
  }
  ByteIterator operator++(int) {
    ByteIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const ByteIterator& other) const { return is_end() == other.is_end(); }
  bool operator!=(const ByteIterator& other) const { return !(*this == other); }

 private:
  [[nodiscard]] bool is_end() const {
    return source_ == nullptr || byte_ == std::char_traits<char>::eof();
  }
  ByteSource* source_ = nullptr;
  int byte_ = std::char_traits<char>::eof();
};

class ListBuilder : public TreeBuilder {
 public:
  ListBuilder(const std::string& where, std::string list, const JsonLimits& limits,
              std::size_t kept_bytes_max, ByteSource& source,
              const std::function<bool(Json element)>& take, Place place)
      : TreeBuilder(where, limits, std::move(place)),
        list_(std::move(list)),
        kept_bytes_max_(kept_bytes_max),
        source_(source),
        take_(take) {}

  bool key(string_t& value) override {
    source_.token_ended();
    return keep(value.size()) && TreeBuilder::key(value);
  }
  bool string(string_t& value) override {
    source_.token_ended();
    return keep(value.size()) && TreeBuilder::string(value);
  }

 protected:
  bool opened() override {
    if (depth() != 2 || !innermost().is_array() || key_of_member() != list_) return true;
    is_in_list_ = true;
    values_outside_ = values();
    return true;
  }
  bool finished(std::size_t depth) override {
    source_.token_ended();
    if (depth <= 1) is_in_list_ = false;
    if (!is_in_list_ || depth > 2) return true;
    Json element = std::move(innermost().back());
    innermost().clear();
    set_values(values_outside_);
    return take_(std::move(element));
  }

 private:
  bool keep(std::size_t bytes) {
    if (is_in_list_) return true;
    kept_bytes_ += bytes;
    return kept_bytes_ <= kept_bytes_max_ ||
           refuse("its texts outside '" + list_ + "' are too long",
                  "at most " + std::to_string(kept_bytes_max_) + " bytes");
  }

  std::string list_;
  std::size_t kept_bytes_max_;
  std::size_t kept_bytes_ = 0;
  bool is_in_list_ = false;
  std::size_t values_outside_ = 0;
  ByteSource& source_;
  const std::function<bool(Json element)>& take_;
};

}  // namespace

std::string number_shown(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return number_text(value);
}

std::string number_text(double value) {
  ISOCOST_CHECK(std::isfinite(value), "JSON has no text for NaN and infinity");
  if (value == 0) return "0";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::fabs(value),
                                 std::chars_format::scientific);
  // "d.ddde+xx": take digits and exponent apart, then lay them out by ECMA-262 Number::toString.
  std::string_view text(buffer, static_cast<std::size_t>(end.ptr - buffer));
  const std::size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  const int exponent = std::stoi(std::string(text.substr(e + 1)));
  const int k = static_cast<int>(digits.size());
  const int n = exponent + 1;
  std::string out = value < 0 ? "-" : "";
  if (k <= n && n <= 21) return out + digits + std::string(static_cast<std::size_t>(n - k), '0');
  if (0 < n && n <= 21) {
    return out + digits.substr(0, static_cast<std::size_t>(n)) + "." +
           digits.substr(static_cast<std::size_t>(n));
  }
  if (-6 < n && n <= 0) return out + "0." + std::string(static_cast<std::size_t>(-n), '0') + digits;
  out += digits.substr(0, 1);
  if (k > 1) out += "." + digits.substr(1);
  return out + "e" + (n - 1 < 0 ? "-" : "+") + std::to_string(std::abs(n - 1));
}

std::string canonical(const Json& value) {
  std::string out;
  out.reserve(1024);  // a spec: grown once instead of ten times
  write(value, out);
  return out;
}

std::string canonical_object(
    std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  std::size_t size = 2;
  for (const auto& [key, text] : members) size += key.size() + text.size() + 4;
  std::string out;
  out.reserve(size);
  out += '{';
  for (const auto& [key, text] : members) {
    if (out.size() > 1) out += ',';
    out += '"';
    out += key;
    out += "\":";
    out += text;
  }
  out += '}';
  return out;
}

Digest canonical_digest(const Json& value) { return sha256(canonical(value)); }

Result<Json> parse_json(std::string_view text, const std::string& where, const JsonLimits& limits) {
  // The parser would take a zero byte for the text's end and never see what follows.
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos)
    return fail(where + ":" + position(text, zero), "this is not JSON",
                "a text without zero bytes");
  TreeBuilder builder(where, limits,
                      [&](std::size_t byte) { return where + ":" + position(text, byte); });
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

Result<Json> parse_json_list(std::istream& in, const std::string& where, const std::string& list,
                             const JsonLimits& limits, std::size_t kept_bytes_max,
                             const std::function<bool(Json element)>& take) {
  ByteSource source(*in.rdbuf(), kept_bytes_max);
  ListBuilder builder(where, list, limits, kept_bytes_max, source, take,
                      [&](std::size_t byte) { return where + ": byte " + std::to_string(byte); });
  Json::sax_parse(ByteIterator(source), ByteIterator(), &builder);
  if (source.is_too_long())
    return fail(where, "one of its texts is too long",
                "at most " + std::to_string(kept_bytes_max) + " bytes");
  return builder.take();
}

Result<Json> parse_python_json(std::string_view text, const std::string& where) {
  std::string plain;
  plain.reserve(text.size());
  bool is_in_text = false;
  for (std::size_t i = 0; i < text.size();) {
    if (is_in_text && text[i] == '\\' && i + 1 < text.size()) {
      plain.append(text.substr(i, 2));
      i += 2;
      continue;
    }
    if (text[i] == '"') is_in_text = !is_in_text;
    std::string_view word;
    for (const std::string_view candidate : {"-Infinity", "Infinity", "NaN"}) {
      if (!is_in_text && text.substr(i).starts_with(candidate)) word = candidate;
      if (!word.empty()) break;
    }
    if (word.empty()) {
      plain += text[i++];
      continue;
    }
    plain += '"';
    plain += word;
    plain += '"';
    i += word.size();
  }
  return parse_json(plain, where);
}

}  // namespace isocost
