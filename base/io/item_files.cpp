#include "base/io/item_files.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
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
constexpr std::array kUnreadFiles = {"metadata.csv", "metadata.parquet"};

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

Failure read_pictures(ItemTable& table) {
  const auto files = picture_files(table.folder);
  if (!files) return files.error();
  table.rows.reserve(files->size());
  for (const fs::path& file : *files)
    table.rows.push_back({{kFileNameMember, file.filename().string()}});
  table.lines.assign(files->size(), 0);
  return {};
}

// Fills the table of a folder; what could not be read of it is told.
Failure read_table(ItemTable& table) {
  const fs::path file = table.folder / kMetadataFile;
  if (const auto is_there = must_exist(table.folder, "a folder of pictures"); !is_there)
    return is_there.error();
  const auto has_metadata = has_file(file);
  if (!has_metadata) return has_metadata.error();
  for (const char* other : kUnreadFiles)
    if (const auto has_other = has_file(table.folder / other);
        has_other && *has_other && !*has_metadata)
      return {
          {{(table.folder / other).string(), "this form of metadata is not read", kMetadataFile}}};
  if (!*has_metadata) return read_pictures(table);
  table.has_metadata = true;
  const auto text = read_file(file, kMetadataBytesMax);
  if (!text) return text.error();
  ManyFaults faults;
  read_lines(*text, file, table, faults);
  if (table.rows.size() > kItemsMax)
    faults.add(file.string(), "there are " + std::to_string(table.rows.size()) + " items",
               "at most " + std::to_string(kItemsMax));
  Failure failure = faults.take(file.string(), "more lines have faults");
  if (failure.is_empty() && table.rows.empty())
    failure.add(file.string(), "there is no item", std::string("a line each: ") + kLineExpected);
  return failure;
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

// What keeps a member of an item from being a text; nothing where it is one.
std::optional<Error> fault_of_text(const ItemTable& table, std::size_t item,
                                   const std::string& member) {
  const auto value = table.rows[item].find(member);
  if (value == table.rows[item].end())
    return Error{table.where(item), "this line has no '" + member + "'", "a text"};
  if (!value->is_string())
    return Error{table.where(item), "'" + member + "' is " + value->type_name(), "a text"};
  return std::nullopt;
}

// Likewise from naming a picture that is there.
std::optional<Error> fault_of_file(const ItemTable& table, std::size_t item,
                                   const std::string& member) {
  if (auto fault = fault_of_text(table, item, member)) return fault;
  const auto text = table.rows[item].at(member).get<std::string>();
  const fs::path name = text;
  if (const std::string fault = fault_of_name(name); !fault.empty())
    return Error{table.where(item), "the " + member + " is '" + text + "': " + fault,
                 "a *.png, *.jpg or *.jpeg below " + table.folder.string()};
  const fs::path file = table.folder / name;
  const auto is_there = has_file(file);
  if (!is_there) return is_there.error().errors.front();
  if (!*is_there)
    return Error{table.where(item), "the " + member + " '" + text + "' is missing",
                 "a picture at " + file.string()};
  return std::nullopt;
}

std::string no_metadata(const std::string& member) {
  return "a line an item, with '" + member + "'";
}

std::string more_faults(const std::string& member) {
  return "more pictures of " + member + " have faults";
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

Failure ManyFaults::take(const std::string& where, const std::string& what,
                         const std::string& expected) {
  if (more_ > 0) failure_.add(where, std::to_string(more_) + " " + what, expected);
  return std::move(failure_);
}

std::string ItemTable::where(std::size_t item) const {
  if (!has_metadata) return folder.string();
  return (folder / kMetadataFile).string() + ":" + std::to_string(lines.at(item));
}

Result<ItemTable> read_item_table(const fs::path& folder) {
  auto look = look_at_items(folder, {}, {});
  if (!look.failure.is_empty()) return fail(std::move(look.failure));
  return std::move(look.table);
}

bool has_unread_metadata(const std::vector<std::string>& names) {
  const auto is_there = [&](std::string_view file) {
    return std::find(names.begin(), names.end(), file) != names.end();
  };
  return !is_there(kMetadataFile) &&
         std::any_of(kUnreadFiles.begin(), kUnreadFiles.end(), is_there);
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

ItemTableLook look_at_items(const fs::path& folder, const std::vector<std::string>& file_members,
                            const std::vector<std::string>& text_members) {
  ItemTableLook look{.table = {.folder = folder}, .failure = {}};
  look.failure = read_table(look.table);
  if (look.table.rows.empty()) return look;
  std::vector<bool> is_unsound(look.table.rows.size());
  const auto drop = [&](const std::string& member, auto fault_of) {
    if (!look.table.has_metadata && member != kFileNameMember) {
      look.failure.add(folder.string(), std::string("there is no ") + kMetadataFile,
                       no_metadata(member));
      return;
    }
    ManyFaults faults;
    for (std::size_t item = 0; item < look.table.rows.size(); ++item) {
      const std::optional<Error> fault = fault_of(look.table, item, member);
      if (!fault) continue;
      faults.add(fault->where, fault->what, fault->expected);
      is_unsound[item] = true;
    }
    look.failure.add(faults.take(folder.string(), "more items have faults in " + member));
  };
  for (const std::string& member : file_members) drop(member, fault_of_file);
  for (const std::string& member : text_members) drop(member, fault_of_text);
  std::size_t kept = 0;
  for (std::size_t item = 0; item < is_unsound.size(); ++item) {
    if (is_unsound[item]) continue;
    if (kept != item) look.table.rows[kept] = std::move(look.table.rows[item]);
    look.table.lines[kept++] = look.table.lines[item];
  }
  look.table.rows.resize(kept);
  look.table.lines.resize(kept);
  return look;
}

std::vector<std::string> column_members(const ItemTable& table) {
  std::vector<std::string> members = {kFileNameMember};
  if (table.rows.empty()) return members;
  for (const auto& [member, unused] : table.rows.front().items()) {
    const auto is_text = [&name = member](const Json& row) {
      const auto value = row.find(name);
      return value != row.end() && value->is_string();
    };
    if (member != kFileNameMember && std::all_of(table.rows.begin(), table.rows.end(), is_text))
      members.push_back(member);
  }
  return members;
}

Result<ItemColumn> read_column(const ItemTable& table, const std::string& member) {
  ItemColumn column;
  if (!names_files(member)) {
    auto texts = texts_of(table, member);
    if (!texts) return fail(texts.error());
    column.texts = std::move(*texts);
    column.digest = canonical_digest(column.texts);
    return column;
  }
  auto files = files_of(table, member);
  if (!files) return fail(files.error());
  column.files = std::move(*files);
  column.digests.reserve(column.files.size());
  Json digests = Json::array();
  ManyFaults faults;
  for (const fs::path& file : column.files) {
    const auto digest = file_digest(file);
    if (!digest) {
      faults.add(digest.error());
      continue;
    }
    digests.push_back(digest->hex());
    column.digests.push_back(*digest);
  }
  Failure failure = faults.take(table.folder.string(), more_faults(member));
  if (!failure.is_empty()) return fail(std::move(failure));
  column.digest = canonical_digest(digests);
  return column;
}

Result<std::vector<fs::path>> files_of(const ItemTable& table, const std::string& member) {
  if (!table.has_metadata && member != kFileNameMember)
    return fail(table.folder.string(), std::string("there is no ") + kMetadataFile,
                no_metadata(member));
  std::vector<fs::path> files;
  files.reserve(table.rows.size());
  ManyFaults faults;
  for (std::size_t item = 0; item < table.rows.size(); ++item) {
    if (const auto fault = fault_of_file(table, item, member))
      faults.add(fault->where, fault->what, fault->expected);
    else
      files.push_back(table.folder / table.rows[item].at(member).get<std::string>());
  }
  Failure failure = faults.take(table.folder.string(), more_faults(member));
  if (!failure.is_empty()) return fail(std::move(failure));
  return files;
}

Result<std::vector<std::string>> texts_of(const ItemTable& table, const std::string& member) {
  if (!table.has_metadata && member != kFileNameMember)
    return fail(table.folder.string(), std::string("there is no ") + kMetadataFile,
                no_metadata(member));
  std::vector<std::string> texts;
  texts.reserve(table.rows.size());
  ManyFaults faults;
  for (std::size_t item = 0; item < table.rows.size(); ++item) {
    if (const auto fault = fault_of_text(table, item, member))
      faults.add(fault->where, fault->what, fault->expected);
    else
      texts.push_back(table.rows[item].at(member).get<std::string>());
  }
  Failure failure =
      faults.take((table.folder / kMetadataFile).string(), "more lines have no '" + member + "'");
  if (!failure.is_empty()) return fail(std::move(failure));
  return texts;
}

}  // namespace isocost::io
