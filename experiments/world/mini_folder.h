// Where the mini family lies, for both programs. Thread: any.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace isocost::experiments {

// The members of the family are called so: "mini/w16", "mini/clip".
inline constexpr std::string_view kMiniPrefix = "mini/";

// $ISOCOST_MINI, or experiments/mini found from the program's own place upwards.
[[nodiscard]] std::filesystem::path mini_folder();
// Where a name lies: a member of the family in its folder, any other where `base` says.
[[nodiscard]] std::filesystem::path named_place(const std::string& name,
                                                const std::filesystem::path& base = {});

}  // namespace isocost::experiments
