// A reference folder: expected.json, which says what was computed and how, and
// expected.safetensors, which holds every input, noise draw and output. What it holds is outside
// data: everything is checked when it is taken.
//
//   auto reference = StoredReference::read("model/golden");
//   Taken take(*reference, unit, "unit unet");
//   Tensor sample = take.tensor("inputs", "sample");
//   if (!take.ok()) return fail(take.failure());
//
// Thread: one.
#pragma once

#include "base/json_reader.h"
#include "worker/diffusion/models/load.h"

namespace isocost::diffusion {

class StoredReference {
 public:
  [[nodiscard]] static Result<StoredReference> read(const std::filesystem::path& folder);

  [[nodiscard]] const std::string& kind() const { return kind_; }  // diffusers, vae, clip
  [[nodiscard]] const Json& json() const { return json_; }
  [[nodiscard]] const std::vector<Json>& units() const { return units_; }
  [[nodiscard]] const std::vector<Json>& runs() const { return runs_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  // Floating-point tensors in float32, whole numbers in int64, bytes as bytes.
  [[nodiscard]] Result<Tensor> tensor(const std::string& name) const;

 private:
  std::filesystem::path folder_;
  std::string kind_;
  Json json_;
  std::vector<Json> units_;
  std::vector<Json> runs_;
  std::shared_ptr<const io::SafetensorsFile> file_;
};

// One output that is to be compared: its name in the entry, its tensor in the file, how far it may
// be off.
struct ExpectedOutput {
  std::string name;
  std::string tensor;
  double tolerance = 0;
};

// Takes what one entry (a unit or a run) names, and collects what is wrong with it.
class Taken {
 public:
  Taken(const StoredReference& reference, const Json& entry, std::string where)
      : reference_(reference), entry_(entry), where_(std::move(where)) {}

  // The tensor that entry[group][key] names.
  [[nodiscard]] Tensor tensor(const std::string& group, const std::string& key);
  [[nodiscard]] bool has(const std::string& group, const std::string& key) const;
  // The tensors of entry["draws"] by their role, each role's in order.
  [[nodiscard]] std::map<std::string, std::vector<Tensor>> draws();
  // A number; `fallback` where the key is absent or null.
  [[nodiscard]] double number(const std::string& key, double fallback);
  // A whole number of 0 to a million.
  [[nodiscard]] std::int64_t count(const std::string& key, std::int64_t fallback);
  // A text or a list of texts; null is the empty text.
  [[nodiscard]] std::vector<std::string> texts(const std::string& key);
  // entry["with"][key], or null.
  [[nodiscard]] const Json& option(const std::string& key) const;
  // Entry `outputs` with its tolerances, nested ones (latents_after_call) as "name.key".
  [[nodiscard]] std::vector<ExpectedOutput> outputs();

  void fault(const std::string& what, const std::string& expected = {}) {
    failure_.add(where_, what, expected);
  }
  [[nodiscard]] bool ok() const { return failure_.is_empty(); }
  [[nodiscard]] const Failure& failure() const { return failure_; }
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  Tensor named(const Json& name);

  const StoredReference& reference_;
  const Json& entry_;
  std::string where_;
  Failure failure_;
};

}  // namespace isocost::diffusion
