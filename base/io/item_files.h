// A folder of items: pictures, and what belongs to each of them, as Hugging Face's imagefolder has
// it. metadata.jsonl has a line an item, {"file_name": "a.png", "text": "a cat", ...}, in the order
// of the items; further pictures of an item stand in members that end with _file_name. Names are
// relative to the folder. A folder without metadata.jsonl has its pictures at the top as items, in
// the order of their names, and nothing beside them.
//
//   auto table = read_item_table("edits");
//   auto masks = read_column(*table, "mask_file_name");   // paths and digests, an item each
//   auto texts = texts_of(*table, "text");
//
// The digest of a column is that of canonical JSON [SHA-256 hex, ...] of its pictures in the order
// of the items, or of its texts themselves: names of files are not in it, nor what else a line
// says. Fails with every line and file at fault (at most kItemFaultsShown of a kind, then their
// number): lines that are no such objects, names that stand twice, lead out of the folder, are
// hidden, are no pictures, or that nothing is found under. Thread: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"

namespace isocost::io {

inline constexpr const char* kMetadataFile = "metadata.jsonl";
inline constexpr const char* kFileNameMember = "file_name";
inline constexpr std::size_t kItemFaultsShown = 20;
inline constexpr std::size_t kItemsMax = 1'000'000;

struct ItemTable {
  std::filesystem::path folder{};
  bool has_metadata = false;
  std::vector<Json> rows{};  // an object an item, each with a text file_name
  std::vector<int> lines{};  // of metadata.jsonl, as many

  // "edits/metadata.jsonl:7", or the folder.
  [[nodiscard]] std::string where(std::size_t item) const;
};
[[nodiscard]] Result<ItemTable> read_item_table(const std::filesystem::path& folder);
// Whether a folder with these files has metadata in a form that is not read, and none that is: a
// folder of pictures, which is no folder of items.
[[nodiscard]] bool has_unread_metadata(const std::vector<std::string>& names);
// Pictures in the folder and below that no item names. Requires: a table with every line.
[[nodiscard]] std::uint64_t count_unnamed(const ItemTable& table);

// What could be read, and every fault: also of the pictures and texts that somebody wants of it,
// whose items are left out of the table. So that a folder's other faults can be told beside them.
struct ItemTableLook {
  ItemTable table;
  Failure failure;
};
[[nodiscard]] ItemTableLook look_at_items(const std::filesystem::path& folder,
                                          const std::vector<std::string>& file_members,
                                          const std::vector<std::string>& text_members);
// Members that are a text in every line, and so can be columns: file_name first.
[[nodiscard]] std::vector<std::string> column_members(const ItemTable& table);

// One member of every item: pictures, where it is called so, or texts.
struct ItemColumn {
  std::vector<std::filesystem::path> files;
  std::vector<Digest> digests;  // as many
  std::vector<std::string> texts;
  Digest digest;
  [[nodiscard]] std::size_t size() const { return files.size() + texts.size(); }
};
[[nodiscard]] Result<ItemColumn> read_column(const ItemTable& table, const std::string& member);
// The pictures of such a member alone, none of them read. Fails with: lines without it, names that
// are none of pictures, files that are missing.
[[nodiscard]] Result<std::vector<std::filesystem::path>> files_of(const ItemTable& table,
                                                                  const std::string& member);
// Fails with: lines without the member, or where it is no text.
[[nodiscard]] Result<std::vector<std::string>> texts_of(const ItemTable& table,
                                                        const std::string& member);

// Collects faults of many alike: those past kItemFaultsShown become their number.
class ManyFaults {
 public:
  void add(std::string where, std::string what, std::string expected = {});
  void add(const Failure& failure);
  // `what`: of those that are not shown, "more pictures cannot be read".
  [[nodiscard]] Failure take(const std::string& where, const std::string& what,
                             const std::string& expected = {});

 private:
  Failure failure_;
  std::size_t more_ = 0;
};

}  // namespace isocost::io
