#include "coordinator/net/artifact_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

#include "coordinator/net/socket.h"
#include "schema/wire/codec.h"

namespace isocost::net {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kTidyInterval{10'000};

// Streams keep no reason; right after a failure the system still has it.
[[noreturn]] void throw_errno(const char* what, const fs::path& file) {
  throw std::system_error(errno, std::generic_category(),
                          fmt::format("{} {}", what, file.string()));
}

}  // namespace

ArtifactServer::ArtifactServer(zmq::socket_t socket, io::ArtifactStore& store,
                               std::function<void(const std::string&)> on_fault)
    : socket_(std::move(socket)),
      store_(store),
      on_fault_(std::move(on_fault)),
      incoming_(store.root() / "incoming") {
  // What an earlier run left half done is of no use: its senders begin again.
  fs::remove_all(incoming_);
  fs::create_directories(incoming_);
  thread_ = std::thread([this] { run(); });
}

ArtifactServer::~ArtifactServer() {
  is_stopping_ = true;
  stop_.ring();
  thread_.join();
  while (!uploads_.empty()) drop(uploads_.begin());
}

void ArtifactServer::run() {
  std::array<zmq::pollitem_t, 2> items{
      {{socket_.handle(), 0, ZMQ_POLLIN, 0}, {nullptr, stop_.descriptor(), ZMQ_POLLIN, 0}}};
  while (!is_stopping_) {
    zmq::poll(items.data(), items.size(), kTidyInterval);
    if ((items[0].revents & ZMQ_POLLIN) != 0) receive_all();
    drop_idle();
  }
  socket_.close();
}

void ArtifactServer::receive_all() {
  while (auto arrival = receive(socket_, malformed_)) {
    const auto message = wire::decode(arrival->payload.to_string_view());
    if (!message) {
      ++malformed_;
      continue;
    }
    std::visit([&](const auto& m) { handle(arrival->peer, m); }, *message);
  }
}

void ArtifactServer::handle(const std::string& peer, const wire::Have& have) {
  wire::HaveReply answer;
  for (const Digest& digest : have.digests) {
    if (store_.has(digest)) answer.present.push_back(digest);
  }
  reply(peer, answer);
}

void ArtifactServer::handle(const std::string& peer, const wire::Get& get) {
  std::ifstream file(store_.path(get.digest), std::ios::binary | std::ios::ate);
  if (!file)
    return fault(peer, get.digest, wire::FaultCode::kNotFound,
                 "the artifact is not in the coordinator's store");
  const auto total = static_cast<std::uint64_t>(file.tellg());
  if (get.offset > total)
    return fault(peer, get.digest, wire::FaultCode::kOutOfOrder, "the offset lies behind the end");
  file.seekg(static_cast<std::streamoff>(get.offset));
  std::uint64_t offset = get.offset;
  for (std::uint32_t left = std::min(get.credit, kWindowChunks); left > 0; --left) {
    wire::Chunk chunk{
        get.digest, offset, total,
        std::string(std::min<std::uint64_t>(wire::kChunkBytes, total - offset), '\0')};
    if (!file.read(chunk.data.data(), static_cast<std::streamsize>(chunk.data.size())))
      return fault(peer, get.digest, wire::FaultCode::kInputOutput, "the artifact cannot be read");
    offset += chunk.data.size();
    reply(peer, chunk);
    if (offset == total) return;
  }
}

void ArtifactServer::handle(const std::string& peer, const wire::Put& put) {
  try {
    append(peer, put);
  } catch (const std::exception& error) {
    // A full disk, most likely: the sender keeps its copy and tries again later. The coordinator
    // ends, as it does when its database fails, and a restart goes on.
    if (const auto found = uploads_.find({peer, put.digest}); found != uploads_.end()) drop(found);
    fault(peer, put.digest, wire::FaultCode::kInputOutput, error.what());
    on_fault_(std::string("an artifact cannot be kept: ") + error.what() +
              "; expected a disk with room");
  }
}

void ArtifactServer::append(const std::string& peer, const wire::Put& put) {
  const UploadKey key{peer, put.digest};
  auto found = uploads_.find(key);
  if (store_.has(put.digest)) {
    if (found != uploads_.end()) drop(found);
    return reply(peer, wire::Done{put.digest});
  }
  if (put.offset == 0) {
    if (found != uploads_.end()) drop(found);
    if (uploads_.size() >= kUploadsMax)
      return fault(peer, put.digest, wire::FaultCode::kInputOutput,
                   "too many uploads at once; try again");
    open_upload(key, put);
    found = uploads_.find(key);
  }
  if (found == uploads_.end() || found->second.offset != put.offset ||
      found->second.total != put.total) {
    if (found != uploads_.end()) drop(found);
    return fault(peer, put.digest, wire::FaultCode::kOutOfOrder,
                 "the chunk does not follow the last one");
  }
  Upload& upload = found->second;
  if (!upload.stream.write(put.data.data(), static_cast<std::streamsize>(put.data.size())))
    throw_errno("cannot write", upload.file);
  upload.hash.update(std::string_view(put.data));
  upload.offset += put.data.size();
  upload.touched = std::chrono::steady_clock::now();
  if (upload.offset == upload.total) return finish(peer, key);
  reply(peer, wire::PutCredit{put.digest, upload.offset, kWindowChunks});
}

void ArtifactServer::open_upload(const UploadKey& key, const wire::Put& put) {
  Upload upload;
  upload.file = incoming_ / fmt::format("{}.part", ++files_made_);
  upload.stream.open(upload.file, std::ios::binary | std::ios::trunc);
  if (!upload.stream) throw_errno("cannot create", upload.file);
  upload.total = put.total;
  uploads_.emplace(key, std::move(upload));
}

void ArtifactServer::finish(const std::string& peer, const UploadKey& key) {
  const auto found = uploads_.find(key);
  Upload& upload = found->second;
  upload.stream.close();
  if (!upload.stream) throw_errno("cannot write", upload.file);
  const bool is_right = upload.hash.finish() == key.second;
  if (is_right) {
    store_.adopt(upload.file);
  }
  drop(found);
  if (is_right) return reply(peer, wire::Done{key.second});
  fault(peer, key.second, wire::FaultCode::kWrongDigest,
        "the bytes have another SHA-256 than their name says");
}

void ArtifactServer::drop(std::map<UploadKey, Upload>::iterator upload) {
  const fs::path file = upload->second.file;
  uploads_.erase(upload);
  std::error_code ignored;  // adopted files are gone already
  fs::remove(file, ignored);
}

void ArtifactServer::drop_idle() {
  const auto now = std::chrono::steady_clock::now();
  for (auto upload = uploads_.begin(); upload != uploads_.end();) {
    const auto current = upload++;
    if (now - current->second.touched > kUploadIdleMax) drop(current);
  }
}

void ArtifactServer::fault(const std::string& peer, const Digest& digest, wire::FaultCode code,
                           const std::string& text) {
  reply(peer, wire::Fault{digest, code, text});
}

void ArtifactServer::reply(const std::string& peer, const wire::Message& message) {
  // A peer that left asks again on its next connection.
  [[maybe_unused]] const SendOutcome outcome = send_to(socket_, peer, wire::encode(message));
}

}  // namespace isocost::net
