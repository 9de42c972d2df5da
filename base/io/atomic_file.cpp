#include "base/io/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "base/io/descriptor.h"

namespace isocost::io {
namespace {

constexpr std::size_t kWriteBytes = 1U << 18;  // at once, of a file that is written in pieces

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

// The rights that open() would give a new file under the process's umask; mkstemp gives the owner's
// alone, which would hide a shared store's files from the other users of the group.
mode_t usual_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

// Umask can only be asked for by changing it, which no thread may see half done: ask once, before
// any thread runs.
const mode_t kUsualMode = usual_mode();

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target)
      : name_((folder_of(target) / ("." + target.filename().string() + ".XXXXXX")).string()) {
    descriptor_ = Descriptor(::mkostemp(name_.data(), O_CLOEXEC));
    if (!descriptor_.is_open()) throw_system_error("cannot create a file for", target);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!is_renamed_) ::unlink(name_.c_str());
  }

  [[nodiscard]] const Descriptor& descriptor() const { return descriptor_; }
  void finish(const std::filesystem::path& target) {
    if (::fchmod(descriptor_.get(), kUsualMode) != 0)
      throw_system_error("cannot set the mode of", target);
    if (::fsync(descriptor_.get()) != 0) throw_system_error("cannot make durable", target);
    // Some file systems report a full disk only here.
    if (::close(descriptor_.release()) != 0) throw_system_error("cannot finish", target);
    if (::rename(name_.c_str(), target.c_str()) != 0)
      throw_system_error("cannot rename to", target);
    is_renamed_ = true;
  }

 private:
  std::string name_;
  Descriptor descriptor_;
  bool is_renamed_ = false;
};

}  // namespace

void write_file_atomically(const std::filesystem::path& file,
                           const std::vector<std::span<const std::byte>>& parts) {
  TemporaryFile temporary(file);
  for (const auto& part : parts) write_all(temporary.descriptor(), part, file);
  temporary.finish(file);
  sync_folder(folder_of(file));
}

void write_file_atomically(const std::filesystem::path& file, std::string_view bytes) {
  write_file_atomically(file, std::vector{std::as_bytes(std::span(bytes))});
}

struct AtomicFile::State {
  explicit State(const std::filesystem::path& target) : file(target), temporary(target) {}
  std::filesystem::path file;
  TemporaryFile temporary;
  std::string waiting;
  void flush() {
    write_all(temporary.descriptor(), std::as_bytes(std::span(waiting)), file);
    waiting.clear();
  }
};

AtomicFile::AtomicFile(const std::filesystem::path& file) : state_(std::make_unique<State>(file)) {}

AtomicFile::~AtomicFile() = default;

void AtomicFile::write(std::string_view bytes) {
  state_->waiting += bytes;
  if (state_->waiting.size() >= kWriteBytes) state_->flush();
}

void AtomicFile::finish() {
  state_->flush();
  state_->temporary.finish(state_->file);
  sync_folder(folder_of(state_->file));
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor.is_open()) throw_system_error("cannot open the folder", folder);
  // Some network file systems cannot sync a folder and say EINVAL; there is nothing better to do
  // there.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL) {
    throw_system_error("cannot make durable the folder", folder);
  }
}

void sync_file(const std::filesystem::path& file) {
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor.is_open()) throw_system_error("cannot open", file);
  if (::fsync(descriptor.get()) != 0) throw_system_error("cannot make durable", file);
}

Result<std::string> read_file(const std::filesystem::path& file, std::size_t bytes_max) {
  auto open = open_regular_file(file);
  if (!open) return fail(std::move(open.error()));
  if (open->bytes > bytes_max) {
    return fail(file.string(), "the file has " + std::to_string(open->bytes) + " bytes",
                "at most " + std::to_string(bytes_max));
  }
  // One byte more than expected, so that a file which grows meanwhile is noticed.
  std::string bytes(static_cast<std::size_t>(open->bytes) + 1, '\0');
  const std::size_t n = read_some(open->descriptor, std::as_writable_bytes(std::span(bytes)), file);
  if (n != open->bytes) return fail(file.string(), "the file changed while it was read");
  bytes.resize(n);
  return bytes;
}

}  // namespace isocost::io
