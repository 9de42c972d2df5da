#include "tests/support/synthetic_study.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numbers>
#include <random>
#include <set>

#include "base/io/artifact_store.h"
#include "base/io/picture.h"
#include "coordinator/storage/migrations.h"
#include "experiments/world/world.h"
#include "schema/units/item_pictures.h"
#include "schema/units/unit.h"

namespace isocost::testing {
namespace {

namespace fs = std::filesystem;

constexpr int kFactor = 4;  // of enlarging

struct Series {
  const char* sampler;
  const char* spacing;
  double few_steps;  // how much few steps hurt
};
constexpr Series kSeries[] = {{"ddim", "trailing", 1.0},
                              {"ddim", "leading", 1.7},
                              {"ddpm", "trailing", 2.4},
                              {"dpmpp-2m", "trailing", 0.45}};

class Writer {
 public:
  Writer(const fs::path& folder, const SyntheticStudy& study)
      : study_(study),
        paths_{folder / "isocost.sqlite", folder / "artifacts"},
        store_((fs::create_directories(folder), paths_.artifacts)),
        db_(fresh(paths_.database), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE),
        engine_(study.seed) {}

  SyntheticPaths write() {
    db_.exec("PRAGMA journal_mode = WAL");
    for (const std::string_view step : storage::migrations()) db_.exec(std::string(step));
    db_.exec("PRAGMA application_id = " + std::to_string(storage::kApplicationId));
    db_.exec("PRAGMA user_version = " + std::to_string(storage::newest_schema()));
    SQLite::Transaction transaction(db_);
    prompts_ = store_.put(world::prompts_jsonl(world::Split::kValidation, 64, 0)).name();
    add_input(prompts_, "prompts/validation.jsonl");
    items_ = store_.put(world::prompts_jsonl(world::Split::kValidation, 64, 1)).name();
    add_input(items_, "items/validation.jsonl");
    add_reference();
    const std::int64_t study = add_experiment("study");
    each_point([&](const Json& labels, std::size_t model, const Series& series, int steps,
                   double guidance) {
      add_cell(study, labels, model, series, steps, guidance, {0, images()});
    });
    if (study_.has_finalists) add_finalists();
    if (study_.has_enlarging) {
      enlarging_ = true;
      each_point([&](const Json& labels, std::size_t model, const Series& series, int steps,
                     double guidance) {
        if (guidance == study_.guidances.front())
          add_cell(study, labels, model, series, steps, 1, {0, images()});
      });
    }
    transaction.commit();
    return paths_;
  }

 private:
  static std::string fresh(const fs::path& file) {
    for (const char* ending : {"", "-wal", "-shm"}) fs::remove(file.string() + ending);
    return file.string();
  }

  std::uint64_t images() const { return static_cast<std::uint64_t>(study_.images); }
  double uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }
  double normal() {
    return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform());
  }

  template <class Visit>
  void each_point(Visit visit) {
    for (std::size_t model = 0; model < study_.models.size(); ++model)
      for (int s = 0; s < study_.series_count; ++s)
        for (const int steps : study_.steps)
          for (const double guidance : study_.guidances)
            for (std::size_t v = 0; v < std::max<std::size_t>(1, study_.variants.size()); ++v) {
              variant_ = v;
              Json labels{{"model", study_.models[model]},
                          {"sampler", kSeries[s].sampler},
                          {"timestep_spacing", kSeries[s].spacing},
                          {"steps", steps},
                          {"guidance", enlarging_ ? 1 : guidance}};
              if (!study_.variants.empty()) labels["variant"] = study_.variants[v];
              if (study_.has_enlarging) labels["task"] = enlarging_ ? "enlarge" : "draw";
              visit(labels, model, kSeries[s], steps, guidance);
            }
  }

  static void bind_digest(SQLite::Statement& statement, int at, const Digest& digest) {
    statement.bind(at, static_cast<const void*>(digest.bytes.data()),
                   static_cast<int>(digest.bytes.size()));
  }

  void add_input(const std::string& input, const std::string& name) {
    SQLite::Statement insert(db_, "INSERT OR IGNORE INTO inputs VALUES (?, ?, 0)");
    insert.bind(1, input);
    insert.bind(2, name);
    insert.exec();
  }

  std::int64_t add_experiment(const std::string& name) {
    SQLite::Statement insert(
        db_, "INSERT INTO experiments (name, grid, axes, submitted_ms) VALUES (?, ?, ?, 0)");
    insert.bind(1, name);
    insert.bind(
        2, "name: " + name + "\naxes:\n  model: [w8, w64]  # <made up>\n  guidance: [1.5, 2, 3]\n");
    insert.bind(3, R"(["model","sampler","timestep_spacing","steps","guidance"])");
    insert.exec();
    return db_.getLastInsertRowid();
  }

  ExtractorSpec features() const {
    return {"mini-features", sha256("feature network").name(), {{"resize", "none"}}};
  }
  ExtractorSpec clip() const { return {"clip", sha256("clip").name(), {{"prefix", ""}}}; }
  ExtractorSpec attributes() const {
    return {"mini-attributes", sha256("feature network").name(), Json::object()};
  }

  void add_reference() {
    const ReferenceSpec spec{"world",
                             "",
                             features(),
                             {{"split", "validation"}, {"count", 4096}, {"seed", 0}, {"world", 2}}};
    reference_ = reference_key(spec);
    add_input(sha256("feature network").name(), "models/mini/features");
    add_input(sha256("clip").name(), "models/mini/clip");
    const std::int64_t unit = add_unit(reference_unit_name(reference_), UnitKind::kReference,
                                       UnitState::kDone, 0, {0, 0});
    SQLite::Statement insert(db_, "INSERT INTO reference_sets VALUES (?, ?, ?)");
    bind_digest(insert, 1, reference_);
    insert.bind(2, canonical(to_json(spec)));
    insert.bind(3, unit);
    insert.exec();
  }

  SampleSpec sample_of(std::size_t model, const Series& series, int steps, double guidance) {
    SampleSpec sample;
    sample.task = enlarging_ ? "concat-sr" : "text-to-image";
    sample.seed = variant_;
    const std::string unet = sha256("unet " + study_.models[model]).name();
    add_input(unet, "models/mini/" + study_.models[model] + "/unet");
    sample.inputs = {{"unet", unet},
                     {"vae", sha256("vae").name()},
                     {"text_encoder", sha256("text").name()},
                     {"tokenizer", sha256("bpe").name()}};
    sample.sampler = {
        {"sampler", series.sampler}, {"steps", steps}, {"timestep_spacing", series.spacing}};
    sample.guidance = guidance;
    sample.prompts = enlarging_ ? items_ : prompts_;
    if (enlarging_) {
      sample.items.kind = "files";
      sample.items.inputs = {{"source", sha256("small pictures").name()},
                             {"target", sha256("large pictures").name()}};
      sample.items.factor = kFactor;
    }
    return sample;
  }

  static double width_of(const std::string& model) { return std::stod(model.substr(1)); }

  CellCost cost_of(std::size_t model, int steps, double guidance) const {
    const double width = width_of(study_.models[model]);
    CellCost cost;
    cost.steps_calls = static_cast<std::uint64_t>(steps);
    cost.calls_per_image = cost.steps_calls * (guidance == 1 ? 1 : 2);
    cost.gflops_per_call = 0.0125 * std::pow(width / 8, 1.85);
    cost.gflops_decode = 0.21;
    cost.gflops_text = 0.013;
    cost.parameters = static_cast<std::uint64_t>(9'100 * width * width / 8);
    cost.weight_bytes = 4 * cost.parameters;
    return cost;
  }

  // A valley over guidance on a floor of size and steps.
  double fid_of(std::size_t model, const Series& series, int steps, double guidance, double noise) {
    const double width = width_of(study_.models[model]);
    const double floor = 9 + 46 * std::pow(width / 8, -0.8);
    const double hurry = series.few_steps * (260 + 2.2 * width) / std::pow(steps, 1.45);
    const double best = 2.2 + 9.0 / (1 + 0.25 * steps) + 0.9 * std::log2(64 / width);
    const double valley = 1 + 0.55 * std::pow(std::log(guidance / best), 2);
    const double extra = 1 + 0.07 * static_cast<double>(variant_);
    return (floor + hurry) * valley * extra * (1 + noise * normal());
  }

  void add_cell(std::int64_t experiment, const Json& labels, std::size_t model,
                const Series& series, int steps, double guidance, const ImageRange& judged) {
    const std::uint64_t number = next_number_[experiment]++;
    const SampleSpec sample = sample_of(model, series, steps, guidance);
    const CellCost cost = cost_of(model, steps, guidance);
    const Digest key = sample_key(sample);
    const std::int64_t sample_id = add_sample(key, sample, cost);
    const bool is_failed = judged.begin == 0 && series.spacing == std::string("leading") &&
                           failed_ < study_.failed_cells && steps == study_.steps.front();
    const bool is_open = judged.begin == 0 && !is_failed && open_ < study_.open_cells;
    failed_ += is_failed ? 1 : 0;
    open_ += is_open ? 1 : 0;
    SQLite::Statement insert(db_, "INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?)");
    insert.bind(1, experiment);
    insert.bind(2, static_cast<std::int64_t>(number));
    insert.bind(3, sample_id);
    insert.bind(4, canonical(labels));
    insert.bind(5, static_cast<std::int64_t>(judged.end));
    insert.bind(6, study_.pictures);
    insert.exec();
    const double fid = fid_of(model, series, steps, guidance, judged.begin == 0 ? 0.012 : 0.004);
    const UnitState state = is_failed ? UnitState::kFailed
                            : is_open ? UnitState::kOpen
                                      : UnitState::kDone;
    add_images(key, sample_id, judged, state, cost, fid);
    if (!is_failed && !is_open)
      finished_[{model, series.sampler + std::string(series.spacing), steps}].emplace_back(
          fid, guidance);
    add_scores(experiment, number, key, sample_id, judged,
               is_failed || is_open ? UnitState::kOpen : UnitState::kDone, fid);
  }

  std::int64_t add_sample(const Digest& key, const SampleSpec& sample, const CellCost& cost) {
    SQLite::Statement find(db_, "SELECT id FROM samples WHERE key = ?");
    bind_digest(find, 1, key);
    if (find.executeStep()) return find.getColumn(0).getInt64();
    SQLite::Statement insert(db_, "INSERT INTO samples (key, spec, cost) VALUES (?, ?, ?)");
    bind_digest(insert, 1, key);
    insert.bind(2, canonical(to_json(sample)));
    insert.bind(3, canonical(to_json(cost)));
    insert.exec();
    return db_.getLastInsertRowid();
  }

  std::int64_t add_unit(const std::string& name, UnitKind kind, UnitState state,
                        std::int64_t sample, const ImageRange& range) {
    SQLite::Statement insert(
        db_,
        "INSERT INTO units (name, kind, state, sample, range_begin, range_end, attempts,"
        " failure_class, failure_reason, failure_log, keep_pictures)"
        " VALUES (?, ?, ?, nullif(?, 0), ?, ?, ?, ?, ?, ?, ?)");
    insert.bind(1, name);
    insert.bind(2, static_cast<int>(kind));
    insert.bind(3, static_cast<int>(state));
    insert.bind(4, sample);
    insert.bind(5, static_cast<std::int64_t>(range.begin));
    insert.bind(6, static_cast<std::int64_t>(range.end));
    insert.bind(7, state == UnitState::kFailed ? 3 : 0);
    if (state == UnitState::kFailed) {
      insert.bind(8, static_cast<int>(FailureClass::kNotFinite));
      insert.bind(9, "the latents of image 3 are not finite after call 2");
      insert.bind(
          10, "loading models/mini/w16/unet\ncall 1 of 4: |x| <= 3.1\ncall 2 of 4: |x| is <nan>\n");
    }
    insert.bind(11, kind == UnitKind::kGenerate ? study_.pictures : 0);
    insert.exec();
    return db_.getLastInsertRowid();
  }

  void add_result(std::int64_t unit, const Json& outcome, const Json& measured) {
    SQLite::Statement insert(db_,
                             "INSERT INTO results VALUES (?, ?, ?, ?, ?, 'worker-1', '1.1', 0)");
    insert.bind(1, unit);
    insert.bind(2, canonical(outcome));
    bind_digest(insert, 3, sha256(canonical(outcome)));
    insert.bind(4, "isocost 0.1.0, LibTorch 2.15.0, avx2, 1 thread");
    insert.bind(5, canonical(measured));
    insert.exec();
  }

  void add_images(const Digest& key, std::int64_t sample, const ImageRange& judged, UnitState state,
                  const CellCost& cost, double fid) {
    for (std::uint64_t begin = judged.begin; begin < judged.end; begin += 256) {
      const ImageRange range{begin, std::min(begin + 256, judged.end)};
      const std::string name = generate_unit_name(key, range, 0, {});
      const std::int64_t unit = add_unit(name, UnitKind::kGenerate, state, sample, range);
      if (state != UnitState::kDone) return;
      const double gflops =
          cost.gflops_per_call * static_cast<double>(cost.calls_per_image) + cost.gflops_decode;
      add_result(unit, Json::object(),
                 {{"seconds", static_cast<double>(range.size()) * (gflops / 60 + 0.002) *
                                  (1 + 0.03 * normal())},
                  {"peak_bytes", 180'000'000 + 8 * cost.parameters},
                  {"device", "cpu: made-up processor"}});
      if (range.begin == 0) add_pictures(unit, fid);
      if (range.begin == 0 && enlarging_) add_items(unit);
    }
  }

  // Rendered once a number, since every cell shows the same scenes.
  const io::Picture& scene(std::uint64_t number) {
    io::Picture& picture = scenes_[number];
    if (!picture.rgb.empty()) return picture;
    picture = {world::kSide, world::kSide, std::vector<std::uint8_t>(world::kPictureBytes)};
    world::render(world::scene(world::Split::kValidation, number, 0), picture.rgb.data());
    return picture;
  }

  // Thousands of small files: as put(), without making each durable.
  Digest put_quickly(const std::string& bytes) {
    const Digest digest = sha256(bytes);
    fs::create_directories(store_.path(digest).parent_path());
    std::ofstream(store_.path(digest), std::ios::binary) << bytes;
    return digest;
  }

  // The scene that the prompt tells, under a veil that thins as the score improves.
  void add_pictures(std::int64_t unit, double fid) {
    double veil = std::clamp((fid - 10) / 160, 0.0, 0.85);
    if (study_.shares_pictures) veil = std::round(veil * 20) / 20;
    for (int i = 0; i < study_.pictures; ++i) {
      const auto shared = shared_.find({i, veil});
      if (study_.shares_pictures && shared != shared_.end()) {
        link_artifact(unit, "picture/" + std::to_string(i), shared->second);
        continue;
      }
      io::Picture picture = scene(static_cast<std::uint64_t>(i));
      for (std::uint8_t& value : picture.rgb)
        value = static_cast<std::uint8_t>(
            std::clamp(value * (1 - veil) + veil * (128 + 40 * (uniform() - 0.5)), 0.0, 255.0));
      const Digest digest = put_artifact(io::png_bytes(picture));
      link_artifact(unit, "picture/" + std::to_string(i), digest);
      shared_[{i, veil}] = digest;
    }
  }

  // The scene itself, and a small one: every n-th pixel of it.
  void add_items(std::int64_t unit) {
    for (int i = 0; i < study_.pictures; ++i) {
      const auto number = static_cast<std::uint64_t>(i);
      const io::Picture& large = scene(number);
      io::Picture small{large.width / kFactor, large.height / kFactor, {}};
      for (int y = 0; y < small.height; ++y)
        for (int x = 0; x < small.width; ++x)
          for (int c = 0; c < 3; ++c)
            small.rgb.push_back(
                large.rgb[static_cast<std::size_t>(3 * kFactor * (y * large.width + x) + c)]);
      for (const auto& [slot, picture] : {std::pair{tasks::Slot::kSource, io::png_bytes(small)},
                                          {tasks::Slot::kTarget, io::png_bytes(large)}})
        link_artifact(unit, item_artifact(slot, number), put_artifact(picture));
    }
  }

  Digest put_artifact(const std::string& bytes) {
    const Digest digest = put_quickly(bytes);
    SQLite::Statement artifact(db_, "INSERT OR IGNORE INTO artifacts VALUES (?, ?)");
    bind_digest(artifact, 1, digest);
    artifact.bind(2, static_cast<std::int64_t>(bytes.size()));
    artifact.exec();
    return digest;
  }

  void link_artifact(std::int64_t unit, const std::string& name, const Digest& digest) {
    SQLite::Statement insert(db_, "INSERT INTO unit_artifacts VALUES (?, ?, ?)");
    insert.bind(1, unit);
    insert.bind(2, name);
    bind_digest(insert, 3, digest);
    insert.exec();
  }

  void add_scores(std::int64_t experiment, std::uint64_t number, const Digest& key,
                  std::int64_t sample, const ImageRange& judged, UnitState state, double fid) {
    const double spread = judged.begin == 0 ? 0.025 : 0.009;
    const double clip_score = 0.33 - 0.0011 * fid + 0.001 * normal();
    const double accuracy = std::clamp(0.97 - 0.0042 * fid + 0.004 * normal(), 0.05, 1.0);
    const auto add_clip = [&] {
      add_score(experiment, number, key, sample, {"clip_score", clip(), "", judged, Json::object()},
                state, clip_score, 0.0015);
    };
    if (enlarging_) add_clip();
    add_score(experiment, number, key, sample,
              {"fid", features(), reference_.hex(), judged, {{"bootstrap", 200}}}, state, fid,
              spread * fid);
    if (!enlarging_) add_clip();
    add_score(experiment, number, key, sample,
              {"attribute_accuracy", attributes(), "", judged, Json::object()}, state, accuracy,
              0.012);
  }

  void add_score(std::int64_t experiment, std::uint64_t number, const Digest& sample_digest,
                 std::int64_t sample, const ScoreSpec& spec, UnitState state, double value,
                 double half) {
    const Digest key = score_key(sample_digest, spec);
    const std::int64_t unit =
        add_unit(score_unit_name(key), UnitKind::kScore, state, sample, spec.range);
    if (state == UnitState::kDone) {
      Json interval = {{"method", "bootstrap"}, {"level", 0.95}};
      if (spec.metric == "fid" && study_.replicates > 0) {
        interval["deviations"] = Json::array();
        for (int i = 0; i < study_.replicates; ++i)
          interval["deviations"].push_back(half / 2 * std::sin(37.0 * i) + 0.01 * half * normal());
      }
      add_result(unit,
                 {{"value", value},
                  {"low", value - half},
                  {"high", value + half},
                  {"n", spec.range.size()},
                  {"interval", interval},
                  {"notes", Json::array()}},
                 {{"seconds", 0.4}});
    }
    SQLite::Statement insert(db_,
                             "INSERT INTO scores (key, sample, spec, unit) VALUES (?, ?, ?, ?)");
    bind_digest(insert, 1, key);
    insert.bind(2, sample);
    insert.bind(3, canonical(to_json(spec)));
    insert.bind(4, unit);
    insert.exec();
    const std::int64_t id = db_.getLastInsertRowid();
    SQLite::Statement link(db_, "INSERT INTO cell_scores VALUES (?, ?, ?, ?)");
    link.bind(1, experiment);
    link.bind(2, static_cast<std::int64_t>(number));
    link.bind(3, id);
    link.bind(4, places_[{experiment, number}]++);
    link.exec();
  }

  // The two best guidances of each model, sampler and number of steps.
  void add_finalists() {
    const std::int64_t finalists = add_experiment("finalists");
    const auto best = finished_;
    each_point([&](const Json& labels, std::size_t model, const Series& series, int steps,
                   double guidance) {
      const auto found = best.find({model, series.sampler + std::string(series.spacing), steps});
      if (found == best.end()) return;
      auto list = found->second;
      std::sort(list.begin(), list.end());
      for (std::size_t i = 0; i < std::min<std::size_t>(2, list.size()); ++i)
        if (list[i].second == guidance)
          add_cell(finalists, labels, model, series, steps, guidance, {images(), images() + 4096});
    });
  }

  SyntheticStudy study_;
  SyntheticPaths paths_;
  io::ArtifactStore store_;
  SQLite::Database db_;
  std::mt19937_64 engine_;
  std::string prompts_, items_;
  bool enlarging_ = false;
  std::size_t variant_ = 0;
  std::map<std::pair<int, double>, Digest> shared_;
  Digest reference_;
  std::map<std::uint64_t, io::Picture> scenes_;
  std::map<std::int64_t, std::uint64_t> next_number_;
  std::map<std::pair<std::int64_t, std::uint64_t>, int> places_;  // of the next score of a cell
  std::map<std::tuple<std::size_t, std::string, int>, std::vector<std::pair<double, double>>>
      finished_;
  int failed_ = 0, open_ = 0;
};

}  // namespace

SyntheticStudy large_study() {
  SyntheticStudy study;
  study.models.clear();
  for (int width = 8; width <= 96; width += 8) study.models.push_back("w" + std::to_string(width));
  study.steps.clear();
  for (int i = 0; i < 32; ++i) study.steps.push_back(i < 20 ? i + 2 : 22 + 10 * (i - 20));
  study.guidances.clear();
  for (int i = 0; i < 65; ++i) study.guidances.push_back(1.5 + i / 8.0);
  study.pictures = 4;
  study.has_finalists = false;
  study.replicates = 200;
  study.shares_pictures = true;
  return study;
}

SyntheticPaths write_synthetic_study(const fs::path& folder, const SyntheticStudy& study) {
  return Writer(folder, study).write();
}

}  // namespace isocost::testing
