// The report of a study, written and announced: what `run` ends with. Thread: any.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace isocost::cli {

// Prints the answer and where the files lie. Returns the exit code.
[[nodiscard]] int write_report_files(const std::filesystem::path& database,
                                     const std::filesystem::path& artifacts,
                                     const std::vector<std::string>& experiments,
                                     const std::filesystem::path& out);

}  // namespace isocost::cli
