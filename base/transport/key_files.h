// How files of keys are written and read. For the sources of base/transport alone. Throws
// std::system_error on I/O faults. Thread: any.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isocost::transport {

// A key of CURVE as Z85 writes it: 32 bytes.
inline constexpr std::size_t kKeyCharacters = 40;
[[nodiscard]] bool is_key(const std::string& text);

// What follows "WORD " in the first line that begins so, without blanks at its end.
[[nodiscard]] std::optional<std::string> line_value(const std::string& text, std::string_view word);

// A file beside others of its kind: a plain name, with no folder in it and not hidden.
[[nodiscard]] bool is_key_name(const std::string& name);

// Readable by the owner alone from the first moment on where `mode` says so, whole when its name
// appears, and never in another file's place.
void write_new_file(const std::filesystem::path& file, const std::string& text, mode_t mode);

// The text of a file that its owner alone may read. Fails with: unreadable, others may read it.
[[nodiscard]] Result<std::string> read_secret_file(const std::filesystem::path& file);

}  // namespace isocost::transport
