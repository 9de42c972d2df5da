#include "worker/net/resolver.h"

#include <exception>
#include <thread>
#include <utility>

namespace isocost::worker_net {

void Resolver::start(const transport::Endpoint& endpoint) {
  asked_ = std::make_shared<Question>();
  if (transport::is_numeric(endpoint)) {
    asked_->answer = transport::addresses_of(endpoint);
    asked_->wake.ring();
    return;
  }
  std::thread([question = asked_, endpoint] {
    Addresses answer = fail(endpoint.text(), "the host cannot be looked up");
    try {
      answer = transport::addresses_of(endpoint);
    } catch (const std::exception& fault) {  // no memory
      answer = fail(endpoint.text(), fault.what());
    }
    {
      const std::lock_guard lock(question->mutex);
      question->answer = std::move(answer);
    }
    question->wake.ring();
  }).detach();
}

std::optional<Resolver::Addresses> Resolver::take() {
  if (!asked_) return std::nullopt;
  std::optional<Addresses> answer;
  {
    const std::lock_guard lock(asked_->mutex);
    answer = std::exchange(asked_->answer, std::nullopt);
  }
  if (answer) asked_.reset();
  return answer;
}

}  // namespace isocost::worker_net
