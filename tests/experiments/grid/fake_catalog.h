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
  Result<experiments::ModelEntry> model(const std::string& name,
                                        const std::string& where) override {
    if (name != "models/a" && name != "models/b" && name != "other/a")
      return fail(where, "the model '" + name + "' is missing");
    experiments::ModelEntry entry;
    for (const char* part : {"unet", "vae", "text_encoder", "tokenizer"}) {
      entry.inputs[part] = sha256(name + part).name();
      entry.names[entry.inputs[part]] = name + "/" + part;
    }
    entry.scheduler_config = {
        {"beta_start", 0.00085}, {"beta_end", 0.012}, {"beta_schedule", "scaled_linear"}};
    entry.unet = *arch::unet_config_from_json(Json::object(), name);
    entry.vae = *arch::vae_config_from_json(
        {{"block_out_channels", {32, 64, 64, 64}},
         {"down_block_types", std::vector<std::string>(4, "DownEncoderBlock2D")},
         {"up_block_types", std::vector<std::string>(4, "UpDecoderBlock2D")}},
        name);
    return entry;
  }
  Result<std::string> input(const std::string& name, const std::string& where) override {
    if (name.find("missing") != std::string::npos) return fail(where, "'" + name + "' is missing");
    return sha256(name).name();
  }
  Result<std::string> text_file(const std::string& name, const std::string& where) override {
    if (name != "prompts.jsonl") return fail(where, "'" + name + "' is missing");
    return std::string("{\"prompt\": \"a cat\"}\n{\"prompt\": \"a dog\"}\n");
  }
  std::vector<std::filesystem::path> places() const override { return {}; }
};

}  // namespace isocost::testing
