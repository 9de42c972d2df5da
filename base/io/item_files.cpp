#include "base/io/item_files.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/io/atomic_file.h"
#include "base/io/inputs.h"
#include "base/io/picture.h"
#include "base/io/presence.h"

namespace isocost::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMetadataBytesMax = std::size_t{256} << 20;
constexpr const char* kLineExpected =
    R"({"file_name": "a.png", "text": "...", ...}, one object a line)";
constexpr std::string_view kFileEnding = "_file_name";

bool names_files(std::string_view member) {
  return member == kFileNameMember || member.ends_with(kFileEnding);
}

// What is wrong with a line; empty when nothing is.
std::string fault_of_line(const Json& line) {
  if (!line.is_object()) return std::string("this line is ") + line.type_name();
  const auto name = line.find(kFileNameMember);
  if (name == line.end()) return "this line has no 'file_name'";
  if (!name->is_string()) return std::string("'file_name' is ") + name->type_name();
  return {};
}

void read_lines(const std::string& text, const fs::path& file, ItemTable& table,
                ManyFaults& faults) {
  std::map<std::string, int> seen;
  int number = 0;
  for (std::size_t begin = text.starts_with("\xEF\xBB\xBF") ? 3 : 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\v\f\r") == std::string_view::npos) continue;
    const std::string at = file.string() + ":" + std::to_string(number);
    auto json = parse_json(line, at, {.depth_max = 16, .values_max = 10'000});
    if (!json) {
      faults.add(json.error());
      continue;
    }
    if (const std::string fault = fault_of_line(*json); !fault.empty()) {
      faults.add(at, fault, kLineExpected);
      continue;
    }
    const auto name = json->at(kFileNameMember).get<std::string>();
    if (const auto [first, is_new] = seen.emplace(name, number); !is_new)
      faults.add(at,
                 "the file_name '" + name + "' stands in line " + std::to_string(first->second) +
                     " already",
                 "each picture once");
    table.rows.push_back(std::move(*json));
    table.lines.push_back(number);
  }
}

// Those at the top and below, hidden ones left out.
std::uint64_t pictures_in(const fs::path& folder) {
  std::uint64_t count = pictures_below(folder);
  if (const auto names = names_in(folder); names)
    count += static_cast<std::uint64_t>(std::count_if(
        names->begin(), names->end(), [](const std::string& name) { return is_picture(name); }));
  return count;
}

std::uint64_t count_unnamed(const ItemTable& table) {
  std::set<fs::path> named;
  for (const Json& row : table.rows)
    for (const auto& [member, value] : row.items())
      if (names_files(member) && value.is_string())
        named.insert(fs::path(value.get<std::string>()).lexically_normal());
  std::uint64_t found = 0;
  std::error_code error;
  for (const fs::path& name : named)
    if (is_picture(name.filename().string()) && fs::exists(table.folder / name, error)) ++found;
  const std::uint64_t all = pictures_in(table.folder);
  return all > found ? all - found : 0;
}

Result<ItemTable> without_metadata(const fs::path& folder) {
  const auto files = picture_files(folder);
  if (!files) return fail(files.error());
  ItemTable table{.folder = folder};
  table.rows.reserve(files->size());
  for (const fs::path& file : *files)
    table.rows.push_back({{kFileNameMember, file.filename().string()}});
  table.lines.assign(files->size(), 0);
  return table;
}

// Why a name cannot be that of an item's picture; empty when it can.
std::string fault_of_name(const fs::path& name) {
  if (name.empty()) return "the name is empty";
  if (name.is_absolute()) return "it does not lie in the folder";
  for (const fs::path& part : name)
    if (part == "..") return "it does not lie in the folder";
  const std::string last = name.filename().string();
  if (last.starts_with('.')) return "hidden files are no pictures";
  if (!is_picture(last)) return "it is no picture by its name";
  return {};
}

}  // namespace

void ManyFaults::add(std::string where, std::string what, std::string expected) {
  if (failure_.errors.size() < kItemFaultsShown)
    failure_.add(std::move(where), std::move(what), std::move(expected));
  else
    ++more_;
}

void ManyFaults::add(const Failure& failure) {
  for (const Error& error : failure.errors) add(error.where, error.what, error.expected);
}

Failure ManyFaults::take(const std::string& where, const std::string& what) {
  if (more_ > 0) failure_.add(where, std::to_string(more_) + " " + what);
  return std::move(failure_);
}

std::string ItemTable::where(std::size_t item) const {
  if (!has_metadata) return folder.string();
  return (folder / kMetadataFile).string() + ":" + std::to_string(lines.at(item));
}

Result<ItemTable> read_item_table(const fs::path& folder) {
  const fs::path file = folder / kMetadataFile;
  if (const auto is_there = must_exist(folder, "a folder of pictures"); !is_there)
    return fail(is_there.error());
  for (const char* other : {"metadata.csv", "metadata.parquet"})
    if (const auto has_other = has_file(folder / other), has_lines = has_file(file);
        has_other && *has_other && has_lines && !*has_lines)
      return fail((folder / other).string(), "this form of metadata is not read", kMetadataFile);
  const auto has_metadata = has_file(file);
  if (!has_metadata) return fail(has_metadata.error());
  if (!*has_metadata) return without_metadata(folder);
  const auto text = read_file(file, kMetadataBytesMax);
  if (!text) return fail(text.error());
  ItemTable table{.folder = folder, .has_metadata = true};
  ManyFaults faults;
  read_lines(*text, file, table, faults);
  if (table.rows.size() > kItemsMax)
    faults.add(file.string(), "there are " + std::to_string(table.rows.size()) + " items",
               "at most " + std::to_string(kItemsMax));
  Failure failure = faults.take(file.string(), "more lines have faults");
  if (failure.is_empty() && table.rows.empty())
    failure.add(file.string(), "there is no item", std::string("a line each: ") + kLineExpected);
  if (!failure.is_empty()) return fail(std::move(failure));
  table.unnamed = count_unnamed(table);
  return table;
}

std::vector<std::string> file_members(const ItemTable& table) {
  std::vector<std::string> members = {kFileNameMember};
  if (table.rows.empty()) return members;
  for (const auto& [member, unused] : table.rows.front().items()) {
    const auto is_there = [&name = member](const Json& row) {
      const auto value = row.find(name);
      return value != row.end() && value->is_string();
    };
    if (member != kFileNameMember && names_files(member) &&
        std::all_of(table.rows.begin(), table.rows.end(), is_there))
      members.push_back(member);
  }
  return members;
}

Result<ItemColumn> read_column(const ItemTable& table, const std::string& member) {
  const auto names = texts_of(table, member);
  if (!names) return fail(names.error());
  ItemColumn column;
  column.files.reserve(names->size());
  column.digests.reserve(names->size());
  Json digests = Json::array();
  ManyFaults faults;
  for (std::size_t item = 0; item < names->size(); ++item) {
    const fs::path name = (*names)[item];
    if (const std::string fault = fault_of_name(name); !fault.empty()) {
      faults.add(table.where(item), "the " + member + " is '" + (*names)[item] + "': " + fault,
                 "a *.png, *.jpg or *.jpeg below " + table.folder.string());
      continue;
    }
    const fs::path file = table.folder / name;
    const auto is_there = has_file(file);
    if (!is_there || !*is_there) {
      if (is_there)
        faults.add(table.where(item), "the " + member + " '" + (*names)[item] + "' is missing",
                   "a picture at " + file.string());
      else
        faults.add(is_there.error());
      continue;
    }
    const auto digest = file_digest(file);
    if (!digest) {
      faults.add(digest.error());
      continue;
    }
    digests.push_back(digest->hex());
    column.files.push_back(file);
    column.digests.push_back(*digest);
  }
  Failure failure =
      faults.take(table.folder.string(), "more pictures of " + member + " have faults");
  if (!failure.is_empty()) return fail(std::move(failure));
  column.digest = canonical_digest(digests);
  return column;
}

Result<std::vector<std::string>> texts_of(const ItemTable& table, const std::string& member) {
  std::vector<std::string> texts;
  texts.reserve(table.rows.size());
  ManyFaults faults;
  if (!table.has_metadata && member != kFileNameMember)
    return fail(table.folder.string(), std::string("there is no ") + kMetadataFile,
                "a line an item, with '" + member + "'");
  for (std::size_t item = 0; item < table.rows.size(); ++item) {
    const auto value = table.rows[item].find(member);
    if (value == table.rows[item].end())
      faults.add(table.where(item), "this line has no '" + member + "'", "a text");
    else if (!value->is_string())
      faults.add(table.where(item), "'" + member + "' is " + value->type_name(), "a text");
    else
      texts.push_back(value->get<std::string>());
  }
  Failure failure =
      faults.take((table.folder / kMetadataFile).string(), "more lines have no '" + member + "'");
  if (!failure.is_empty()) return fail(std::move(failure));
  return texts;
}

}  // namespace isocost::io
