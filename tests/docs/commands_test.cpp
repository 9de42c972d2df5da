// docs/commands.md has every row of the tables that it shows.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/io/atomic_file.h"
#include "coordinator/log/event.h"
#include "schema/devices/devices.h"

namespace isocost {
namespace {

using ::testing::HasSubstr;

std::string page_text(const std::string& name) {
  const auto text = io::read_file(std::filesystem::path(ISOCOST_SOURCE_DIR) / "docs" / name,
                                  std::size_t{1} << 20);
  EXPECT_TRUE(text) << name;
  return text.value_or("");
}

TEST(CommandsPage, ShowsTheDevicesOfTheTable) {
  const std::string page = page_text("commands.md");

  for (const devices::Device& device : devices::all())
    EXPECT_THAT(page,
                HasSubstr(fmt::format("| {} | {} | {} | {} | ", device.name, device.float32_tflops,
                                      device.half_tflops, device.memory_gb)));
  for (const double share : {devices::kShareOfFloat32, devices::kShareOfHalf})
    EXPECT_THAT(page, HasSubstr(fmt::format("{:.0f} % in ", 100 * share)));
  EXPECT_THAT(page, HasSubstr(fmt::format("{:.0f} ms at least", 1000 * devices::kCallSecondsMin)));
  EXPECT_THAT(page, HasSubstr(fmt::format("at {} GFLOP/s", devices::kCoreGflopsPerSecond)));
}

TEST(CommandsPage, ExplainsEveryKindOfEvent) {
  const std::string page = page_text("commands.md"), protocol = page_text("protocol.md");

  for (const log::EventKind kind : log::kEventKinds)
    EXPECT_THAT(page, HasSubstr(fmt::format("`{}`", log::event_name(kind))));
  for (const log::Incident kind : log::kIncidents)
    EXPECT_THAT(protocol, HasSubstr(fmt::format("`{}`", log::incident_name(kind))));
}

}  // namespace
}  // namespace isocost
