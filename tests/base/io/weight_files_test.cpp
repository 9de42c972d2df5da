#include "base/io/weight_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/io/atomic_file.h"
#include "base/io/safetensors.h"
#include "base/json.h"
#include "tests/base/io/temporary_folder.h"

namespace isocost::io {
namespace {

using isocost::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Json choices() {
  const auto file = std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/weight_choices.json";
  return parse_json(read_file(file).value(), file.string()).value();
}

std::string replaced(std::string text, const std::string& word, const std::string& by) {
  if (const auto at = text.find(word); at != std::string::npos) text.replace(at, word.size(), by);
  return text;
}

// The names that a label of the golden file stands for: the file, or the index and its two parts.
std::vector<std::string> names_of(const Json& form, const Json& bases) {
  const auto named = [&](std::string name) {
    name = replaced(std::move(name), "BASE", bases[0].get<std::string>());
    return replaced(std::move(name), "PICKLE", bases[1].get<std::string>());
  };
  if (form.is_string()) return {named(form.get<std::string>())};
  const std::string part = named(form[1].get<std::string>());
  return {named(form[0].get<std::string>()), replaced(part, "%05d", "00001"),
          replaced(part, "%05d", "00002")};
}

void write(const TemporaryFolder& folder, const std::vector<std::string>& names) {
  if (names.size() == 1) {
    folder.write(names[0], "weights");
    return;
  }
  folder.write(names[0], Json{{"weight_map", {{"a", names[1]}, {"b", names[2]}}}}.dump());
  folder.write(names[1], "part");
  folder.write(names[2], "part");
}

// The label of what was found.
std::string label_of(const WeightFiles& found, const Json& head, const Json& one) {
  const Json& bases = head.at("bases").at(one.at("library").get<std::string>());
  const auto first = (found.index ? *found.index : found.files.front()).filename().string();
  for (const Json& label : one.at("there"))
    if (names_of(head.at("files").at(label.get<std::string>()), bases).front() == first)
      return label.get<std::string>();
  return "none of these";
}

// Goal: the same weights as upstream, whatever lies beside them. Method: make_weight_choices.py
// filled each file with a constant of its own and asked both libraries. Pickles are refused, and a
// lone variant of another precision is taken where upstream fails.
TEST(WeightFiles, AreThoseThatTheLibrariesLoad) {
  const Json head = choices();
  std::size_t loaded = 0, lone = 0;
  for (const Json& one : head.at("cases")) {
    SCOPED_TRACE(one.dump());
    const Json& bases = head.at("bases").at(one.at("library").get<std::string>());
    const TemporaryFolder folder;
    for (const Json& label : one.at("there"))
      write(folder, names_of(head.at("files").at(label.get<std::string>()), bases));
    const std::string variant = one.at("variant").is_null() ? "" : one.at("variant");

    const auto found = find_weight_files(folder.path(), bases[0], variant);

    const auto expected = one.at("loaded").get<std::string>();
    EXPECT_EQ(!variant.empty() && asks_for_variant(folder.path(), variant), one.at("asks"));
    if (expected.ends_with("bin")) {
      ASSERT_FALSE(found);
      EXPECT_THAT(found.error().message(), HasSubstr("pickle"));
    } else if (!expected.empty()) {
      ASSERT_TRUE(found) << found.error().message();
      EXPECT_EQ(label_of(*found, head, one), expected);
      ++loaded;
    } else if (found) {
      EXPECT_TRUE(variant.empty());
      EXPECT_EQ(found->variant, "fp16");
      EXPECT_THAT(weight_variants(folder.path(), bases[0]), ElementsAre("fp16"));
      ++lone;
    }
  }
  EXPECT_GT(loaded, 60U);
  EXPECT_GT(lone, 5U);
}

TEST(WeightFiles, SaysWhatCouldBeNamed) {
  const TemporaryFolder folder;
  folder.write("two/model.fp16.safetensors", "w");
  folder.write("two/model.non_ema.safetensors", "w");
  folder.write("other/model.non_ema.safetensors", "w");
  folder.write("parts/model-00001-of-00002.safetensors", "w");

  EXPECT_THAT(
      find_weight_files(folder / "two", kTransformersBase).error().message(),
      AllOf(HasSubstr("two/model.safetensors: the weight file is missing"),
            HasSubstr("named as the variant of the model, what there is of: fp16, non_ema")));
  EXPECT_THAT(find_weight_files(folder / "other", kTransformersBase).error().message(),
              HasSubstr("what there is of: non_ema"));
  EXPECT_THAT(find_weight_files(folder / "two", kTransformersBase, "ema").error().message(),
              HasSubstr("two/model.ema.safetensors: the weight file is missing"));
  EXPECT_THAT(find_weight_files(folder / "parts", kTransformersBase).error().message(),
              HasSubstr("this is a part of weights without their index; expected "
                        "model.safetensors.index.json"));
}

TEST(WeightFiles, AreNotReplacedByOthersWhereTheirLinkIsBroken) {
  const TemporaryFolder folder;
  folder.write("unet/diffusion_pytorch_model.safetensors", "w");
  std::filesystem::create_symlink("gone",
                                  folder / "unet/diffusion_pytorch_model.safetensors.index.json");
  folder.write("text/model.safetensors.index.json", R"({"weight_map": {"a": "p.safetensors"}})");
  folder.write("text/p.safetensors", "w");
  std::filesystem::create_symlink("gone", folder / "text/model.safetensors");

  for (const char* part : {"unet", "text"})
    EXPECT_THAT(
        find_weight_files(folder / part, part[0] == 'u' ? kDiffusersBase : kTransformersBase)
            .error()
            .message(),
        HasSubstr("this is a link to gone, which is missing"));
}

TEST(WeightFiles, RefusesAnIndexThatLiesOrLeavesTheFolder) {
  const TemporaryFolder folder;
  const auto fault = [&](const std::string& text) {
    folder.write("model.safetensors.index.json", text);
    return find_weight_files(folder.path(), kTransformersBase).error().message();
  };
  EXPECT_THAT(fault(R"({"weight_map": {"a": "../x.safetensors"}})"),
              HasSubstr("weight_map.a: this is no name of a file in the same folder"));
  EXPECT_THAT(fault(R"({"weight_map": {"a": "x.safetensors"}})"),
              HasSubstr("x.safetensors: the file is missing; expected this part of the weights, as "
                        "model.safetensors.index.json says"));
  EXPECT_THAT(fault("{}"), HasSubstr("'weight_map' is missing"));
  EXPECT_THAT(fault(R"({"weight_map": {}})"), HasSubstr("'weight_map' is missing"));
  EXPECT_THAT(fault("version https://git-lfs.github.com/spec/v1\n"), HasSubstr("git lfs pull"));
}

TEST(TensorInfos, AreReadFromHeadersAlone) {
  const TemporaryFolder folder;
  const std::string data(8, 'x');
  const auto bytes =
      safetensors_bytes({{"a", {Dtype::kF16, {2, 2}, std::as_bytes(std::span(data))}}});
  folder.write("model.safetensors", bytes);

  const auto infos = read_tensor_infos(find_weight_files(folder.path(), kTransformersBase).value());

  ASSERT_TRUE(infos) << infos.error().message();
  EXPECT_EQ(infos->at("a").dtype, Dtype::kF16);
  EXPECT_EQ(infos->at("a").shape, (std::vector<std::int64_t>{2, 2}));
  folder.write("cut/model.safetensors", bytes.substr(0, bytes.size() - 1));
  EXPECT_FALSE(read_tensor_infos(folder / "cut/model.safetensors"));
}

TEST(TensorInfos, SayWhatAFileIsThatIsNone) {
  const TemporaryFolder folder;
  const auto fault = [&](const std::string& text) {
    folder.write("model.safetensors", text);
    return read_tensor_infos(folder / "model.safetensors").error().message();
  };
  EXPECT_THAT(fault("version https://git-lfs.github.com/spec/v1\noid sha256:77\nsize 3438167534\n"),
              HasSubstr("this is a Git LFS pointer, which stands for a file that is not here; "
                        "expected the file itself: git lfs pull"));
  EXPECT_THAT(fault("<!DOCTYPE html><html>404</html>\n"), HasSubstr("this is an HTML page"));
  EXPECT_THAT(fault(" \n<html>"), HasSubstr("this is an HTML page"));
  EXPECT_THAT(fault(""), HasSubstr("the file is empty"));
  EXPECT_THAT(fault("PK\x03\x04" + std::string(60, 'x')), HasSubstr("this is a PyTorch pickle"));
  EXPECT_THAT(fault("\x80\x02}q" + std::string(60, 'x')), HasSubstr("this is a PyTorch pickle"));
}

}  // namespace
}  // namespace isocost::io
