#include "base/io/torch_archive.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/io/genuine_file.h"
#include "base/io/npz.h"

namespace isocost::io {
namespace {

constexpr std::size_t kArchiveBytesMax = std::size_t{1} << 32;
constexpr const char* kExpected = "a file of torch.jit.save, as torch.jit.script(module).save(...)";
// What pickles begin with: those of torch.save before it wrote zip files, and bare ones.
constexpr std::array<std::string_view, 4> kPickles = {"\x80\x02", "\x80\x03", "\x80\x04",
                                                      "\x80\x05"};

// TorchScript brings its code along.
bool is_code(const std::string& member) {
  const auto slash = member.find('/');
  const std::string_view rest =
      std::string_view(member).substr(slash == std::string::npos ? 0 : slash + 1);
  return rest.starts_with("code/") || rest == "constants.pkl";
}

}  // namespace

Result<void> check_torchscript(const std::filesystem::path& file) {
  const auto bytes = read_genuine_file(file, kArchiveBytesMax);
  if (!bytes) return fail(bytes.error());
  const std::string where = file.string();
  const bool is_pickle = std::any_of(kPickles.begin(), kPickles.end(),
                                     [&](auto begin) { return bytes->starts_with(begin); });
  if (is_pickle)
    return fail(where, "this is a pickle, as of torch.save, and not TorchScript", kExpected);
  if (!bytes->starts_with("PK")) return fail(where, "this is no TorchScript archive", kExpected);
  const auto members = zip_names(*bytes, where);
  if (!members) return fail(members.error());
  if (std::any_of(members->begin(), members->end(), is_code)) return {};
  return fail(where, "this is a state_dict or another pickle of torch.save, and not TorchScript",
              kExpected);
}

}  // namespace isocost::io
