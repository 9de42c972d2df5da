#include "base/io/torch_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/base/io/temporary_folder.h"

namespace isocost::io {
namespace {

using isocost::testing::TemporaryFolder;
using ::testing::HasSubstr;

void append(std::string& bytes, std::uint64_t value, int count) {
  for (int i = 0; i < count; ++i, value >>= 8U) bytes += static_cast<char>(value);
}

// A zip file of empty members.
std::string zip_of(const std::vector<std::string>& names) {
  std::string bytes, directory;
  for (const std::string& name : names) {
    const std::size_t local = bytes.size();
    append(bytes, 0x04034b50, 4);
    append(bytes, 0, 22);
    append(bytes, name.size(), 2);
    append(bytes, 0, 2);
    bytes += name;
    append(directory, 0x02014b50, 4);
    append(directory, 0, 24);
    append(directory, name.size(), 2);
    append(directory, 0, 12);
    append(directory, local, 4);
    directory += name;
  }
  std::string end;
  append(end, 0x06054b50, 4);
  append(end, 0, 6);
  append(end, names.size(), 2);
  append(end, directory.size(), 4);
  append(end, bytes.size(), 4);
  append(end, 0, 2);
  return bytes + directory + end;
}

TEST(TorchArchive, TellsTorchScriptFromWhatLooksLikeIt) {
  const TemporaryFolder folder;
  const auto fault = [&](const std::string& bytes) {
    const auto checked = check_torchscript(folder.write("module.pt", bytes));
    return checked ? "no fault" : checked.error().message();
  };
  const auto script = zip_of({"m/data.pkl", "m/code/__torch__.py", "m/constants.pkl", "m/version"});

  EXPECT_EQ(fault(script), "no fault");
  EXPECT_EQ(fault(zip_of({"m/constants.pkl", "m/version"})), "no fault");
  EXPECT_THAT(fault(zip_of({"m/data.pkl", "m/byteorder", "m/data/0", "m/version"})),
              HasSubstr("module.pt: this is a state_dict or another pickle of torch.save, and not "
                        "TorchScript; expected a file of torch.jit.save"));
  EXPECT_THAT(fault("\x80\x02}q." + std::string(100, 'x')),
              HasSubstr("this is a pickle, as of torch.save, and not TorchScript"));
  EXPECT_THAT(fault(script.substr(0, script.size() - 30)), HasSubstr("cut short"));
  EXPECT_THAT(fault("version https://git-lfs.github.com/spec/v1\n"), HasSubstr("git lfs pull"));
  EXPECT_THAT(fault("def forward"), HasSubstr("this is no TorchScript archive"));
  EXPECT_THAT(check_torchscript(folder / "gone.pt").error().message(),
              HasSubstr("gone.pt: the file is missing"));
}

}  // namespace
}  // namespace isocost::io
