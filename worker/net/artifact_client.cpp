#include "worker/net/artifact_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <system_error>
#include <thread>
#include <zmq.hpp>

#include "base/io/atomic_file.h"
#include "base/text.h"
#include "base/transport/random_name.h"
#include "schema/wire/codec.h"
#include "worker/net/dealer.h"

namespace isocost::worker_net {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kPollInterval{200};
constexpr std::chrono::milliseconds kSilenceMax{10'000};  // then the connection is thought broken
constexpr std::chrono::milliseconds kRetryInterval{300};
constexpr std::chrono::minutes kIdleMax{5};
constexpr std::uint32_t kFetchCredit = 16;  // chunks asked for at once

// The coordinator's folder, when it can be read here and holds the nonce that the coordinator told.
std::optional<io::ArtifactStore> shared_folder(const wire::Welcome& welcome) {
  if (welcome.artifact_folder.empty() || welcome.artifact_nonce.empty()) return std::nullopt;
  const fs::path folder = welcome.artifact_folder;
  const auto nonce = io::read_file(folder / "nonce", kNameBytesMax);
  if (!nonce || *nonce != welcome.artifact_nonce) return std::nullopt;
  return io::ArtifactStore(folder);
}

bool is_same_folder(const io::ArtifactStore& a, const io::ArtifactStore& b) {
  std::error_code error;
  return fs::equivalent(a.root(), b.root(), error);
}

}  // namespace

void ArtifactBoard::post(Peer peer, wire::Welcome welcome) {
  const std::scoped_lock lock(mutex_);
  notice_ = {std::move(peer), std::move(welcome)};
  ++version_;
}

std::optional<ArtifactBoard::Notice> ArtifactBoard::read() const {
  const std::scoped_lock lock(mutex_);
  return notice_;
}

std::uint64_t ArtifactBoard::version() const {
  const std::scoped_lock lock(mutex_);
  return version_;
}

struct ArtifactClient::Connection {
  zmq::socket_t socket;
  std::chrono::steady_clock::time_point used = std::chrono::steady_clock::now();

  Connection(const Peer& peer, std::uint16_t port)
      : socket(make_dealer(context(), peer, transport::random_name())) {
    transport::Endpoint endpoint = peer.endpoint;
    endpoint.port = port;
    socket.connect(endpoint.text());
  }

  // False: the other side takes nothing for too long, or is gone. A socket whose connection ended
  // has nobody to send to and would wait for ever.
  [[nodiscard]] bool send(const wire::Message& message, const KeepTrying& keep_trying) {
    const std::string bytes = wire::encode(message);
    for (auto waited = std::chrono::milliseconds(0); waited < kSilenceMax && keep_trying();
         waited += kPollInterval) {
      if (socket.send(zmq::buffer(bytes), zmq::send_flags::dontwait)) return true;
      zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLOUT, 0};
      wait_for(&item, 1, kPollInterval);
    }
    return false;
  }

  // The next message about `digest` (or any HAVE_REPLY); nothing when the other side is silent for
  // too long.
  std::optional<wire::Message> receive(const KeepTrying& keep_trying) {
    for (auto waited = std::chrono::milliseconds(0); waited < kSilenceMax && keep_trying();
         waited += kPollInterval) {
      zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
      wait_for(&item, 1, kPollInterval);
      zmq::message_t frame;
      if (!socket.recv(frame, zmq::recv_flags::dontwait)) continue;
      if (auto message = wire::decode(frame.to_string_view(), wire::Sender::kCoordinator))
        return std::move(*message);
    }
    return std::nullopt;
  }
};

ArtifactClient::ArtifactClient(io::ArtifactStore& store, const ArtifactBoard& board)
    : store_(store), board_(board) {}
ArtifactClient::~ArtifactClient() = default;

void ArtifactClient::refresh() {
  const std::uint64_t version = board_.version();
  // The coordinator ends connections over which nothing was asked for a long time.
  const auto now = std::chrono::steady_clock::now();
  if (connection_ && now - connection_->used > kIdleMax) connection_.reset();
  if (connection_) connection_->used = now;
  if (version == seen_version_ && (connection_ || shared_)) return;
  const auto notice = board_.read();
  connection_.reset();
  shared_.reset();
  if (!notice) return;
  seen_version_ = version;
  shared_ = shared_folder(notice->welcome);
  if (!shared_ && notice->welcome.artifact_port != 0)
    connection_ = std::make_unique<Connection>(notice->peer, notice->welcome.artifact_port);
}

Result<std::vector<Digest>> ArtifactClient::fetch(const std::vector<Digest>& digests,
                                                  const KeepTrying& keep_trying) {
  std::vector<Digest> missing;
  for (const Digest& digest : digests) {
    while (!store_.is_whole(digest)) {
      refresh();
      Result<Step> step = Step::kAgain;
      if (shared_)
        step = fetch_shared(digest);
      else if (connection_)
        step = fetch_one(digest, keep_trying);
      if (!step) return fail(step.error());
      if (*step == Step::kDone) continue;
      if (*step == Step::kMissing) {
        missing.push_back(digest);
        break;
      }
      connection_.reset();
      if (!keep_trying())
        return fail(digest.name(), "the artifact did not come: the coordinator does not answer");
      std::this_thread::sleep_for(kRetryInterval);
    }
  }
  return missing;
}

Result<ArtifactClient::Step> ArtifactClient::fetch_one(const Digest& digest,
                                                       const KeepTrying& keep_trying) {
  const fs::path part = store_.root() / fmt::format("{}.part", transport::random_name());
  struct Remove {
    const fs::path& file;
    ~Remove() {
      std::error_code ignored;  // adopted files are gone already
      fs::remove(file, ignored);
    }
  } remove{part};
  std::ofstream file(part, std::ios::binary);
  Sha256 hash;
  std::uint64_t offset = 0, asked_until = 0;
  while (true) {
    if (offset == asked_until) {
      if (!connection_->send(wire::Get{digest, offset, kFetchCredit}, keep_trying))
        return Step::kAgain;
      asked_until = offset + kFetchCredit * wire::kChunkBytes;
    }
    const auto message = connection_->receive(keep_trying);
    if (!message) return Step::kAgain;
    if (const auto* fault = std::get_if<wire::Fault>(&*message);
        fault != nullptr && fault->digest == digest)
      return Step::kMissing;
    const auto* chunk = std::get_if<wire::Chunk>(&*message);
    if (chunk == nullptr || chunk->digest != digest || chunk->offset != offset) continue;
    if (!file.write(chunk->data.data(), static_cast<std::streamsize>(chunk->data.size())))
      throw std::system_error(errno, std::generic_category(), "cannot write " + part.string());
    hash.update(std::string_view(chunk->data));
    offset += chunk->data.size();
    if (offset < chunk->total) continue;
    file.close();
    if (!file) return fail(part.string(), "the artifact cannot be written here");
    if (hash.finish() != digest) return Step::kMissing;
    store_.adopt(part);
    ++travelled_;
    return Step::kDone;
  }
}

Result<void> ArtifactClient::deliver(const std::vector<Digest>& digests,
                                     const KeepTrying& keep_trying) {
  while (true) {
    refresh();
    if (shared_) return deliver_shared(digests);
    auto step = connection_ ? deliver_all(digests, keep_trying) : Result<Step>(Step::kAgain);
    if (!step) return fail(step.error());
    if (*step == Step::kDone) return {};
    connection_.reset();
    if (!keep_trying()) return fail("artifacts", "the coordinator does not answer");
    std::this_thread::sleep_for(kRetryInterval);
  }
}

Result<ArtifactClient::Step> ArtifactClient::deliver_all(const std::vector<Digest>& digests,
                                                         const KeepTrying& keep_trying) {
  if (!connection_->send(wire::Have{digests}, keep_trying)) return Step::kAgain;
  std::optional<wire::Message> message;
  do message = connection_->receive(keep_trying);
  while (message && !std::holds_alternative<wire::HaveReply>(*message));
  if (!message) return Step::kAgain;
  const auto& present = std::get<wire::HaveReply>(*message).present;
  std::set<Digest> missing(digests.begin(), digests.end());
  for (const Digest& digest : present) missing.erase(digest);
  for (const Digest& digest : missing) {
    auto step = deliver_one(digest, keep_trying);
    if (!step || *step == Step::kAgain) return step;
  }
  return Step::kDone;
}

Result<ArtifactClient::Step> ArtifactClient::deliver_one(const Digest& digest,
                                                         const KeepTrying& keep_trying) {
  std::ifstream file(store_.path(digest), std::ios::binary);
  const auto total = store_.size(digest);
  if (!file || !total)
    return fail(digest.name(), "the artifact is not in this worker's store any more");
  std::uint64_t offset = 0;
  std::uint64_t allowed_until =
      1;  // the first chunk opens the upload; credit comes with the answer
  while (true) {
    while (offset < std::max<std::uint64_t>(*total, 1) && offset < allowed_until) {
      wire::Put put{digest, offset, *total,
                    std::string(std::min<std::uint64_t>(wire::kChunkBytes, *total - offset), '\0')};
      if (!file.read(put.data.data(), static_cast<std::streamsize>(put.data.size())))
        return fail(digest.name(), "the artifact cannot be read here");
      if (!connection_->send(put, keep_trying)) return Step::kAgain;
      if (put.data.empty()) break;
      offset += put.data.size();
    }
    const auto message = connection_->receive(keep_trying);
    if (!message) return Step::kAgain;
    if (const auto* credit = std::get_if<wire::PutCredit>(&*message);
        credit != nullptr && credit->digest == digest)
      allowed_until = credit->offset + credit->credit * wire::kChunkBytes;
    if (const auto* fault = std::get_if<wire::Fault>(&*message);
        fault != nullptr && fault->digest == digest)
      return fail(digest.name(), "the coordinator says: " + fault->text);
    if (const auto* done = std::get_if<wire::Done>(&*message);
        done != nullptr && done->digest == digest) {
      ++travelled_;
      return Step::kDone;
    }
    if (*total == 0) allowed_until = 0;
  }
}

ArtifactClient::Step ArtifactClient::fetch_shared(const Digest& digest) {
  const auto bytes = shared_->get(digest);
  if (!bytes) return Step::kMissing;
  store_.put(*bytes);
  return Step::kDone;
}

Result<void> ArtifactClient::deliver_shared(const std::vector<Digest>& digests) {
  const bool is_same = is_same_folder(*shared_, store_);
  for (const Digest& digest : digests) {
    if (shared_->is_whole(digest)) continue;
    if (is_same) return fail(digest.name(), "the artifact is missing or damaged");
    auto bytes = store_.get(digest);
    if (!bytes) return fail(bytes.error());
    shared_->put(*bytes);
  }
  return {};
}

}  // namespace isocost::worker_net
