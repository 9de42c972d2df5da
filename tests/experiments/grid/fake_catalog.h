// A catalog of models that exist only in tests: "models/a", "models/b" and "other/a", a prompts
// file, an extractor.
#pragma once

#include "experiments/grid/catalog.h"

namespace isocost::testing {

class FakeCatalog : public experiments::Catalog {
 public:
  Result<std::vector<std::string>> models(const std::string& name,
                                          const std::string& where) override {
    if (name == "models/*") return std::vector<std::string>{"models/a", "models/b"};
    if (name.find('*') != std::string::npos)
      return fail(where, "the pattern '" + name + "' matches no model folder");
    return std::vector<std::string>{name};
  }
  Result<experiments::ModelEntry> model(const std::string& name, const std::string& variant,
                                        const std::vector<std::string>&,
                                        const std::string& where) override {
    if (name != "models/a" && name != "models/b" && name != "other/a")
      return fail(where, "the model '" + name + "' is missing");
    experiments::ModelEntry entry;
    for (const char* part : {"unet", "vae", "text_encoder", "tokenizer"}) {
      entry.inputs[part] = sha256(name + variant + part).name();
      entry.names[entry.inputs[part]] = name + "/" + part;
    }
    entry.prompt_tokens = [](std::string_view text) { return text.size(); };
    entry.scheduler_config = {{"beta_start", 0.00085},
                              {"beta_end", 0.012},
                              {"beta_schedule", "scaled_linear"},
                              {"steps_offset", 1},
                              {"clip_sample", false}};
    entry.unet = *arch::unet_config_from_json(Json::object(), name);
    entry.vae = *arch::vae_config_from_json(
        {{"block_out_channels", {32, 64, 64, 64}},
         {"down_block_types", std::vector<std::string>(4, "DownEncoderBlock2D")},
         {"up_block_types", std::vector<std::string>(4, "UpDecoderBlock2D")}},
        name);
    return entry;
  }
  Result<experiments::ExtractorEntry> extractor(const std::string&, const std::string& name,
                                                const std::string& where) override {
    if (name.find("missing") != std::string::npos) return fail(where, "'" + name + "' is missing");
    return experiments::ExtractorEntry{sha256(name).name(), side, columns};
  }
  Result<experiments::PicturesEntry> pictures(const std::string& name,
                                              const std::string& where) override {
    if (name.find("missing") != std::string::npos) return fail(where, "'" + name + "' is missing");
    return experiments::PicturesEntry{sha256(name).name(), picture_count, below, sizes};
  }
  Result<experiments::StatisticsEntry> statistics(const std::string& name,
                                                  const std::string& where) override {
    if (name.find("missing") != std::string::npos) return fail(where, "'" + name + "' is missing");
    return experiments::StatisticsEntry{sha256(name).name(), 2048};
  }
  experiments::ItemsEntry items(const std::string& name, const experiments::ItemMembers& members,
                                const std::string& where, Failure& failure) override {
    if (name.find("missing") != std::string::npos) {
      failure.add(where, "'" + name + "' is missing");
      return {};
    }
    experiments::ItemsEntry entry;
    entry.names = item_names;
    entry.unnamed = below;
    if (name == damaged) {
      failure.add(where, "a picture of " + name + " cannot be opened");
      return entry;
    }
    for (const std::string& member : members.files)
      entry.columns[member] = sha256(name + member).name();
    for (const std::string& member : members.texts) {
      entry.columns[member] = sha256(name + member).name();
      entry.texts[member] = std::vector<std::string>(
          item_names.size(), item_text.empty() ? member + " of an item" : item_text);
    }
    return entry;
  }
  Result<bool> check_items(const ItemsSpec& spec, const std::map<std::string, std::string>&,
                           const experiments::ItemsCheck& check,
                           const std::string& where) override {
    ++items_checked;
    kept_margin = check.kept_margin;
    if (spec.fit == kFitExact && are_items_large) return fail(where, "the items are too large");
    return are_items_large;
  }
  Result<std::string> text_file(const std::string& name, const std::string& where) override {
    if (name != "prompts.jsonl") return fail(where, "'" + name + "' is missing");
    return std::string("{\"prompt\": \"a cat\"}\n{\"prompt\": \"a dog\"}\n");
  }
  std::vector<std::filesystem::path> places() const override { return {}; }

  int side = 0;                                  // of every extractor
  std::int64_t columns = 0;                      // likewise
  std::uint64_t picture_count = 100, below = 0;  // of every folder
  std::map<std::pair<int, int>, std::string> sizes;
  std::vector<std::string> item_names = {"0.png", "1.png"};  // of every folder of items
  std::string damaged;           // a folder of items whose pictures cannot be opened
  std::string item_text;         // every one; empty: they differ
  bool are_items_large = false;  // larger than any cell
  int items_checked = 0;
  std::optional<std::int64_t> kept_margin;  // that was asked for last
};

}  // namespace isocost::testing
