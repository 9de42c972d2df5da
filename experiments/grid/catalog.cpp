#include "experiments/grid/catalog.h"

#include <fnmatch.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>

#include "base/check.h"
#include "base/io/genuine_file.h"
#include "base/io/hash_file.h"
#include "base/io/inputs.h"
#include "base/io/item_files.h"
#include "base/io/picture_set.h"
#include "base/io/presence.h"
#include "base/io/statistics.h"
#include "experiments/grid/look.h"
#include "model_folder/check_runs.h"
#include "model_folder/single_file.h"
#include "schema/options.h"
#include "worker/diffusion/tokenizer/tokenizer.h"

namespace isocost::experiments {
namespace {

namespace fs = std::filesystem;

// Numbers by their value: w8 before w16.
bool comes_before(const fs::path& a, const fs::path& b) {
  return ::strverscmp(a.c_str(), b.c_str()) < 0;
}

// Paths that match a pattern whose parts may hold * and ?, in the order of their names.
std::vector<fs::path> matches(const fs::path& pattern) {
  std::vector<fs::path> found = {pattern.root_path()};
  if (pattern.root_path().empty()) found = {"."};
  for (const fs::path& part : pattern.relative_path()) {
    std::vector<fs::path> next;
    for (const fs::path& base : found) {
      if (part.string().find_first_of("*?[") == std::string::npos) {
        std::error_code error;
        if (fs::exists(base / part, error)) next.push_back(base / part);
        continue;
      }
      std::error_code error;
      for (const auto& entry : fs::directory_iterator(base, error)) {
        const std::string name = entry.path().filename().string();
        if (fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) == 0) next.push_back(base / name);
      }
    }
    std::sort(next.begin(), next.end(), comes_before);
    found = std::move(next);
  }
  return found;
}

class DiskCatalog : public Catalog {
 public:
  explicit DiskCatalog(fs::path folder) : folder_(std::move(folder)) {}

  Result<std::vector<std::string>> models(const std::string& name,
                                          const std::string& where) override {
    if (name.find_first_of("*?[") == std::string::npos) return std::vector<std::string>{name};
    std::vector<std::string> names;
    std::vector<Error> single;  // checkpoints in one file that it matches
    const fs::path pattern = resolve(name);
    Failure failure;
    for (const fs::path& path : matches(pattern)) {
      std::error_code error;
      if (!fs::is_directory(path, error)) {
        if (auto fault = arch::single_file_fault(path)) single.push_back(std::move(*fault));
        continue;
      }
      const auto has_unet = io::has_folder(path / "unet");
      // A model whose U-Net is a link to nothing is not left out in silence.
      if (!has_unet) failure.add(at(where, has_unet.error()));
      if (!has_unet || !*has_unet) continue;
      names.push_back(name.starts_with("mini/")
                          ? "mini/" + path.filename().string()
                          : fs::relative(path, folder_.empty() ? "." : folder_).string());
    }
    if (!failure.is_empty()) return fail(std::move(failure));
    // Beside folders they are what those were made from.
    if (names.empty() && !single.empty()) return fail(at(where, Failure{std::move(single)}));
    if (names.empty())
      return fail(where, "the pattern '" + name + "' matches no model folder",
                  "a folder with unet/ in it");
    return names;
  }

  Result<ModelEntry> model(const std::string& name, const std::string& variant,
                           const std::vector<std::string>& tasks,
                           const std::string& where) override {
    const fs::path path = resolve(name);
    if (const auto single = arch::single_file_fault(path))
      return fail(at(where, Failure{{*single}}));
    const auto is_there = io::has_folder(path);
    if (!is_there) return fail(at(where, is_there.error()));
    if (!*is_there) {
      return fail(where, "the model '" + name + "' is missing: there is no folder " + path.string(),
                  "a diffusers folder");
    }
    const auto look = arch::look_at_model(path, variant);
    const auto* folder = &look.model;
    places_.insert(path);
    Failure failure = at(where, look.failure);
    const bool is_nothing = folder->found.empty() && folder->index.is_null() && !folder->clip;
    if (is_nothing && !failure.is_empty()) return fail(std::move(failure));
    failure.add(failed_tasks(*folder, tasks, where));
    if (const auto checked = folder->check_weights(); !checked)
      failure.add(at(where, checked.error()));
    const bool has_parts = folder->unet && folder->vae && folder->text_encoder && folder->tokenizer;
    if (!has_parts) {
      ISOCOST_CHECK(!failure.is_empty(), "every task needs these parts of a model");
      return fail(std::move(failure));
    }
    ModelEntry entry;
    read_tokenizer(*folder, where, entry, failure);
    if (!failure.is_empty()) return fail(std::move(failure));  // before gigabytes are hashed
    const auto take = [&](const std::string& part, const Result<Digest>& digest) {
      if (!digest) {
        failure.add(at(where, digest.error()));
        return;
      }
      entry.inputs[part] = digest->name();
      entry.names[digest->name()] = name + "/" + part;
    };
    const auto component = [](const auto& part) {
      return io::component_digest(part.folder, part.weights);
    };
    take("unet", component(*folder->unet));
    take("vae", component(*folder->vae));
    take("text_encoder", component(*folder->text_encoder));
    take("tokenizer", io::input_digest(*folder->tokenizer));
    if (!failure.is_empty()) return fail(std::move(failure));
    entry.facts = {.folder = path.string(),
                   .index = folder->index,
                   .low_res_scheduler = folder->low_res_scheduler_config,
                   .classes = folder->unet->config.num_class_embeds};
    entry.scheduler_config = folder->scheduler_config;
    entry.scheduler_file = (path / "scheduler/scheduler_config.json").string();
    entry.unet = folder->unet->config;
    entry.vae = folder->vae->config;
    entry.vae_factor = 1 << (entry.vae.block_out_channels.size() - 1);
    const arch::CallShape call = folder->default_call();
    entry.default_height = static_cast<int>(call.height) * entry.vae_factor;
    entry.default_width = static_cast<int>(call.width) * entry.vae_factor;
    entry.text_tokens = call.context_tokens;
    entry.parameters = arch::summarize_unet(entry.unet, call).parameters();
    entry.gflops_text = arch::summarize_clip_text(folder->text_encoder->config).gflops();
    entry.weight_bytes = folder->weight_bytes();
    for (const auto& [file, keys] : folder->unknown_keys())
      entry.notes.push_back(file + " has " + joined(keys) +
                            ": neither read here nor known to be without effect");
    return entry;
  }

  Result<ExtractorEntry> extractor(const std::string& kind, const std::string& name,
                                   const std::string& where) override {
    const fs::path path = resolve(name);
    if (const auto is_there = check_there(name, path, where); !is_there)
      return fail(is_there.error());
    const auto look = look_at_extractor(kind, path);
    const auto digest = look ? io::input_digest(path) : Result<Digest>(fail(look.error()));
    if (!digest) return fail(at(where, digest.error()));
    places_.insert(path);
    return ExtractorEntry{digest->name(), look->side, look->columns};
  }

  Result<PicturesEntry> pictures(const std::string& name, const std::string& where) override {
    const fs::path path = resolve(name);
    if (const auto is_there = check_there(name, path, where); !is_there)
      return fail(is_there.error());
    auto set = io::read_picture_set(path, io::digest_cache_folder());
    if (!set) return fail(at(where, set.error()));
    places_.insert(path);
    return PicturesEntry{set->digest.name(), set->count, set->below, std::move(set->sizes)};
  }

  Result<StatisticsEntry> statistics(const std::string& name, const std::string& where) override {
    const fs::path path = resolve(name);
    if (const auto is_there = check_there(name, path, where); !is_there)
      return fail(is_there.error());
    const auto read = io::read_statistics(path);
    const auto digest = read ? io::input_digest(path) : Result<Digest>(fail(read.error()));
    if (!digest) return fail(at(where, digest.error()));
    places_.insert(path);
    return StatisticsEntry{digest->name(), read->dimensions()};
  }

  ItemsEntry items(const std::string& name, const ItemMembers& members, const std::string& where,
                   Failure& failure) override {
    const fs::path path = resolve(name);
    if (const auto is_there = check_there(name, path, where); !is_there) {
      failure.add(is_there.error());
      return {};
    }
    const auto has_metadata = io::has_file(path / io::kMetadataFile);
    auto texts = members.texts;
    if (has_metadata && *has_metadata)
      texts.insert(texts.end(), members.optional_texts.begin(), members.optional_texts.end());
    const auto [table, faults] = io::look_at_items(path, members.files, texts);
    failure.add(at(where, faults));
    ItemsEntry entry{.columns = {}, .texts = {}, .names = {}};
    if (faults.is_empty()) entry.unnamed = io::count_unnamed(table);
    for (const Json& row : table.rows)
      entry.names.push_back(
          fs::path(row.at(io::kFileNameMember).get<std::string>()).filename().string());
    auto all = table.rows.empty() ? std::vector<std::string>() : members.files;
    if (!table.rows.empty()) all.insert(all.end(), texts.begin(), texts.end());
    for (const std::string& member : all) {
      auto column = io::read_column(table, member);
      if (!column) {
        if (faults.is_empty()) failure.add(at(where, column.error()));
        continue;
      }
      entry.columns[member] = column->digest.name();
      if (!column->texts.empty()) entry.texts[member] = column->texts;
      columns_[column->digest.name()] = std::move(*column);
    }
    places_.insert(path);
    return entry;
  }

  Result<bool> check_items(const ItemsSpec& spec, const std::map<std::string, std::string>& more,
                           const ItemsCheck& check, const std::string& where) override {
    auto found =
        look_at_items(spec, more, {check.height, check.width}, check.kept_margin, columns_);
    if (!found) return fail(at(where, found.error()));
    return found;
  }

  Result<std::string> text_file(const std::string& name, const std::string& where) override {
    auto text = io::read_genuine_file(resolve(name), std::size_t{64} << 20U);
    if (!text) return fail(at(where, text.error()));
    return text;
  }

  [[nodiscard]] std::vector<fs::path> places() const override {
    return {places_.begin(), places_.end()};
  }

 private:
  static Failure at(const std::string& where, const Failure& failure) {
    Failure placed;
    for (const Error& error : failure.errors)
      placed.add(where + ": " + error.where, error.what, error.expected);
    return placed;
  }

  // Why these kinds of tasks do not run with a model; without any that is known, why none does.
  static Failure failed_tasks(const arch::ModelFolder& model, const std::vector<std::string>& names,
                              const std::string& where) {
    const auto is_asked = [&](const tasks::TaskKind& kind) {
      return std::find(names.begin(), names.end(), kind.name) != names.end();
    };
    const auto& kinds = tasks::task_kinds();
    const bool is_any_asked = std::any_of(kinds.begin(), kinds.end(), is_asked);
    Failure failure;
    for (const auto& kind : kinds) {
      if (is_any_asked ? !is_asked(kind) : !tasks::is_of_prompts(kind)) continue;
      const auto runs = arch::check_runs(model, kind);
      if (!runs) failure.add(at(where, runs.error()));
    }
    return failure;
  }

  static Result<void> check_there(const std::string& name, const fs::path& path,
                                  const std::string& where) {
    std::error_code error;
    if (fs::symlink_status(path, error).type() == fs::file_type::not_found)
      return fail(where, "'" + name + "' is missing: there is no " + path.string(),
                  "a file or folder");
    if (const auto is_there = io::must_exist(path, "a file or folder"); !is_there)
      return fail(at(where, is_there.error()));
    return {};
  }

  // A tokenizer that does not load, or gives ids that its text encoder has no row for, is a fault.
  static void read_tokenizer(const arch::ModelFolder& model, const std::string& where,
                             ModelEntry& entry, Failure& failure) {
    const auto& text = model.text_encoder->config;
    auto tokenizer = diffusion::Tokenizer::load_for({text.max_position_embeddings, text.vocab_size},
                                                    *model.tokenizer);
    if (!tokenizer) {
      failure.add(at(where, tokenizer.error()));
      return;
    }
    entry.prompt_tokens_max = tokenizer->length() - 2;
    const auto shared = std::make_shared<const diffusion::Tokenizer>(std::move(*tokenizer));
    entry.prompt_tokens = [shared](std::string_view prompt) {
      return shared->count(shared->with_all_vectors(std::string(prompt)));
    };
  }

  [[nodiscard]] fs::path resolve(const std::string& name) const {
    return named_place(name, folder_);
  }

  fs::path folder_;
  std::set<fs::path> places_;
  std::map<std::string, io::ItemColumn> columns_;  // of folders of items, by their digests
};

}  // namespace

double ModelEntry::gflops_per_call(int height, int width) const {
  return arch::summarize_unet(unet, {height / vae_factor, width / vae_factor, text_tokens})
      .gflops();
}

double ModelEntry::gflops_encode(int height, int width) const {
  return arch::summarize_vae(vae, {height / vae_factor, width / vae_factor, text_tokens},
                             arch::VaeHalf::kEncode)
      .gflops();
}

double ModelEntry::gflops_decode(int height, int width) const {
  return arch::summarize_vae(vae, {height / vae_factor, width / vae_factor, text_tokens},
                             arch::VaeHalf::kDecode)
      .gflops();
}

std::unique_ptr<Catalog> disk_catalog(fs::path grid_folder) {
  return std::make_unique<DiskCatalog>(std::move(grid_folder));
}

}  // namespace isocost::experiments
