#include "experiments/grid/yaml.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <numeric>

namespace isocost::experiments {
namespace {

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

template <class T>
bool reads_as(const std::string& text, T& value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

}  // namespace

std::string nearest(const std::string& word, const std::set<std::string>& known) {
  std::string best;
  std::size_t best_distance = 3;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

Failure in_reading_order(const Failure& failure, const std::string& name) {
  // "name:line:column" -> (line, column); the file itself stands first.
  const auto place = [&](const Error& error) {
    std::pair<int, int> at{0, 0};
    if (error.where.size() > name.size())
      std::sscanf(error.where.c_str() + name.size(), ":%d:%d", &at.first, &at.second);
    return at;
  };
  Failure sorted;
  for (const Error& error : failure.errors) {
    const auto same = [&](const Error& other) { return other == error; };
    if (std::none_of(sorted.errors.begin(), sorted.errors.end(), same))
      sorted.errors.push_back(error);
    if (sorted.errors.size() > kFaultsMax) break;
  }
  std::stable_sort(sorted.errors.begin(), sorted.errors.end(),
                   [&](const Error& a, const Error& b) { return place(a) < place(b); });
  if (sorted.errors.size() > kFaultsMax) {
    sorted.errors.resize(kFaultsMax);
    sorted.add(name, "there are more faults than these " + std::to_string(kFaultsMax));
  }
  return sorted;
}

std::string YamlFile::where(const YAML::Node& node) const {
  const YAML::Mark mark = node.Mark();
  if (mark.is_null()) return name_;
  return name_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

void YamlFile::fault(const YAML::Node& node, std::string what, std::string expected) {
  failure_.add(where(node), std::move(what), std::move(expected));
}

std::map<std::string, YAML::Node> YamlFile::members(const YAML::Node& node,
                                                    const std::set<std::string>& known,
                                                    const std::string& what) {
  std::map<std::string, YAML::Node> found;
  if (!node.IsMap()) {
    fault(node, what + " is no map", "key: value lines");
    return found;
  }
  for (const auto& pair : node) {
    if (!pair.first.IsScalar()) {
      fault(pair.first, "a key of " + what + " is no text", "a name");
      continue;
    }
    const std::string& key = pair.first.Scalar();
    if (!known.empty() && !known.contains(key)) {
      const std::string near = nearest(key, known);
      fault(pair.first, "unknown key '" + key + "' in " + what,
            near.empty() ? "one of: " + joined({known.begin(), known.end()}) : "'" + near + "'?");
    } else if (!found.emplace(key, pair.second).second) {
      fault(pair.first, "the key '" + key + "' stands twice in " + what, "each key once");
    }
  }
  return found;
}

Json YamlFile::scalar(const YAML::Node& node) {
  if (node.IsNull()) return nullptr;
  if (!node.IsScalar()) {
    fault(node, "this is a list or a map", "a single value");
    return nullptr;
  }
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text == "true" || text == "false") return text == "true";
  std::int64_t integer = 0;
  if (reads_as(text, integer)) return integer;
  double number = 0;
  if (!text.empty() && text.find_first_not_of("+-.0123456789eE") == std::string::npos &&
      reads_as(text, number))
    return number;
  return text;
}

std::string YamlFile::text(const YAML::Node& node, const std::string& what) {
  if (node.IsScalar()) return node.Scalar();
  fault(node, what + " is no text", "a text");
  return {};
}

std::uint64_t YamlFile::whole(const YAML::Node& node, const std::string& what, std::uint64_t least,
                              std::uint64_t most) {
  const std::string range =
      "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  const Json value = scalar(node);
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0 ||
      value.get<std::uint64_t>() < least || value.get<std::uint64_t>() > most) {
    if (node.IsScalar()) fault(node, what + " is '" + node.Scalar() + "'", range);
    return least;
  }
  return value.get<std::uint64_t>();
}

std::string YamlFile::choice(const YAML::Node& node, const std::string& what,
                             const std::vector<std::string>& allowed) {
  const std::string value = text(node, what);
  if (node.IsScalar() && std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
    fault(node, "unknown " + what + " '" + value + "'", "one of: " + joined(allowed));
  }
  return value;
}

Json YamlFile::tree(const YAML::Node& node, int depth) {
  // An alias may stand for a tree that holds aliases again: what is counted is what they amount to.
  if (++tree_nodes_ > kTreeNodesMax) {
    if (tree_nodes_ == kTreeNodesMax + 1)
      fault(node, "this amounts to too many values", "at most 10000");
    return nullptr;
  }
  if (depth > 16) {
    fault(node, "this is nested too deeply", "at most 16 levels");
    return nullptr;
  }
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& [key, value] : members(node, {}, "this map"))
      object[key] = tree(value, depth + 1);
    return object;
  }
  if (node.IsSequence()) {
    Json array = Json::array();
    for (const auto& item : node) array.push_back(tree(item, depth + 1));
    return array;
  }
  return scalar(node);
}

}  // namespace isocost::experiments
