#include "coordinator/net/artifact_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

#include "base/io/limits.h"
#include "schema/wire/codec.h"

namespace isocost::net {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kTidyInterval{10'000};
constexpr milliseconds kPauseMax{100};  // between two tries to send to a peer that takes nothing
constexpr int kBulkReceivedAtOnceMax = 64;
constexpr std::size_t kPiecesAtOnce = 8;  // to one peer, before it is the next one's turn

// Streams keep no reason; right after a failure the system still has it.
[[noreturn]] void throw_errno(const char* what, const fs::path& file) {
  throw std::system_error(errno, std::generic_category(),
                          fmt::format("{} {}", what, file.string()));
}

}  // namespace

ArtifactServer::ArtifactServer(zmq::socket_t socket, io::ArtifactStore& store, Guard& guard,
                               AllowList* allowed, milliseconds patience,
                               std::function<void(const std::string&)> on_fault)
    : socket_(std::move(socket)),
      store_(store),
      guard_(guard),
      allowed_(allowed),
      patience_(patience),
      on_fault_(std::move(on_fault)),
      incoming_(store.root() / "incoming") {
  // What an earlier run left half done is of no use: its senders begin again.
  fs::remove_all(incoming_);
  fs::create_directories(incoming_);
}

ArtifactServer::~ArtifactServer() {
  stop();
  while (!uploads_.empty()) drop(uploads_.begin());
}

void ArtifactServer::start() {
  thread_ = std::thread([this] { run(); });
}

void ArtifactServer::stop() {
  if (!thread_.joinable()) return;
  is_stopping_ = true;
  stop_.ring();
  thread_.join();
}

void ArtifactServer::run() {
  std::array<zmq::pollitem_t, 2> items{
      {{socket_.handle(), 0, ZMQ_POLLIN, 0}, {nullptr, stop_.descriptor(), ZMQ_POLLIN, 0}}};
  try {
    while (!is_stopping_) {
      wait_for(items.data(), items.size(), until_next());
      receive_some();
      serve_waiting();
      drop_idle();
    }
  } catch (const std::exception& error) {
    on_fault_(std::string("the link for artifacts: ") + error.what());
  }
}

// Until the next peer that waits may be tried again.
milliseconds ArtifactServer::until_next() const {
  auto until = steady_clock::now() + kTidyInterval;
  for (const auto& [unused, waiting] : waiting_) until = std::min(until, waiting.next);
  const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
  return std::max(left, milliseconds(0));
}

void ArtifactServer::receive_some() {
  for (int i = 0; i < kBulkReceivedAtOnceMax; ++i) {
    const auto arrival = receive(socket_);
    if (!arrival) return guard_.emptied(Door::kArtifacts);
    if (guard_.took(Door::kArtifacts, arrival->descriptor, arrival->peer, arrival->key,
                    arrival->bytes))
      take(*arrival);
  }
}

void ArtifactServer::take(const Arrival& arrival) {
  const auto expel = [&](log::Incident why, const std::string& what) {
    guard_.expel(Door::kArtifacts, arrival.descriptor, why, what);
  };
  if (!arrival.is_formed())
    return expel(log::Incident::kMalformed, fmt::format("a message of {} frames", arrival.frames));
  if (allowed_ != nullptr && !allowed_->name_of(arrival.key))
    return expel(log::Incident::kRevokedKey, "its key is not in the allow folder any more");
  if (arrival.bytes > wire::kToCoordinatorBytesMax)
    return expel(log::Incident::kOversized, fmt::format("a message of {} bytes", arrival.bytes));
  const auto message = wire::decode(arrival.payload.to_string_view(), wire::Sender::kWorker);
  // No worker says anything malformed here, whatever its version.
  if (!message) return expel(log::Incident::kMalformed, message.error().message());
  guard_.greeted(Door::kArtifacts, arrival.descriptor,
                 allowed_ != nullptr ? allowed_->name_of(arrival.key).value_or("") : "");
  std::visit([&](const auto& m) { handle(arrival, m); }, *message);
}

void ArtifactServer::handle(const Arrival& from, const wire::Have& have) {
  wire::HaveReply answer;
  for (const Digest& digest : have.digests) {
    if (store_.is_whole(digest)) answer.present.push_back(digest);
  }
  reply(from, answer);
}

void ArtifactServer::handle(const Arrival& from, const wire::Get& get) {
  const auto total = store_.size(get.digest);
  if (!total)
    return fault(from, get.digest, wire::FaultCode::kNotFound,
                 "the artifact is not in the coordinator's store");
  if (get.offset > *total)
    return fault(from, get.digest, wire::FaultCode::kOutOfOrder, "the offset lies behind the end");
  const std::uint64_t bytes =
      std::uint64_t{std::min(get.credit, kWindowChunks)} * wire::kChunkBytes;
  if (bytes == 0) return;
  Waiting& waiting = waiting_of(from);
  if (waiting.fetches.size() >= kFetchesMax)
    return guard_.expel(Door::kArtifacts, from.descriptor, log::Incident::kOversized,
                        fmt::format("it asks for more than {} artifacts at once", kFetchesMax));
  waiting.fetches.push_back(
      {get.digest, get.offset, get.offset + std::min(bytes, *total - get.offset), *total});
}

ArtifactServer::Waiting& ArtifactServer::waiting_of(const Arrival& from) {
  const auto [found, is_new] = waiting_.try_emplace(from.peer);
  Waiting& waiting = found->second;
  waiting.descriptor = from.descriptor;
  if (is_new) waiting.progress = waiting.next = steady_clock::now();
  return waiting;
}

void ArtifactServer::serve_waiting() {
  const Time now = steady_clock::now();
  std::size_t served = 0;
  for (auto each = waiting_.begin(); each != waiting_.end();) {
    const auto current = each++;
    Waiting& waiting = current->second;
    // Peers beyond these wait until one of them has its bytes, or is put out.
    if (++served > kServedMax) {
      waiting.progress = now;
      waiting.next = now + kPauseMax;
      continue;
    }
    if (now < waiting.next) continue;
    Served outcome = Served::kPiece;
    for (std::size_t i = 0; i < kPiecesAtOnce && outcome == Served::kPiece; ++i)
      outcome = serve(current->first, waiting, now);
    if (outcome == Served::kAll || outcome == Served::kGone) waiting_.erase(current);
  }
}

// The bytes that the peer is to be sent next.
std::string ArtifactServer::next_of(Waiting& waiting) const {
  if (!waiting.replies.empty()) return waiting.replies.front();
  Fetch& fetch = waiting.fetches.front();
  std::string data(std::min<std::uint64_t>(kPieceBytes, fetch.end - fetch.offset), '\0');
  std::ifstream file(store_.path(fetch.digest), std::ios::binary);
  if (file && file.seekg(static_cast<std::streamoff>(fetch.offset)) &&
      file.read(data.data(), static_cast<std::streamsize>(data.size())))
    return wire::encode(wire::Chunk{fetch.digest, fetch.offset, fetch.total, std::move(data)});
  fetch.end = fetch.offset;  // nothing follows
  return wire::encode(
      wire::Fault{fetch.digest, wire::FaultCode::kInputOutput, "the artifact cannot be read"});
}

// It was sent.
void ArtifactServer::step(Waiting& waiting) {
  if (!waiting.replies.empty()) return waiting.replies.pop_front();
  Fetch& fetch = waiting.fetches.front();
  fetch.offset += std::min<std::uint64_t>(kPieceBytes, fetch.end - fetch.offset);
  if (fetch.offset == fetch.end) waiting.fetches.pop_front();
}

ArtifactServer::Served ArtifactServer::serve(const std::string& peer, Waiting& waiting, Time now) {
  if (waiting.replies.empty() && waiting.fetches.empty()) return Served::kAll;
  const std::string bytes = next_of(waiting);
  switch (send_to(socket_, peer, bytes)) {
    case SendStatus::kUnreachable:
      return Served::kGone;
    case SendStatus::kFull:
      if (now - waiting.progress > patience_) {
        guard_.expel(Door::kArtifacts, waiting.descriptor, log::Incident::kStalled,
                     "it takes nothing of what it asked for");
        return Served::kGone;
      }
      waiting.next = now + waiting.pause;
      waiting.pause = std::min(2 * waiting.pause, kPauseMax);
      return Served::kNotYet;
    case SendStatus::kSent:
      break;
  }
  guard_.gave(Door::kArtifacts, waiting.descriptor, bytes.size());
  waiting.progress = waiting.next = now;
  waiting.pause = milliseconds(1);
  step(waiting);
  return waiting.replies.empty() && waiting.fetches.empty() ? Served::kAll : Served::kPiece;
}

void ArtifactServer::handle(const Arrival& from, const wire::Put& put) {
  try {
    append(from, put);
  } catch (const std::exception& error) {
    const auto* system = dynamic_cast<const std::system_error*>(&error);
    const bool is_passing = system != nullptr && io::is_out_of_descriptors(system->code());
    // A full disk, most likely: the sender keeps its copy and tries again later. The coordinator
    // ends, as it does when its database fails, and a restart goes on.
    if (const auto found = uploads_.find({from.peer, put.digest}); found != uploads_.end())
      drop(found);
    fault(from, put.digest, wire::FaultCode::kInputOutput, error.what());
    if (is_passing)  // others have the descriptors, and are put out
      return guard_.tell(Door::kArtifacts, from.descriptor, log::Incident::kEvicted, error.what());
    on_fault_(std::string("an artifact cannot be kept: ") + error.what() +
              "; expected a disk with room");
  }
}

void ArtifactServer::append(const Arrival& from, const wire::Put& put) {
  const UploadKey key{from.peer, put.digest};
  auto found = uploads_.find(key);
  if (put.offset == 0) {
    if (found != uploads_.end()) drop(found);
    if (store_.is_whole(put.digest)) return reply(from, wire::Done{put.digest});
    if (!open_upload(from, key, put)) return;
    found = uploads_.find(key);
  }
  if (found == uploads_.end() || found->second.offset != put.offset ||
      found->second.total != put.total) {
    if (found != uploads_.end()) drop(found);
    return fault(from, put.digest, wire::FaultCode::kOutOfOrder,
                 "the chunk does not follow the last one");
  }
  Upload& upload = found->second;
  if (!upload.stream.write(put.data.data(), static_cast<std::streamsize>(put.data.size())))
    throw_errno("cannot write", upload.file);
  upload.hash.update(std::string_view(put.data));
  upload.offset += put.data.size();
  upload.touched = steady_clock::now();
  if (upload.offset == upload.total) return finish(from, key);
  reply(from, wire::PutCredit{put.digest, upload.offset, upload_credit()});
}

// All uploads together have so many chunks under way, however many they are.
std::uint32_t ArtifactServer::upload_credit() const {
  const auto uploads = static_cast<std::uint32_t>(std::max<std::size_t>(uploads_.size(), 1));
  return std::clamp(kCreditInAll / uploads, 1U, kWindowChunks);
}

bool ArtifactServer::open_upload(const Arrival& from, const UploadKey& key, const wire::Put& put) {
  const auto own = std::count_if(uploads_.begin(), uploads_.end(), [&](const auto& upload) {
    return upload.first.first == from.peer;
  });
  if (uploads_.size() >= kUploadsMax || static_cast<std::size_t>(own) >= kUploadsPerPeerMax) {
    fault(from, put.digest, wire::FaultCode::kInputOutput, "too many uploads at once; try again");
    return false;
  }
  Upload upload;
  upload.file = incoming_ / fmt::format("{}.part", ++files_made_);
  upload.stream.open(upload.file, std::ios::binary | std::ios::trunc);
  if (!upload.stream) throw_errno("cannot create", upload.file);
  upload.total = put.total;
  uploads_.emplace(key, std::move(upload));
  return true;
}

void ArtifactServer::finish(const Arrival& from, const UploadKey& key) {
  const auto found = uploads_.find(key);
  Upload& upload = found->second;
  upload.stream.close();
  if (!upload.stream) throw_errno("cannot write", upload.file);
  const bool is_right = upload.hash.finish() == key.second;
  if (is_right) {
    store_.adopt(upload.file);
  }
  drop(found);
  if (is_right) return reply(from, wire::Done{key.second});
  guard_.tell(Door::kArtifacts, from.descriptor, log::Incident::kUnbelieved,
              "an artifact whose bytes have another SHA-256 than its name");
  fault(from, key.second, wire::FaultCode::kWrongDigest,
        "the bytes have another SHA-256 than their name says");
}

void ArtifactServer::drop(std::map<UploadKey, Upload>::iterator upload) {
  const fs::path file = upload->second.file;
  uploads_.erase(upload);
  std::error_code ignored;  // adopted files are gone already
  fs::remove(file, ignored);
}

void ArtifactServer::drop_idle() {
  const auto now = steady_clock::now();
  if (now - tidied_ < kTidyInterval) return;
  tidied_ = now;
  for (auto upload = uploads_.begin(); upload != uploads_.end();) {
    const auto current = upload++;
    if (now - current->second.touched > kUploadIdleMax) drop(current);
  }
}

void ArtifactServer::fault(const Arrival& to, const Digest& digest, wire::FaultCode code,
                           const std::string& text) {
  reply(to, wire::Fault{digest, code, text});
}

void ArtifactServer::reply(const Arrival& to, const wire::Message& message) {
  Waiting& waiting = waiting_of(to);
  if (waiting.replies.size() >= kRepliesMax)
    return guard_.expel(Door::kArtifacts, to.descriptor, log::Incident::kStalled,
                        "it takes no answers");
  waiting.replies.push_back(wire::encode(message));
}

}  // namespace isocost::net
