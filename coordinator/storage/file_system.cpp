#include "coordinator/storage/file_system.h"

#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <utility>

namespace isocost::storage {
namespace {

constexpr std::array<std::pair<std::uint32_t, FileSystem>, 13> kKnown{{
    {0x6969U, {"NFS", true}},
    {0x517BU, {"SMB", true}},
    {0xFE534D42U, {"SMB", true}},
    {0xFF534D42U, {"CIFS", true}},
    {0x0BD00BD0U, {"Lustre", true}},
    {0x47504653U, {"GPFS", true}},
    {0x00C36400U, {"Ceph", true}},
    {0x19830326U, {"BeeGFS", true}},
    {0x5346414FU, {"AFS", true}},
    // sshfs and object stores, but also NTFS, encrypted folders and shares of virtual machines.
    {0x65735546U, {"FUSE", false}},
    // Shares of virtual machines, sandboxes, and Windows folders seen from Linux.
    {0x01021997U, {"9p", false}},
    {0x786F4256U, {"a VirtualBox share", false}},
    {0xBACBACBCU, {"a VMware share", false}},
}};

}  // namespace

std::optional<FileSystem> file_system_of(std::uint32_t type) {
  const auto* found = std::find_if(kKnown.begin(), kKnown.end(),
                                   [&](const auto& one) { return one.first == type; });
  if (found == kKnown.end()) return std::nullopt;
  return found->second;
}

std::optional<FileSystem> file_system_at(const std::filesystem::path& folder) {
  struct statfs info{};
  if (::statfs(folder.c_str(), &info) != 0) return std::nullopt;
  return file_system_of(static_cast<std::uint32_t>(info.f_type));
}

}  // namespace isocost::storage
