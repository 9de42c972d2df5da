#include "worker/diffusion/training/loop.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "base/io/atomic_file.h"
#include "base/io/presence.h"
#include "base/io/safetensors.h"
#include "worker/diffusion/training/optimizer.h"

namespace isocost::diffusion {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kStepsMax = 1e12;  // of a checkpoint
constexpr const char* kCurveHead = "step,loss,gradient_norm,learning_rate,measured_seconds\n";

// What a checkpoint belongs to: every number of the recipe that steers a step, and what it was
// built on.
std::string recipe_identity(const Recipe& recipe, const std::string& built_on) {
  Json numbers = {{"part", recipe.part},
                  {"seed", recipe.seed},
                  {"pictures", recipe.pictures},
                  {"steps", recipe.steps},
                  {"batch", recipe.batch},
                  {"rate", recipe.learning_rate},
                  {"warmup", recipe.warmup},
                  {"decay_steps", recipe.decay},
                  {"final_rate", recipe.final_rate},
                  {"decay", recipe.weight_decay},
                  {"clip", recipe.clip_norm},
                  {"ema", recipe.ema},
                  {"options", recipe.options},
                  {"config", recipe.config}};
  if (!built_on.empty()) numbers["built_on"] = built_on;
  return canonical_digest(numbers).hex();
}

class Session {
 public:
  Session(const Recipe& recipe, Training& training, const LoopOptions& options)
      : recipe_(recipe),
        training_(training),
        options_(options),
        optimizer_(training.module(), {.weight_decay = recipe.weight_decay,
                                       .clip_norm = recipe.clip_norm,
                                       .ema = recipe.ema}),
        checkpoint_(options.out / "checkpoint.safetensors") {}

  Result<void> resume() {
    if (auto made = io::make_folder(options_.out); !made) return fail(std::move(made.error()));
    if (!std::filesystem::exists(checkpoint_)) return training_.begin_anew();
    const auto file = io::SafetensorsFile::read(checkpoint_);
    if (!file) return fail(file.error());
    const auto identity = file->metadata().find("recipe");
    const auto steps = file->metadata().find("steps_done");
    if (identity == file->metadata().end() || steps == file->metadata().end() ||
        identity->second != recipe_identity(recipe_, training_.built_on()))
      return fail(
          checkpoint_.string(),
          "this checkpoint belongs to another recipe, or to other parts that it was built on",
          "another --out, or the file removed to start again");
    const double done = std::atof(steps->second.c_str());
    if (!(done >= 0 && done < kStepsMax))
      return fail(checkpoint_.string(), "its number of steps is not one");
    return optimizer_.restore(file->tensors(), static_cast<std::int64_t>(done),
                              checkpoint_.string());
  }

  Result<std::string> run() {
    const auto resumed = resume();
    if (!resumed) return fail(resumed.error());
    open_curve();
    const auto last =
        options_.stop_after < 0 ? recipe_.steps : std::min(recipe_.steps, options_.stop_after);
    began_ = Clock::now();
    saved_ = began_;
    first_step_ = optimizer_.steps_done();
    training_.module().train();
    while (optimizer_.steps_done() < last) {
      const auto stepped = step();
      if (!stepped) return fail(stepped.error());
    }
    save();
    if (last < recipe_.steps) return std::string();
    optimizer_.swap_average();
    training_.module().eval();
    return training_.finish();
  }

 private:
  Result<void> step() {
    const auto number = optimizer_.steps_done();
    const auto loss = training_.loss(number);
    loss.backward();
    const double norm = optimizer_.step(learning_rate_at(recipe_, number));
    const double value = loss.item<double>();
    if (!std::isfinite(value) || !std::isfinite(norm)) {
      if (++faults_ > kFaultsMax)
        return fail(recipe_.name, c10::str("the loss stopped being finite at step ", number),
                    "a lower learning_rate");
    } else {
      sum_ += value;
      ++count_;
    }
    const auto done = number + 1;
    if (done % options_.report_every == 0 || done == recipe_.steps) report(done, norm);
    if (const auto kept = snapshot(done); !kept) return kept;
    if (Clock::now() - saved_ >= options_.checkpoint_every) save();
    return {};
  }

  // Kept before the checkpoint that comes after it, so that a kill between the two costs nothing.
  Result<void> snapshot(std::int64_t done) {
    const auto& wanted = recipe_.snapshots;
    if (std::find(wanted.begin(), wanted.end(), done) == wanted.end()) return {};
    optimizer_.swap_average();
    training_.module().eval();
    auto kept = training_.snapshot(done);
    training_.module().train();
    optimizer_.swap_average();
    return kept;
  }

  // Rows past the checkpoint would come twice, and the last may be cut short: they go. At no moment
  // are those that stay not on the disk.
  void open_curve() {
    const auto file = options_.out / "loss.csv";
    std::string kept = kCurveHead;
    std::ifstream old(file);
    std::string line;
    while (std::getline(old, line)) {
      long long step = 0;
      double loss = 0, norm = 0, rate = 0, seconds = 0;
      if (std::sscanf(line.c_str(), "%lld,%lf,%lf,%lf,%lf", &step, &loss, &norm, &rate, &seconds) !=
              5 ||
          step > optimizer_.steps_done())
        continue;
      kept += line + "\n";
      seconds_before_ = seconds;
    }
    old.close();
    io::write_file_atomically(file, kept);
    curve_.exceptions(std::ios::failbit | std::ios::badbit);
    curve_.open(file, std::ios::app);
  }

  void report(std::int64_t done, double norm) {
    const double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
    const double rate = static_cast<double>(done - first_step_) / seconds;
    const double left = static_cast<double>(recipe_.steps - done) / rate;
    const double mean = sum_ / std::max(1, count_);
    sum_ = 0;
    count_ = 0;
    char line[200];
    std::snprintf(line, sizeof line, "%lld,%.6g,%.4g,%.6g,%.1f", static_cast<long long>(done), mean,
                  norm, learning_rate_at(recipe_, done - 1), seconds_before_ + seconds);
    curve_ << line << '\n' << std::flush;
    if (!options_.print) return;
    std::snprintf(line, sizeof line,
                  "%s  step %lld/%lld  loss %.5f  gradient %.3f  %.2f steps/s  %.0f s left",
                  recipe_.name.c_str(), static_cast<long long>(done),
                  static_cast<long long>(recipe_.steps), mean, norm, rate, left);
    options_.print(line);
  }

  void save() {
    io::write_safetensors(checkpoint_, optimizer_.state(),
                          {{"recipe", recipe_identity(recipe_, training_.built_on())},
                           {"steps_done", std::to_string(optimizer_.steps_done())}});
    saved_ = Clock::now();
  }

  static constexpr int kFaultsMax = 10;
  const Recipe& recipe_;
  Training& training_;
  const LoopOptions& options_;
  FlatAdamW optimizer_;
  std::filesystem::path checkpoint_;
  std::ofstream curve_;
  Clock::time_point began_, saved_;
  std::int64_t first_step_ = 0;
  double seconds_before_ = 0;  // of the calls that this one goes on from
  double sum_ = 0;
  int count_ = 0;
  int faults_ = 0;
};

}  // namespace

Result<std::string> train(const Recipe& recipe, Training& training, const LoopOptions& options) {
  return Session(recipe, training, options).run();
}

}  // namespace isocost::diffusion
