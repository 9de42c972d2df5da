#include "base/io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/io/atomic_file.h"
#include "tests/base/io/temporary_folder.h"

namespace isocost::io {
namespace {

using isocost::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string file_of(const std::string& header, std::size_t data_bytes) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>((header.size() >> (8 * i)) & 0xFF);
  return bytes + header + std::string(data_bytes, '\0');
}

std::string fault(const std::string& header, std::size_t data_bytes) {
  const auto file = SafetensorsFile::parse(file_of(header, data_bytes), "w.safetensors");
  return file ? "" : file.error().message();
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(Safetensors, ReadsThePublishedTestVector) {
  const std::string header = R"({"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}})";

  const auto file = SafetensorsFile::parse(file_of(header, 16), "w");

  ASSERT_TRUE(file) << file.error().message();
  const TensorView* view = file->find("test");
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(view->dtype, Dtype::kI32);
  EXPECT_EQ(view->shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(view->bytes.size(), 16U);
}

TEST(Safetensors, ReadsScalarsEmptyTensorsPaddingAndMetadata) {
  const std::string header = "{\"__metadata__\":{\"format\":\"pt\"}," +
                             entry("s", "F64", "[]", "[0,8]") + "," +
                             entry("z", "F32", "[3,0]", "[8,8]") + "}    ";

  const auto file = SafetensorsFile::parse(file_of(header, 8), "w");

  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->metadata().at("format"), "pt");
  EXPECT_EQ(file->find("s")->element_count(), 1);
  EXPECT_EQ(file->find("z")->element_count(), 0);
}

TEST(Safetensors, NamesNumbersThatNoHeaderHas) {
  for (const char* number : {"1e999", "-1e999", "1e3", "99999999999999999999"}) {
    const std::string text =
        fault("{" + entry("w", "F32", "[1]", "[0," + std::string(number) + "]") + "}", 4);
    EXPECT_FALSE(text.empty()) << number;
  }
}

TEST(Safetensors, WritesTheSameBytesWhateverTheOrderAndReadsThemBack) {
  const std::string half(6, 'h'), wide(16, 'w'), byte(3, 'b');
  const TensorViews tensors = {{"a.byte", {Dtype::kU8, {3}, bytes_of(byte)}},
                               {"b.half", {Dtype::kF16, {3}, bytes_of(half)}},
                               {"c.wide", {Dtype::kF64, {2, 1}, bytes_of(wide)}}};

  const std::string bytes = safetensors_bytes(tensors, {{"note", "a \"quoted\" text"}});
  const auto file = SafetensorsFile::parse(bytes, "w");

  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(bytes, safetensors_bytes(file->tensors(), file->metadata()));
  EXPECT_LT(bytes.find("c.wide"), bytes.find("b.half"));
  EXPECT_LT(bytes.find("b.half"), bytes.find("a.byte"));
  EXPECT_EQ(bytes.size() % 8, (16 + 6 + 3) % 8U);
  EXPECT_EQ(file->metadata().at("note"), "a \"quoted\" text");
  EXPECT_EQ(file->find("b.half")->bytes[0], std::byte{'h'});
}

TEST(Safetensors, NamesFileAndTensorOfEachFault) {
  const std::string header = "{" + entry("first", "F32", "[2]", "[0,4]") + "," +
                             entry("second", "F32", "[1]", "[4,80]") + "}";

  const std::string message = fault(header, 8);

  EXPECT_THAT(message,
              AllOf(HasSubstr("w.safetensors: first: its data_offsets span 4 bytes; expected 8"),
                    HasSubstr("w.safetensors: second: its data_offsets [4, 80] lie outside")));
}

TEST(Safetensors, RefusesWhatDoesNotTileTheData) {
  EXPECT_THAT(fault("{" + entry("a", "U8", "[2]", "[1,3]") + "}", 3), HasSubstr("hole"));
  EXPECT_THAT(
      fault("{" + entry("a", "U8", "[2]", "[0,2]") + "," + entry("b", "U8", "[2]", "[1,3]") + "}",
            3),
      HasSubstr("overlaps"));
  EXPECT_THAT(fault("{" + entry("a", "U8", "[2]", "[0,2]") + "}", 5),
              HasSubstr("3 bytes lie behind the last"));
  EXPECT_THAT(fault("{}", 1), HasSubstr("behind the last"));
  EXPECT_EQ(fault("{}", 0), "");
}

TEST(Safetensors, RefusesShapesThatOverflow) {
  EXPECT_THAT(fault("{" + entry("a", "F32", "[4294967296,4294967296]", "[0,0]") + "}", 0),
              HasSubstr("too large"));
  EXPECT_THAT(fault("{" + entry("a", "F32", "[18446744073709551615]", "[0,0]") + "}", 0),
              HasSubstr("too large"));
  EXPECT_THAT(fault("{" + entry("a", "F32", "[18446744073709551616]", "[0,0]") + "}", 0),
              HasSubstr("fractional"));
  EXPECT_THAT(fault("{" + entry("a", "F32", "[-1]", "[0,4]") + "}", 4), HasSubstr("negative"));
}

TEST(Safetensors, RefusesSubByteTensorsThatEndWithinAByte) {
  EXPECT_THAT(fault("{" + entry("a", "F4", "[3]", "[0,2]") + "}", 2), HasSubstr("whole bytes"));
  EXPECT_EQ(fault("{" + entry("a", "F4", "[4]", "[0,2]") + "}", 2), "");
  EXPECT_EQ(fault("{" + entry("a", "F6_E2M3", "[4]", "[0,3]") + "}", 3), "");
}

TEST(Safetensors, RefusesRepeatedUnknownMissingAndMisplacedMembers) {
  const std::string good = entry("a", "U8", "[0]", "[0,0]");
  EXPECT_THAT(fault("{" + good + "," + good + "}", 0),
              HasSubstr("w.safetensors: a: the tensor stands twice"));
  EXPECT_THAT(fault(R"({"a":{"dtype":"U8","dtype":"U8"}})", 0), HasSubstr("stands twice"));
  EXPECT_THAT(fault(R"({"a":{"dtype":"U8","shape":[0]}})", 0), HasSubstr("missing"));
  EXPECT_THAT(fault(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":[1]}})", 0),
              HasSubstr("'x' is unknown"));
  EXPECT_THAT(fault(R"({"a":{"dtype":"U9","shape":[0],"data_offsets":[0,0]}})", 0),
              HasSubstr("'U9' is unknown"));
  EXPECT_THAT(fault(R"({"a":[1]})", 0), HasSubstr("a list"));
  EXPECT_THAT(fault(R"({"a":{"dtype":"U8","shape":[[0]],"data_offsets":[0,0]}})", 0),
              HasSubstr("a list"));
  EXPECT_THAT(fault(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0,0]}})", 0),
              HasSubstr("3 numbers"));
  EXPECT_THAT(fault(R"({"__metadata__":{"a":1}})", 0), HasSubstr("texts alone"));
  EXPECT_THAT(fault(R"({"__metadata__":{"a":"1","a":"2"}})", 0), HasSubstr("twice"));
  EXPECT_THAT(fault(R"({"__metadata__":{},"__metadata__":{}})", 0), HasSubstr("twice"));
}

TEST(Safetensors, RefusesStrangeNames) {
  EXPECT_THAT(fault("{" + entry("", "U8", "[0]", "[0,0]") + "}", 0), HasSubstr("no name"));
  EXPECT_THAT(fault("{" + entry("a\\u0007", "U8", "[0]", "[0,0]") + "}", 0), HasSubstr("no name"));
  EXPECT_THAT(fault("{" + entry(std::string(2000, 'a'), "U8", "[0]", "[0,0]") + "}", 0),
              HasSubstr("no name"));
}

TEST(Safetensors, RefusesHeadersThatAreNone) {
  EXPECT_THAT(fault(" {}", 0), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(fault("[]", 0), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(fault("{", 0), HasSubstr("no JSON"));
  EXPECT_THAT(fault("{}x", 0), HasSubstr("no JSON"));
  EXPECT_THAT(fault(std::string("{}\0\0", 4), 0), HasSubstr("zero byte"));
  EXPECT_THAT(fault("{\"\xFF\":{}}", 0), HasSubstr("no JSON"));
  EXPECT_THAT(fault("{" + std::string(100'000, '['), 0), HasSubstr("no JSON"));
  EXPECT_FALSE(SafetensorsFile::parse("", "w"));
  EXPECT_THAT(SafetensorsFile::parse(std::string(8, '\xFF'), "w").error().message(),
              HasSubstr("header claims"));
}

TEST(Safetensors, RefusesMoreTensorsThanTheLimit) {
  std::string header = "{";
  for (std::size_t i = 0; i <= kSafetensorsTensorsMax; ++i) {
    header += (i > 0 ? "," : "") + entry(std::to_string(i), "U8", "[0]", "[0,0]");
  }

  EXPECT_THAT(fault(header + "}", 0), HasSubstr("too many tensors"));
}

TEST(Safetensors, RefusesEveryTruncationOfAFile) {
  const TemporaryFolder folder;
  const std::string data(16, 'x');
  const std::string bytes = safetensors_bytes({{"a", {Dtype::kF32, {4}, bytes_of(data)}}});

  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto file = folder.write("w.safetensors", bytes.substr(0, n));
    EXPECT_FALSE(SafetensorsFile::read(file)) << n;
  }
}

// A mutated file is refused or read, and never more than that; the sanitizers look on in the debug
// build.
TEST(Safetensors, NeverReadsOutsideAMutatedFile) {
  const std::string data(48, 'x');
  const std::string bytes =
      safetensors_bytes({{"alpha", {Dtype::kF32, {2, 2}, bytes_of(data).first(16)}},
                         {"beta", {Dtype::kF16, {8}, bytes_of(data).first(16)}},
                         {"gamma", {Dtype::kU8, {3}, bytes_of(data).first(3)}}},
                        {{"key", "value"}});
  std::mt19937_64 chance(20240601);
  std::uint64_t seen = 0;

  for (int round = 0; round < 20'000; ++round) {
    std::string mutated = bytes;
    for (std::uint64_t i = 0, n = 1 + chance() % 3; i < n && !mutated.empty(); ++i) {
      const std::size_t at = chance() % mutated.size();
      switch (chance() % 4) {
        case 0:
          mutated[at] = static_cast<char>(chance());
          break;
        case 1:
          mutated.erase(at, 1 + chance() % 4);
          break;
        case 2:
          mutated.insert(at, 1, "0123456789[]{},:\"\\"[chance() % 18]);
          break;
        default:
          mutated = mutated.substr(0, at + 1);
          break;
      }
    }
    const auto file = SafetensorsFile::parse(mutated, "w");
    if (!file) {
      EXPECT_FALSE(file.error().is_empty());
      continue;
    }
    for (const auto& [name, view] : file->tensors()) {
      for (const std::byte b : view.bytes) seen += std::to_integer<std::uint64_t>(b);
    }
  }
  EXPECT_GT(seen, 0U);
}

TEST(Safetensors, GetSaysWhatIsThereInstead) {
  const std::string data(8, 'x');
  const auto file =
      SafetensorsFile::parse(safetensors_bytes({{"a", {Dtype::kF32, {2}, bytes_of(data)}}}), "w");
  ASSERT_TRUE(file);

  EXPECT_TRUE(file->get("a", Dtype::kF32, {-1}));
  EXPECT_EQ(file->get("a", Dtype::kF64, {2, 3}).error().message(),
            "w: a: the tensor is F32 [2]; expected F64 [2, 3]");
  EXPECT_THAT(file->get("b", Dtype::kF64, {-1}).error().message(),
              HasSubstr("missing; expected F64 [n]"));
}

TEST(SafetensorsFolder, FindsPlainVariantAndShardedWeights) {
  const TemporaryFolder folder;
  const std::string data(8, 'x');
  const auto one = [&](const std::string& name) {
    return safetensors_bytes({{name, {Dtype::kF32, {2}, bytes_of(data)}}});
  };
  folder.write("plain/model.safetensors", one("a"));
  folder.write("variant/model.fp16.safetensors", one("a"));
  folder.write("sharded/model-00001-of-00002.safetensors", one("a"));
  folder.write("sharded/model-00002-of-00002.safetensors", one("b"));
  folder.write(
      "sharded/model.safetensors.index.json",
      R"({"metadata":{"total_size":16},"weight_map":)"
      R"({"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}})");

  EXPECT_EQ(SafetensorsFolder::read(folder / "plain", "model")->tensors().size(), 1U);
  EXPECT_EQ(SafetensorsFolder::read(folder / "variant", "model")->tensors().size(), 1U);
  EXPECT_EQ(SafetensorsFolder::read(folder / "sharded", "model")->tensors().size(), 2U);
}

TEST(SafetensorsFolder, RefusesPicklesMissingPartsAndPathsThatLeaveTheFolder) {
  const TemporaryFolder folder;
  folder.write("pickle/model.bin", "x");
  folder.write("outside/model.safetensors.index.json",
               R"({"weight_map":{"a":"../x.safetensors"}})");
  folder.write("missing/model.safetensors.index.json", R"({"weight_map":{"a":"x.safetensors"}})");

  EXPECT_THAT(SafetensorsFolder::read(folder / "pickle", "model").error().message(),
              HasSubstr("pickle"));
  EXPECT_THAT(SafetensorsFolder::read(folder / "outside", "model").error().message(),
              HasSubstr("no name of a file"));
  EXPECT_THAT(SafetensorsFolder::read(folder / "missing", "model").error().message(),
              HasSubstr("x.safetensors"));
  EXPECT_THAT(SafetensorsFolder::read(folder / "nothing", "model").error().message(),
              HasSubstr("the folder is missing"));
}

}  // namespace
}  // namespace isocost::io
