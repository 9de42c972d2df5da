#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "worker/diffusion/image/resize.h"
#include "worker/diffusion/metrics/extractors/kinds.h"

namespace isocost::diffusion {
namespace {

struct Options {
  std::string resize = "none";
  std::int64_t size = 299;
  std::string range = "bytes";
  std::unordered_map<std::string, c10::IValue> arguments;
};

void read_arguments(JsonReader& reader, Options& options) {
  if (!reader.has("arguments")) return;
  const Json& arguments = reader.raw("arguments");
  if (!arguments.is_object())
    return reader.fault("arguments", "it is no object", "names and values");
  for (const auto& [name, value] : arguments.items()) {
    if (value.is_boolean()) {
      options.arguments[name] = value.get<bool>();
    } else if (value.is_number_integer()) {
      options.arguments[name] = value.get<std::int64_t>();
    } else if (value.is_number()) {
      options.arguments[name] = value.get<double>();
    } else {
      reader.fault("arguments", "'" + name + "' is " + canonical(value).substr(0, 40),
                   "true, false or a number");
    }
  }
}

Result<Options> read_options(JsonReader& reader) {
  Options options;
  options.resize = reader.get_or<std::string>("resize", options.resize);
  options.size = reader.get_or<std::int64_t>("size", options.size);
  options.range = reader.get_or<std::string>("range", options.range);
  read_arguments(reader, options);
  if (options.resize != "none" && options.resize != "tf1" && options.resize != "torch" &&
      options.resize != "clean") {
    reader.fault("resize", "it is '" + options.resize + "'", "none, tf1, torch or clean");
  }
  if (options.size < 1 || options.size > 4096)
    reader.fault("size", "it is " + std::to_string(options.size), "1 to 4096");
  if (options.range != "bytes" && options.range != "unit" && options.range != "signed") {
    reader.fault("range", "it is '" + options.range + "'", "bytes, unit or signed");
  }
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  return options;
}

FloatPicture resized(const io::Picture& picture, const Options& options) {
  const int side = static_cast<int>(options.size);
  if (options.resize == "tf1") return resize_tf1_bilinear(picture, side, side);
  if (options.resize == "torch") return resize_torch_bilinear(picture, side, side);
  FloatPicture clean = resize_float(picture, side, side, Filter::kBicubic);
  clip_to_byte_range(clean);
  return clean;
}

// A module's own fault as one line; LibTorch appends where in C++ and in the script it happened.
std::string first_line(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  return text.substr(0, std::min(text.find('\n'), std::size_t{300}));
}

class TorchScript : public Extractor {
 public:
  TorchScript(torch::jit::Module module, Options options, std::string where, at::Device device)
      : module_(std::move(module)),
        options_(std::move(options)),
        where_(std::move(where)),
        device_(device) {}

  Result<at::Tensor> extract(const at::Tensor& pictures, const std::vector<std::string>&) override {
    const at::NoGradGuard no_gradients;
    c10::IValue answer;
    try {
      answer = module_.forward({prepare(pictures).to(device_)}, options_.arguments);
    } catch (const c10::OutOfMemoryError&) {
      throw;
    } catch (const c10::Error& error) {
      return fail(where_, "the module failed: " + first_line(error));
    }
    return checked(answer, pictures.size(0));
  }

 private:
  [[nodiscard]] at::Tensor prepare(const at::Tensor& pictures) const {
    at::Tensor pixels = pictures;
    if (options_.resize != "none") {
      std::vector<at::Tensor> all;
      for (std::int64_t i = 0; i < pictures.size(0); ++i) {
        FloatPicture picture = resized(picture_of(pictures, i), options_);
        all.push_back(
            at::tensor(picture.rgb).view({options_.size, options_.size, 3}).permute({2, 0, 1}));
      }
      pixels = at::stack(all).contiguous();
    }
    if (options_.range == "unit") return pixels.to(at::kFloat) / 255;
    if (options_.range == "signed") return (pixels.to(at::kFloat) - 128) / 128;
    return pixels;
  }

  [[nodiscard]] Result<at::Tensor> checked(const c10::IValue& answer, std::int64_t batch) const {
    const std::string expected = "a float tensor [" + std::to_string(batch) + ", D]";
    if (!answer.isTensor())
      return fail(where_, "the module answers with " + answer.tagKind(), expected);
    const at::Tensor& rows = answer.toTensor();
    const bool is_table = rows.dim() == 2 && rows.size(0) == batch && rows.size(1) >= 1 &&
                          rows.size(1) <= kColumnsMax;
    if (!is_table || !rows.is_floating_point()) {
      return fail(where_,
                  c10::str("the module answers with ", rows.scalar_type(), " ", rows.sizes()),
                  expected);
    }
    return rows.to(at::kCPU, at::kFloat).contiguous();
  }

  torch::jit::Module module_;
  Options options_;
  std::string where_;
  at::Device device_;
};

}  // namespace

Result<std::unique_ptr<Extractor>> load_torchscript(const ExtractorSource& source,
                                                    JsonReader& reader) {
  auto options = read_options(reader);
  if (!options) return fail(options.error());
  const std::string where = source.input.string();
  std::error_code error;
  if (!std::filesystem::is_regular_file(source.input, error))
    return fail(where, "the file is missing", "a TorchScript archive");
  try {
    torch::jit::Module module = torch::jit::load(where, source.settings.device);
    module.eval();
    return std::make_unique<TorchScript>(std::move(module), std::move(*options), where,
                                         source.settings.device);
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error& fault) {
    return fail(where, "this is no TorchScript archive that can be loaded: " + first_line(fault),
                "a file of torch.jit.save");
  }
}

}  // namespace isocost::diffusion
