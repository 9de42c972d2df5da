// The words of a study, as values: what a cell samples, what is measured of it, what is submitted,
// and what becomes of a unit (schema/units has what is dispatched).
//
// Every struct has one JSON form (to_json / from_json): it is what keys are computed from, what
// travels in a submission and in a lease, and what the database stores. Numbers and names in these
// forms are persisted: do not change them without raising kSpecFormat. Pure values, no I/O, any
// thread.
//
// Keys: sample_key = SHA-256 of canonical(to_json(SampleSpec)); score_key adds metric, protocol,
// extractor, reference and the range of images. The number of images is in no sample key: more
// images extend what is there.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "schema/items.h"

namespace isocost {

// 2: an extractor has all of its options written out, and a sampler those that its row has.
inline constexpr int kSpecFormat = 2;
// Raised when the engine's arithmetic changes in a way that moves pixels or scores (promise 1).
// 2: 3x3 convolutions of small networks on a CPU by Winograd's algorithm.
// 3: words that were added to a tokenizer are such; Pillow 13's order of passes in resizes; FID
//    and its interval are never below 0.
inline constexpr int kNumericsRevision = 4;

// [begin, end) of image numbers.
struct ImageRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  [[nodiscard]] std::uint64_t size() const { return end - begin; }
  auto operator<=>(const ImageRange&) const = default;
};

// What determines every pixel of image i of a cell.
struct SampleSpec {
  std::string task;                           // a row of schema/tasks
  std::map<std::string, std::string> inputs;  // unet, vae, text_encoder, tokenizer -> "sha256:..."
  // The resolved sampler: {"sampler": "ddim", "steps": 10, "timestep_spacing": "trailing", ...}:
  // every parameter that has an effect, defaults filled in, none that has not.
  // worker/diffusion/samplers documents the members.
  Json sampler = Json::object();
  double guidance =
      1.0;              // classifier-free guidance scale w in e_u + w (e_c - e_u); 1 is no guidance
  std::string prompts;  // "sha256:..." of a JSON-lines file, one {"prompt": ...} a line; image i
                        // uses line i mod n
  std::string negative_prompt;  // the unconditional prompt
  // Of the task, by its row: those that have an effect. In the key where there is any.
  Json parameters = Json::object();
  ItemsSpec items{};  // of tasks that begin with pictures; in the key where there are any
  std::uint64_t seed = 0;
  int height = 64;  // of the picture, in pixels
  int width = 64;
  std::string dtype = "float32";  // float32, bfloat16, float16: what the network computes in
  int group_size = 64;            // images computed together, aligned to the image's number
  std::string noise = "philox4x32-10/box-muller";
  int numerics = kNumericsRevision;

  bool operator==(const SampleSpec&) const = default;
};
[[nodiscard]] Json to_json(const SampleSpec& spec);
[[nodiscard]] Result<SampleSpec> sample_spec_from_json(const Json& json, const std::string& where);
[[nodiscard]] Digest sample_key(const SampleSpec& spec);

// Turns a picture (and its prompt) into a row of numbers. Every metric is a reduction over such
// rows, so a new metric over the same rows costs no new image. Kinds are the rows of
// schema/metrics/extractor.h.
struct ExtractorSpec {
  std::string kind;
  std::string input;              // "sha256:..." of the network's files
  Json options = Json::object();  // kind-specific: resize, prefix, ...; defaults resolved
  // Pictures of the items that it reads besides those that the sample begins with: a slot's name ->
  // "sha256:...", as in ItemsSpec. In the key where there are any.
  std::map<std::string, std::string> items{};
  bool operator==(const ExtractorSpec&) const = default;
};
[[nodiscard]] Json to_json(const ExtractorSpec& spec);
[[nodiscard]] Result<ExtractorSpec> extractor_spec_from_json(const Json& json,
                                                             const std::string& where);
[[nodiscard]] Digest extractor_key(const ExtractorSpec& spec);
[[nodiscard]] std::string extractor_id(const ExtractorSpec& spec);  // hex of the key

// Rows of a reference that are larger are not kept: KID, which needs them, cannot use it.
inline constexpr std::uint64_t kReferenceRowsBytesMax = std::uint64_t{256} << 20;

// A data set's rows under one extractor: what FID and KID compare with. Kinds, with their options:
//
//   world   pictures of the mini world
//           {"split": "validation", "count": 4096, "seed": 0, "world": 2}
//   folder  picture files, in the order of their names; the input is the folder
//           {"count": 5000}
//   npz     ready statistics {mu, sigma}, for which no extractor runs; the input is the file
struct ReferenceSpec {
  std::string kind;
  std::string input;  // "sha256:..." or empty (world)
  ExtractorSpec extractor;
  Json options = Json::object();
  bool operator==(const ReferenceSpec&) const = default;
};
[[nodiscard]] Json to_json(const ReferenceSpec& spec);
[[nodiscard]] Result<ReferenceSpec> reference_spec_from_json(const Json& json,
                                                             const std::string& where);
[[nodiscard]] Digest reference_key(const ReferenceSpec& spec);

// A metric of a cell: fid, kid (need a reference), clip_score, attribute_accuracy (do not).
struct ScoreSpec {
  std::string metric;
  ExtractorSpec extractor;
  std::string reference;  // hex of the reference key, or empty
  ImageRange range;       // the images that are judged
  Json protocol =
      Json::object();  // metric-specific, defaults resolved: subsets, bootstrap replicates, ...
  bool operator==(const ScoreSpec&) const = default;
};
[[nodiscard]] Json to_json(const ScoreSpec& spec);
[[nodiscard]] Result<ScoreSpec> score_spec_from_json(const Json& json, const std::string& where);
[[nodiscard]] Digest score_key(const Digest& sample, const ScoreSpec& score);
// The same of canonical(to_json(score)).
[[nodiscard]] Digest score_key(const Digest& sample, std::string_view score);

// What a cell costs, determined by its spec alone (never measured).
struct CellCost {
  std::uint64_t calls_per_image = 0;  // network evaluations, the second call of guidance counted
  std::uint64_t steps_calls =
      0;  // sampler's network calls, guidance not counted (the paper's "steps")
  double gflops_per_call = 0;      // 2 x multiply-adds of one U-Net call at batch 1
  double gflops_encode = 0;        // of the autoencoder's encoder, an image
  double gflops_decode = 0;        // of its decoder
  double gflops_text = 0;          // of the text encoder, a prompt
  std::uint64_t parameters = 0;    // of the U-Net
  std::uint64_t weight_bytes = 0;  // of all loaded files
  bool operator==(const CellCost&) const = default;
};
// The price of an image: the network's calls, and with them what is encoded and decoded of it, and
// its prompt.
[[nodiscard]] double gflops_of_calls(const CellCost& cost);
[[nodiscard]] double gflops_an_image(const CellCost& cost);
[[nodiscard]] Json to_json(const CellCost& cost);
[[nodiscard]] Result<CellCost> cell_cost_from_json(const Json& json, const std::string& where);

// One point of a submitted grid.
struct CellRequest {
  Json labels =
      Json::object();  // axis name -> value as a person reads it; "model", "sampler", "steps", ...
  SampleSpec sample;
  ImageRange images;  // what must exist: [0, n)
  std::vector<ScoreSpec> scores;
  std::uint64_t keep_pictures = 8;  // PNG files of the first images that stay
  CellCost cost;
  bool operator==(const CellRequest&) const = default;
};
[[nodiscard]] Json to_json(const CellRequest& cell);
[[nodiscard]] Result<CellRequest> cell_request_from_json(const Json& json,
                                                         const std::string& where);

// A grid, expanded and ready to be handed to a coordinator.
struct Submission {
  std::string name;                 // of the experiment
  std::string grid;                 // the grid file's text, as provenance
  std::vector<std::string> axes;    // label names in the grid's order
  std::uint64_t unit_images = 256;  // a unit's size at most; a multiple of the group size
  std::map<std::string, ReferenceSpec> references;  // hex of reference_key -> spec
  std::map<std::string, std::string> blobs;  // "sha256:..." -> bytes of small inputs (prompts)
  // "sha256:..." -> what a person calls it ("models/w16/unet"): for messages and provenance, never
  // for loading.
  std::map<std::string, std::string> input_names;
  std::vector<CellRequest> cells;
  bool operator==(const Submission&) const = default;
};
[[nodiscard]] Json to_json(const Submission& submission);
[[nodiscard]] Result<Submission> submission_from_json(const Json& json, const std::string& where);
// The same of its text, cell by cell: no more of it is in memory than what it amounts to.
[[nodiscard]] Result<Submission> submission_from_text(std::istream& text, const std::string& where);

// --- what becomes of a unit -----------------------------------------------------------------

// A file by content, as a unit's result names it.
struct ArtifactRef {
  std::string name;  // within its unit: schema/units/unit.h
  Digest digest;
  std::uint64_t bytes = 0;
  bool operator==(const ArtifactRef&) const = default;
};

// Why a unit failed. Persisted and sent: do not change the numbers.
enum class FailureClass : int {
  kOutOfMemory = 1,
  kBadInput = 2,   // the same input will fail again: no second attempt
  kNotFinite = 3,  // likewise
  kLostWorker = 4,
  kBug = 5,
  kInputOutput = 6,  // a disk or a transfer: tried again
  kStalled = 7,      // it took far longer than it should, by the coordinator's clock: tried again
};
[[nodiscard]] std::string_view failure_class_name(FailureClass failure);
[[nodiscard]] bool is_retryable(FailureClass failure);

struct UnitFailure {
  FailureClass failure_class = FailureClass::kBug;
  std::string reason;                 // one sentence
  std::vector<std::string> log_tail;  // the last lines of the worker's log
  // Artifacts that it needs and that were missing or damaged where it looked.
  std::vector<Digest> missing{};
  bool operator==(const UnitFailure&) const = default;
};

// A unit's outcome. `values` and `digest` are determined by the unit within a device class;
// `measured` is not.
struct UnitResult {
  std::string unit;              // its name
  Json values = Json::object();  // score units: {"value", "low", "high", "n", ...}; else {}
  std::vector<ArtifactRef> artifacts;
  Digest digest;                   // over values and artifacts' digests and, for images, all pixels
  std::string device_class;        // build, LibTorch, instruction set or GPU model, threads
  Json measured = Json::object();  // {"seconds", "peak_bytes", "device", "energy_joules"?}
  bool operator==(const UnitResult&) const = default;
};
[[nodiscard]] Json to_json(const UnitResult& result);
[[nodiscard]] Result<UnitResult> unit_result_from_json(const Json& json, const std::string& where);

}  // namespace isocost
