// A row of the table of extractors: what turns pictures into the rows that metrics reduce. The
// engine has a loader under the same name (worker/diffusion/metrics/extractors).
//
// Pure, any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/metrics/metric.h"

namespace isocost::metrics {

// What an extractor's input is on disk.
enum class Form : int {
  kNothing = 0,  // it computes from the pictures alone
  kFeatureNetwork = 1,
  kClipFolder = 2,
  kTorchScript = 3,
  kPerceptualFolder = 4,
  kVitFolder = 5,
};

struct Extractor {
  std::string kind;                            // in keys and the database: do not change
  std::vector<Rows> rows = {Rows::kFeatures};  // what it can make
  Form form = Form::kFeatureNetwork;
  std::string input;  // what its input is, for people: "a CLIP folder"
  std::string mini;   // the mini family's own, which `mini` stands for; empty: it has none
  // In a grid: the member that names the input, as in {torchscript: FILE, resize: clean}; empty:
  // the mini family's alone, or none.
  std::string member;
  std::vector<Option> options;
  // An option kArguments, {name: true | false | number}, handed to the network.
  bool takes_arguments = false;
  // The shortest side of pictures that it takes. Null: one pixel. Requires: every option.
  std::int64_t (*least_side_of)(const Json& options) = nullptr;
  // A pixel farther than this from what a mask sets must be there. Null: none need be. Requires:
  // every option.
  std::int64_t (*kept_margin_of)(const Json& options) = nullptr;

  [[nodiscard]] std::int64_t least_side(const Json& whole_options) const {
    return least_side_of == nullptr ? 1 : least_side_of(whole_options);
  }
  [[nodiscard]] std::optional<std::int64_t> kept_margin(const Json& whole_options) const {
    return kept_margin_of == nullptr ? std::nullopt : std::optional(kept_margin_of(whole_options));
  }
  [[nodiscard]] bool makes(Rows some) const {
    return std::find(rows.begin(), rows.end(), some) != rows.end();
  }
  [[nodiscard]] bool has_input() const { return form != Form::kNothing; }
  // What its rows are, but for what they mean: for every kind of them the same.
  [[nodiscard]] const RowsKind& form_of_rows() const { return rows_kind(rows.front()); }
  [[nodiscard]] const std::vector<tasks::Slot>& needs() const { return form_of_rows().needs; }
  [[nodiscard]] bool is_pixelwise() const { return form_of_rows().is_pixelwise; }
  [[nodiscard]] bool may_hold_nan() const { return form_of_rows().may_hold_nan; }
  // Whether texts are read as well as pictures.
  [[nodiscard]] bool reads_texts() const {
    return std::any_of(needs().begin(), needs().end(), tasks::is_text);
  }
};

inline constexpr const char* kArguments = "arguments";
// Of structural similarity's window, in pixels.
inline constexpr std::int64_t kStructureWindow = 11;

[[nodiscard]] const std::vector<Extractor>& extractors();
[[nodiscard]] const Extractor* find_extractor(std::string_view kind);
// The mini family's own, for a metric's rows.
inline constexpr std::string_view kMini = "mini";
// The kind that makes such rows of an input which a grid names by `member`, or of kMini; without a
// member, of no input. Null: none does.
[[nodiscard]] const Extractor* extractor_for(Rows rows, std::string_view member);
// What makes such rows where nobody says with what: the mini family's own, or what needs no input.
// Null: somebody must say.
[[nodiscard]] const Extractor* usual_extractor_for(Rows rows);
// The member that a bare path stands for where such rows are wanted, by its ending.
[[nodiscard]] std::string_view member_of_path(Rows rows, std::string_view path);
// The members that make such rows: "torchscript", "clip".
[[nodiscard]] std::vector<std::string> members_for(Rows rows);
// Those of all extractors, each once.
[[nodiscard]] std::vector<std::string> members();

// What was said of its options with what holds where nothing was: every option. Fails with: unknown
// ones, values that do not fit.
[[nodiscard]] Result<Json> whole_options(const Extractor& row, const Json& said,
                                         const std::string& where);

}  // namespace isocost::metrics
