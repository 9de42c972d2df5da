// The world as networks see it: encoded once, whatever is killed and however many ask for it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <optional>
#include <thread>

#include "base/io/atomic_file.h"
#include "tests/base/io/temporary_folder.h"
#include "tests/support/process.h"
#include "tests/worker/diffusion/training/small_family.h"
#include "worker/diffusion/training/encoded_world.h"

namespace isocost::diffusion {
namespace {

using Encoding = FamilyTest;

// Killed on the way, an encoding goes on from what it has kept; nothing depends on how much that
// was.
TEST_F(Encoding, GoesOnFromWhatWasKept) {
  const TrainingPlaces whole{places().family, *folder_ / "whole"},
      parts{places().family, *folder_ / "parts"};
  WorldChoice choice{.split = world::Split::kTest, .count = 150, .task = "instruct"};
  const auto at_once = encode_world(whole, choice);
  ASSERT_TRUE(at_once) << at_once.error().message();
  choice.kept_every = 64;
  ASSERT_TRUE(encode_world(parts, choice));
  const auto only_file = [](const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      files.push_back(entry.path());
    EXPECT_EQ(files.size(), 1U) << "parts and locks go when the whole is there";
    return files.front();
  };
  EXPECT_TRUE(io::read_file(only_file(whole.cache)).value() ==
              io::read_file(only_file(parts.cache)).value());

  // As a kill leaves it, with a first part that nobody could mistake for the one that is made.
  const auto file = only_file(parts.cache);
  choice.count = 64;
  choice.split = world::Split::kValidation;
  ASSERT_TRUE(encode_world({places().family, *folder_ / "other"}, choice));
  std::filesystem::rename(only_file(*folder_ / "other"), file.string() + ".from-0");
  std::filesystem::remove(file);
  choice.count = 150;
  choice.split = world::Split::kTest;
  const auto gone_on = encode_world(parts, choice);

  ASSERT_TRUE(gone_on) << gone_on.error().message();
  EXPECT_FALSE(at::equal(gone_on->latents.slice(0, 0, 64), at_once->latents.slice(0, 0, 64)));
  EXPECT_TRUE(at::equal(gone_on->latents.slice(0, 64), at_once->latents.slice(0, 64)));
  EXPECT_TRUE(at::equal(gone_on->channels.slice(0, 64), at_once->channels.slice(0, 64)));
  EXPECT_TRUE(at::equal(gone_on->text.slice(0, 64), at_once->text.slice(0, 64)));
}

// Two of them would write the same parts, and each pay for all of it.
TEST_F(Encoding, ASecondProcessWaitsForTheFirst) {
  const TrainingPlaces waiting{places().family, *folder_ / "waiting"},
      first{places().family, *folder_ / "first"};
  WorldChoice choice{.split = world::Split::kTest, .count = 64, .task = {}};
  ASSERT_TRUE(encode_world(first, choice));
  const auto name = std::filesystem::directory_iterator(first.cache)->path().filename();
  choice.split = world::Split::kValidation;
  const TrainingPlaces other{places().family, *folder_ / "other-world"};
  const auto foreign = encode_world(other, choice);
  ASSERT_TRUE(foreign);
  std::filesystem::create_directories(waiting.cache);
  const auto lock = waiting.cache / (name.string() + ".lock");
  const int held = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  ASSERT_EQ(::flock(held, LOCK_EX), 0);

  choice.split = world::Split::kTest;
  std::optional<Result<EncodedWorld>> got;
  std::thread second([&] { got = encode_world(waiting, choice); });
  struct stat node{};
  ::fstat(held, &node);
  isocost::testing::wait_until(
      [&] {
        std::ifstream locks("/proc/locks");
        for (std::string line; std::getline(locks, line);)
          if (line.find("->") != std::string::npos &&
              line.find(":" + std::to_string(node.st_ino) + " ") != std::string::npos)
            return true;
        return false;
      },
      std::chrono::minutes(1), "a second process at the lock");
  // What the first one leaves, told from what the second would have made.
  std::filesystem::copy_file(std::filesystem::directory_iterator(other.cache)->path(),
                             waiting.cache / name);
  ::close(held);
  second.join();

  ASSERT_TRUE(got && *got);
  EXPECT_TRUE(at::equal((*got)->latents, foreign->latents));
}

}  // namespace
}  // namespace isocost::diffusion
