// What is written from the tables is what they say: `script/tables` rewrites it (UPDATE_GOLDEN=1).
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/io/atomic_file.h"
#include "experiments/grid/describe.h"

namespace isocost::experiments {
namespace {

constexpr std::size_t kBytesMax = 1 << 20;
constexpr const char* kSchema = "schema/grid.schema.json";

std::filesystem::path in_repository(const std::string& name) {
  return std::filesystem::path(ISOCOST_SOURCE_DIR) / name;
}

void expect_file(const std::string& name, const std::string& wanted) {
  if (std::getenv("UPDATE_GOLDEN") != nullptr)
    io::write_file_atomically(in_repository(name), wanted);
  EXPECT_EQ(io::read_file(in_repository(name), kBytesMax).value_or("missing"), wanted)
      << "run script/tables";
}

TEST(Tables, AreInTheSchemaOfGrids) {
  const auto text = io::read_file(in_repository(kSchema), kBytesMax);
  ASSERT_TRUE(text);
  const auto wanted = with_definitions(*text, kSchema);
  ASSERT_TRUE(wanted) << wanted.error().message();

  expect_file(kSchema, *wanted);
  EXPECT_TRUE(parse_json(*wanted, kSchema));
}

TEST(Tables, AskForAPlaceInTheSchema) {
  const auto wanted =
      with_definitions("{\n  \"$defs\": {\n    \"sampler\": {}\n  }\n}\n", "schema");

  ASSERT_FALSE(wanted);
  EXPECT_NE(wanted.error().message().find("no place for the definition of 'baselines'"),
            std::string::npos);
}

TEST(Tables, AreInTheDocs) {
  for (const char* page : {"docs/grid.md", "docs/metrics.md"}) {
    const auto text = io::read_file(in_repository(page), kBytesMax);
    ASSERT_TRUE(text) << page;
    const auto wanted = with_tables(*text, page);
    ASSERT_TRUE(wanted) << wanted.error().message();

    expect_file(page, *wanted);
  }
}

TEST(Tables, AreAskedForByNamesThatTheyHave) {
  EXPECT_FALSE(with_tables("<!-- table: none -->\n<!-- end -->", "page"));
  EXPECT_FALSE(with_tables("<!-- table: samplers -->\n", "page"));
}

}  // namespace
}  // namespace isocost::experiments
