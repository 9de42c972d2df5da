#include "base/transport/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <thread>

#include "base/transport/key_pool.h"
#include "tests/support/process.h"

namespace isocost {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::ScratchFolder;

TEST(Keys, AreReadableByTheirOwnerAlone) {
  ScratchFolder folder;
  const auto written = transport::write_keys(folder.path(), "node-1");
  ASSERT_TRUE(written) << written.error().message();

  const auto mode = std::filesystem::status(folder / "node-1.secret").permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(transport::read_secret(folder / "node-1.secret")->public_key, *written);
  EXPECT_EQ(*transport::read_public_key(folder / "node-1.key"), *written);
  EXPECT_FALSE(transport::write_keys(folder.path(), "node-1"));
  EXPECT_FALSE(transport::write_keys(folder.path(), "../node-2"));
  std::filesystem::permissions(folder / "node-1.secret", std::filesystem::perms::group_read,
                               std::filesystem::perm_options::add);
  EXPECT_FALSE(transport::read_secret(folder / "node-1.secret"));
}

// One bad file costs the others nothing.
TEST(Keys, SkipTheFaultsOfAnAllowListAndNameThem) {
  ScratchFolder folder;
  const auto key = transport::write_keys(folder.path(), "a");
  ASSERT_TRUE(key);
  std::filesystem::copy(folder / "a.key", folder / "b.key");
  testing::write_text(folder / "c.key", "public tooshort\n");
  testing::write_text(folder / "d.key", "");
  testing::write_text(folder / "._e.key", "a desktop's notes");
  std::filesystem::create_symlink("nowhere", folder / "f.key");

  const auto list = transport::read_allow_list(folder.path());

  ASSERT_TRUE(list) << list.error().message();
  EXPECT_EQ(list->names, (std::map<std::string, std::string>{{*key, "a"}}));
  ASSERT_EQ(list->faults.errors.size(), 4u) << list->faults.message();
  EXPECT_NE(list->faults.message().find("it holds the key of a"), std::string::npos);
  EXPECT_FALSE(transport::read_allow_list(folder / "nothing"));
}

TEST(KeyPool, GivesEachNumberTheKeyThatItsListAllows) {
  ScratchFolder folder;
  ASSERT_TRUE(transport::write_pool(folder.path(), "array", 3));
  const auto list = transport::read_allow_list(folder.path());
  ASSERT_TRUE(list) << list.error().message();
  EXPECT_TRUE(list->faults.is_empty()) << list->faults.message();
  EXPECT_EQ(list->names.size(), 3u);

  for (int number = 1; number <= 3; ++number) {
    const auto key = transport::read_pool_key(folder / "array.secret", number);
    ASSERT_TRUE(key) << key.error().message();
    ASSERT_TRUE(list->names.contains(key->public_key));
    EXPECT_EQ(list->names.at(key->public_key), "array-" + std::to_string(number));
    EXPECT_EQ(transport::read_pool_key(folder / "array.secret", number)->secret_key,
              key->secret_key);
  }
  const auto mode = std::filesystem::status(folder / "array.secret").permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(KeyPool, SaysWhatIsWrong) {
  ScratchFolder folder;
  ASSERT_TRUE(transport::write_pool(folder.path(), "array", 3));
  ASSERT_TRUE(transport::write_keys(folder.path(), "node"));
  const auto text_of = [](const auto& result) {
    return result ? "no fault" : result.error().message();
  };

  EXPECT_THAT(text_of(transport::read_pool_key(folder / "array.secret", 4)),
              HasSubstr("the pool has no key 4; expected a number from 1 to 3"));
  EXPECT_THAT(text_of(transport::read_pool_key(folder / "node.secret", 1)),
              HasSubstr("expected no --key-number"));
  EXPECT_THAT(text_of(transport::read_secret(folder / "array.secret")),
              HasSubstr("expected --key-number"));
  EXPECT_THAT(text_of(transport::write_pool(folder.path(), "array", 3)),
              HasSubstr("the file is there already"));
  EXPECT_THAT(text_of(transport::write_pool(folder.path(), "../a", 0)),
              AllOf(HasSubstr("this is no name for keys"), HasSubstr("a pool of 0 keys")));
}

// A line that is no key costs the others nothing, and no two workers have one name.
TEST(KeyPool, SkipsTheFaultsOfItsListAndNamesThem) {
  ScratchFolder folder;
  ASSERT_TRUE(transport::write_pool(folder.path(), "array", 2));
  ASSERT_TRUE(transport::write_keys(folder.path(), "array-1"));
  testing::write_text(folder / "array.keys", testing::read_text(folder / "array.keys") +
                                                 "# a note\n3 tooshort\n2 " + std::string(40, '0') +
                                                 "\n");
  testing::write_text(folder / "empty.keys", "\n");

  const auto list = transport::read_allow_list(folder.path());

  ASSERT_TRUE(list) << list.error().message();
  EXPECT_EQ(list->names.size(), 2u);
  EXPECT_EQ(list->faults.errors.size(), 4u) << list->faults.message();
  EXPECT_THAT(list->faults.message(),
              AllOf(HasSubstr("array.keys:4: there is no key in this line"),
                    HasSubstr("array.keys:5: another line has the number 2"),
                    HasSubstr("a worker of the name array-1 is in array-1.key"),
                    HasSubstr("empty.keys: there is no key in it")));
}

// Who reads the folder meanwhile sees whole files alone, and no other file is replaced.
TEST(Keys, AppearWhole) {
  ScratchFolder folder;
  std::size_t faults = 0;
  const std::jthread reader([&](const std::stop_token& is_over) {
    while (!is_over.stop_requested()) {
      const auto list = transport::read_allow_list(folder.path());
      if (list) faults += list->faults.errors.size();
    }
  });

  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(transport::write_keys(folder.path(), "w" + std::to_string(i)));

  EXPECT_EQ(faults, 0u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 400);
}

}  // namespace
}  // namespace isocost
