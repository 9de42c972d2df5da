// A row of the table of kinds of units: what a unit of a kind is called, takes, leaves and costs.
// Who must tell kinds apart asks the row; the engine has a function for each
// (worker/diffusion/tasks).
//
// Numbers of kinds and states are persisted; in SQL they stand by their names (with_numbers). Pure,
// any thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "schema/units/unit.h"

namespace isocost::units {

// What the file of an artifact must be.
struct ArtifactForm {
  enum class Kind { kRows, kPicture, kReference };
  Kind kind = Kind::kRows;
  std::uint64_t rows = 0;  // kRows: one an image
  int height = 0;          // kPicture
  int width = 0;
  bool is_needed = true;  // else a result without it is whole
  bool operator==(const ArtifactForm&) const = default;
};

struct Kind {
  UnitKind kind = UnitKind::kGenerate;  // its number: persisted and sent
  std::string name;  // units' names begin with it; in pages and answers: do not change
  // Runs a diffusion network: its price is that network's, and a worker keeps it warm. The price of
  // others is nominal.
  bool has_network = false;
  std::vector<UnitKind> needs;  // kinds of units whose artifacts it reads

  // Its body from parts, and back.
  std::string (*body)(const BodyParts& parts) = nullptr;
  Result<UnitBody> (*parse)(const Json& json, const std::string& where) = nullptr;
  // Requires, for all that follow: a unit of this kind.
  BodyParts (*parts)(const UnitBody& unit) = nullptr;
  std::string (*name_of)(const UnitBody& unit) = nullptr;
  // Content that a worker must have: "sha256:...".
  std::set<std::string> (*inputs)(const UnitBody& unit) = nullptr;
  // Artifacts that it leaves, by name; those that are not needed where it has them.
  std::map<std::string, ArtifactForm> (*outputs)(const UnitBody& unit) = nullptr;
  // In GFLOPs, for so many images or pictures; `cost` is that of its cell where it has one.
  double (*price)(std::uint64_t images, const CellCost& cost) = nullptr;
};

// What `parse` of a row gives.
template <class Unit>
[[nodiscard]] Result<UnitBody> as_body(Result<Unit> unit) {
  if (!unit) return fail(std::move(unit.error()));
  return UnitBody(std::move(*unit));
}

// By their numbers.
[[nodiscard]] const std::vector<Kind>& kinds();
[[nodiscard]] const Kind& row_of(UnitKind kind);
// Of a number that was sent or stored. Null: no kind has it.
[[nodiscard]] const Kind* find_kind(int number);

[[nodiscard]] const std::vector<UnitState>& states();
// "open", "done", "failed", "cancelled"
[[nodiscard]] std::string_view state_name(UnitState state);

// A query with the numbers of kinds and states in the places of their names: "u.kind = #generate
// AND u.state = #done". SQLite knows no such mark, so none is left out. Requires: there are kinds
// or states of these names.
[[nodiscard]] std::string with_numbers(std::string_view sql);

}  // namespace isocost::units
