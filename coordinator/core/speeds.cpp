#include "coordinator/core/speeds.h"

#include "schema/units/kind.h"

namespace isocost::core {
namespace {

// A baseline's pictures are generated without one.
bool has_network(const Speeds::Work& work) {
  return units::row_of(work.kind).has_network && !work.affinity.empty();
}

}  // namespace

void Speeds::Seen::add(const Work& work, double seconds_more) {
  gflops += work.gflops;
  seconds += seconds_more;
  units += static_cast<double>(work.units);
}

void Speeds::observe(const Work& work, double seconds) {
  if (has_network(work)) {
    networks_[work.affinity].add(work, seconds);
    all_networks_.add(work, seconds);
  } else {
    kinds_[work.kind].add(work, seconds);
  }
}

std::optional<double> Speeds::gflops_per_second() const {
  if (!all_networks_.has_speed()) return std::nullopt;
  return all_networks_.gflops / all_networks_.seconds;
}

std::optional<double> Speeds::seen(const Work& work) const {
  if (has_network(work)) {
    const auto of = networks_.find(work.affinity);
    if (of == networks_.end() || !of->second.has_speed()) return std::nullopt;
    return work.gflops * of->second.seconds / of->second.gflops;
  }
  const auto of = kinds_.find(work.kind);
  if (of == kinds_.end()) return std::nullopt;
  return static_cast<double>(work.units) * of->second.seconds / of->second.units;
}

std::optional<double> Speeds::seconds(const Work& work) const {
  if (const auto known = seen(work)) return known;
  const auto speed = gflops_per_second();
  return speed ? std::optional(work.gflops / *speed) : std::nullopt;
}

double Speeds::seconds(const Work& work, double gflops_per_second) const {
  return seen(work).value_or(work.gflops / gflops_per_second);
}

}  // namespace isocost::core
