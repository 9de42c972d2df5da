// How fast work goes, as units that are done tell, and how long other work will take: for the time
// that is left and for what `isocost plan` expects.
//
//   speeds.observe({UnitKind::kGenerate, unet, 850}, 12.5);
//   double seconds = speeds.seconds({UnitKind::kGenerate, other_unet, 4000}).value_or(-1);
//
// A network has the speed that was seen of it, since small ones reach less of a machine; one that
// was not seen has that of all. Units without a network take what units of their kind took, since
// their price is nominal. Pure, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "schema/units/unit.h"

namespace isocost::core {

class Speeds {
 public:
  struct Work {
    UnitKind kind = UnitKind::kGenerate;
    std::string affinity{};  // the network that it runs; empty: none
    double gflops = 0;       // of all the units
    std::uint64_t units = 1;
  };
  void observe(const Work& work, double seconds);

  // On one worker. Absent: nothing that tells was seen.
  [[nodiscard]] std::optional<double> seconds(const Work& work) const;
  // The same; of what was not seen, at this speed.
  [[nodiscard]] double seconds(const Work& work, double gflops_per_second) const;
  // Of units that run a network. Absent: none was seen.
  [[nodiscard]] std::optional<double> gflops_per_second() const;

 private:
  [[nodiscard]] std::optional<double> seen(const Work& work) const;
  struct Seen {
    double gflops = 0;
    double seconds = 0;
    double units = 0;
    [[nodiscard]] bool has_speed() const { return gflops > 0 && seconds > 0; }
    void add(const Work& work, double seconds_more);
  };
  std::map<std::string, Seen> networks_;  // by affinity
  std::map<UnitKind, Seen> kinds_;        // those that run none
  Seen all_networks_;
};

}  // namespace isocost::core
