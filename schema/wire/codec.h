// Messages to bytes and back: FlatBuffers (messages.fbs), verified on arrival.
//
//   std::string bytes = wire::encode(wire::Want{.credit = 1});
//   Result<wire::Message> message = wire::decode(bytes);
//
// decode() believes nothing: size, depth and number of tables are limited, every text is UTF-8 and
// bounded, names hold no control characters, enumerators are known, JSON parses into its type. A
// kind of a newer peer is wire::Unknown, not a failure; a known one that its sender never sends is
// refused unread. Greetings (HELLO, WELCOME, REJECT) decode
// whatever the envelope's version, so that peers of different versions can tell each other. Equal
// messages encode to equal bytes. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "schema/wire/messages.h"

namespace isocost::wire {

[[nodiscard]] std::string encode(const Message& message);

enum class Sender { kWorker, kCoordinator, kAnyone };
[[nodiscard]] Result<Message> decode(std::string_view bytes, Sender sender = Sender::kAnyone);

}  // namespace isocost::wire
