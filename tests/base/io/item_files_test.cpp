#include "base/io/item_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/io/atomic_file.h"
#include "base/io/inputs.h"
#include "base/io/picture.h"
#include "tests/base/io/temporary_folder.h"

namespace isocost::io {
namespace {

using isocost::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string item_picture(std::uint8_t shade) {
  return png_bytes({4, 4, std::vector<std::uint8_t>(3 * 4 * 4, shade)});
}

// Two items with masks, in another order than that of their names.
void write_edits(const TemporaryFolder& folder, const std::string& name) {
  folder.write(name + "/b.png", item_picture(1));
  folder.write(name + "/a.png", item_picture(2));
  folder.write(name + "/masks/b.png", item_picture(3));
  folder.write(name + "/masks/a.png", item_picture(4));
  folder.write(name + "/metadata.jsonl",
               "{\"file_name\": \"b.png\", \"text\": \"a boat\", \"mask_file_name\": "
               "\"masks/b.png\"}\r\n\r\n"
               "{\"file_name\": \"a.png\", \"text\": \"an apple\", \"mask_file_name\": "
               "\"masks/a.png\", \"edited\": true}\n");
}

std::string fault_of(const TemporaryFolder& folder, const std::string& lines,
                     const std::string& member = kFileNameMember) {
  folder.write("set/metadata.jsonl", lines);
  const auto table = read_item_table(folder / "set");
  if (!table) return table.error().message();
  const auto column = read_column(*table, member);
  return column ? "no fault" : column.error().message();
}

TEST(ItemFiles, AreReadAsAnImagefolderHasThem) {
  const TemporaryFolder folder;
  write_edits(folder, "edits");
  folder.write("edits/left-over.png", item_picture(9));
  folder.write("edits/._b.png", "Mac OS X");

  const auto table = read_item_table(folder / "edits");

  ASSERT_TRUE(table) << table.error().message();
  EXPECT_THAT(column_members(*table), ElementsAre("file_name", "mask_file_name", "text"));
  EXPECT_THAT(texts_of(*table, "text").value(), ElementsAre("a boat", "an apple"));
  EXPECT_EQ(count_unnamed(*table), 1U);
  EXPECT_EQ(table->where(1), (folder / "edits/metadata.jsonl").string() + ":3");
  const auto masks = read_column(*table, "mask_file_name");
  ASSERT_TRUE(masks) << masks.error().message();
  EXPECT_THAT(masks->files,
              ElementsAre(folder / "edits/masks/b.png", folder / "edits/masks/a.png"));
  EXPECT_EQ(masks->digests[0], sha256(item_picture(3)));
  EXPECT_EQ(files_of(*table, "mask_file_name").value(), masks->files);
}

TEST(ItemFiles, AreNamedOrTellWhatIsMissing) {
  const TemporaryFolder folder;
  folder.write("edits/a.png", item_picture(1));
  folder.write("edits/metadata.jsonl", "{\"file_name\": \"a.png\"}\n");
  const auto table = read_item_table(folder / "edits");
  ASSERT_TRUE(table) << table.error().message();
  EXPECT_THAT(files_of(*table, "file_name").value(), ElementsAre(folder / "edits/a.png"));
  EXPECT_THAT(files_of(*table, "mask_file_name").error().message(),
              HasSubstr("metadata.jsonl:1: this line has no 'mask_file_name'"));
}

// A key says what is in pictures, and not what they are called nor what else a line says.
TEST(ItemFiles, HaveADigestOfTheirContentsInTheOrderOfTheItems) {
  const TemporaryFolder folder;
  write_edits(folder, "edits");
  folder.write("same/1.png", item_picture(1));
  folder.write("same/2.png", item_picture(2));
  folder.write("other/1.png", item_picture(2));
  folder.write("other/2.png", item_picture(1));
  const auto digest = [&](const char* name) {
    return read_column(read_item_table(folder / name).value(), kFileNameMember)->digest;
  };

  EXPECT_EQ(digest("edits"), digest("same"));
  EXPECT_NE(digest("same"), digest("other"));
}

TEST(ItemFiles, AreFoundByAWorkerColumnByColumn) {
  const TemporaryFolder folder;
  write_edits(folder, "data/edits");
  folder.write("data/plain/1.png", item_picture(5));
  const auto table = read_item_table(folder / "data/edits").value();

  const Inventory found = scan_inputs({folder / "data"});

  const auto place = [&](const std::string& member) {
    return found.inputs.at(read_column(table, member)->digest.name());
  };
  EXPECT_EQ(place("file_name"), (Place{folder / "data/edits", "", "file_name"}));
  EXPECT_EQ(place("mask_file_name"), (Place{folder / "data/edits", "", "mask_file_name"}));
  EXPECT_EQ(place("text"), (Place{folder / "data/edits", "", "text"}));
  EXPECT_EQ(read_column(table, "text")->digest, canonical_digest({"a boat", "an apple"}));
  const auto plain = read_item_table(folder / "data/plain").value();
  EXPECT_TRUE(found.inputs.contains(read_column(plain, kFileNameMember)->digest.name()));
  EXPECT_TRUE(found.inputs.contains(input_digest(folder / "data/plain")->name()));
}

TEST(ItemFiles, TellEveryLineAndFileAtFault) {
  const TemporaryFolder folder;
  folder.write("set/a.png", item_picture(1));
  folder.write("set/._a.png", "Mac OS X");

  EXPECT_THAT(
      fault_of(folder,
               "[1]\n{\"text\": \"a\"}\n{\"file_name\": 3}\nnot json\n"
               "{\"file_name\": \"a.png\"}\n{\"file_name\": \"a.png\"}\n"),
      AllOf(HasSubstr("metadata.jsonl:1: this line is array"),
            HasSubstr("metadata.jsonl:2: this line has no 'file_name'"),
            HasSubstr("metadata.jsonl:3: 'file_name' is number"), HasSubstr("metadata.jsonl:4:"),
            HasSubstr("metadata.jsonl:6: the file_name 'a.png' stands in line 5 already")));
  EXPECT_THAT(
      fault_of(folder,
               "{\"file_name\": \"gone.png\"}\n{\"file_name\": \"../a.png\"}\n"
               "{\"file_name\": \"/etc/a.png\"}\n{\"file_name\": \"._a.png\"}\n"
               "{\"file_name\": \"a.gif\"}\n{\"file_name\": \"a.png\"}\n"),
      AllOf(
          HasSubstr("metadata.jsonl:1: the file_name 'gone.png' is missing"),
          HasSubstr("metadata.jsonl:2: the file_name is '../a.png': it does not lie in the folder"),
          HasSubstr("metadata.jsonl:3: the file_name is '/etc/a.png': it does not lie"),
          HasSubstr("metadata.jsonl:4: the file_name is '._a.png': hidden files are no pictures"),
          HasSubstr("metadata.jsonl:5: the file_name is 'a.gif': it is no picture by its name")));
  EXPECT_THAT(fault_of(folder, "{\"file_name\": \"a.png\"}\n", "mask_file_name"),
              HasSubstr("metadata.jsonl:1: this line has no 'mask_file_name'; expected a text"));
  EXPECT_THAT(fault_of(folder, "\n"), HasSubstr("there is no item"));
}

TEST(ItemFiles, TellHowManyMoreAreAtFault) {
  const TemporaryFolder folder;
  std::string lines;
  for (int i = 0; i < 30; ++i) lines += "{\"file_name\": \"" + std::to_string(i) + ".png\"}\n";

  EXPECT_THAT(fault_of(folder, lines),
              AllOf(HasSubstr("'19.png' is missing"),
                    HasSubstr("10 more pictures of file_name have faults")));
}

// Such a folder may still be a data set of pictures, which a reference compares with.
TEST(ItemFiles, AreNotTakenFromOtherForms) {
  for (const std::string form : {"metadata.csv", "metadata.parquet"}) {
    const TemporaryFolder folder;
    folder.write("set/a.png", item_picture(1));
    folder.write("set/" + form, "file_name,text\na.png,an apple\n");

    const auto table = read_item_table(folder / "set");
    const Inventory found = scan_inputs({folder.path()});

    ASSERT_FALSE(table);
    EXPECT_THAT(table.error().message(), HasSubstr(form + ": this form of metadata is not read; "
                                                          "expected metadata.jsonl"));
    EXPECT_EQ(found.inputs.at(input_digest(folder / "set")->name()),
              (Place{folder / "set", "", ""}));
    EXPECT_EQ(found.inputs.size(), 1U);
    EXPECT_THAT(found.skipped, IsEmpty());
  }
}

// What is left keeps its line, for messages.
TEST(ItemFiles, LeaveWhatIsAtFaultOutOfALook) {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b", "c", "d"})
    folder.write(std::string("set/") + name + ".png", item_picture(1));
  folder.write("set/metadata.jsonl",
               "{\"file_name\": \"gone.png\", \"text\": 1}\n{\"file_name\": \"b.png\", \"text\": "
               "\"b\"}\n{\"file_name\": \"c.png\"}\n{\"file_name\": \"d.png\", \"text\": \"d\"}\n");

  const auto [table, faults] = look_at_items(folder / "set", {kFileNameMember}, {"text"});

  EXPECT_EQ(faults.errors.size(), 3U);
  EXPECT_THAT(texts_of(table, "text").value(), ElementsAre("b", "d"));
  EXPECT_THAT(table.lines, ElementsAre(2, 4));
}

}  // namespace
}  // namespace isocost::io
