#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <new>
#include <unordered_map>

#include "base/io/torch_archive.h"
#include "schema/metrics/extractor.h"
#include "worker/diffusion/image/resize.h"
#include "worker/diffusion/image/tensors/picture_tensor.h"
#include "worker/diffusion/metrics/extractors/kinds.h"

namespace isocost::diffusion {
namespace {

struct Options {
  std::string resize;
  std::int64_t size = 0;
  std::string range;
  std::unordered_map<std::string, c10::IValue> arguments;
};

Options options_of(const Json& whole) {
  Options options{.resize = whole.at("resize").get<std::string>(),
                  .size = whole.at("size").get<std::int64_t>(),
                  .range = whole.at("range").get<std::string>(),
                  .arguments = {}};
  for (const auto& [name, value] : whole.at(metrics::kArguments).items()) {
    if (value.is_boolean())
      options.arguments[name] = value.get<bool>();
    else if (value.is_number_integer())
      options.arguments[name] = value.get<std::int64_t>();
    else
      options.arguments[name] = value.get<double>();
  }
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

constexpr std::size_t kCauseMax = 300;

std::string first_line(const std::string& text) {
  return text.substr(0, std::min(text.find('\n'), kCauseMax));
}

// What the interpreter says that it stumbled over. It tells where it was first, with the script's
// lines, and the cause behind that: "RuntimeError: expected scalar type Float but found Byte".
std::string cause_of(const std::string& text) {
  constexpr std::string_view kCause = "RuntimeError: ";
  const auto at = text.rfind(kCause);
  if (at != std::string::npos) return first_line(text.substr(at + kCause.size()));
  // Of an exception that the script itself raised the last line names it.
  if (text.find("TorchScript interpreter") == std::string::npos) return first_line(text);
  const auto end = text.find_last_not_of(" \n\r\t");
  if (end == std::string::npos) return text;
  const auto begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1, end - begin).substr(0, kCauseMax);
}

std::string what_of(const std::exception& error) {
  const auto* of_torch = dynamic_cast<const c10::Error*>(&error);
  return of_torch == nullptr ? error.what() : of_torch->what_without_backtrace();
}

class TorchScript : public Extractor {
 public:
  TorchScript(torch::jit::Module module, Options options, std::string where, at::Device device)
      : module_(std::move(module)),
        options_(std::move(options)),
        where_(std::move(where)),
        device_(device) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    c10::IValue answer;
    try {
      answer = module_.forward({prepare(input.pictures).to(device_)}, options_.arguments);
    } catch (const c10::OutOfMemoryError&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      return fail(where_,
                  c10::str("the module failed on ", input_text(input.pictures), ": ",
                           cause_of(what_of(error))),
                  "a module of uint8 [B, 3, H, W] that answers with float [B, D]");
    }
    return checked(answer, input.pictures.size(0));
  }

 private:
  // "uint8 [2, 3, 64, 64]", as the module gets it.
  [[nodiscard]] std::string input_text(const at::Tensor& pictures) const {
    const bool is_float = options_.resize != "none" || options_.range != "bytes";
    const auto side = [&](std::int64_t own) {
      return options_.resize == "none" ? own : options_.size;
    };
    return c10::str(is_float ? "float32" : "uint8", " [", pictures.size(0), ", 3, ",
                    side(pictures.size(2)), ", ", side(pictures.size(3)), "]");
  }

  [[nodiscard]] at::Tensor prepare(const at::Tensor& pictures) const {
    at::Tensor pixels = pictures;
    if (options_.resize != "none") {
      std::vector<at::Tensor> all;
      for (std::int64_t i = 0; i < pictures.size(0); ++i) {
        FloatPicture picture = resized(picture_of(pictures[i]), options_);
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

Result<std::unique_ptr<Extractor>> load_torchscript(const ExtractorSource& source) {
  const std::string where = source.input.string();
  if (auto fits = io::check_torchscript(source.input); !fits) return fail(fits.error());
  try {
    torch::jit::Module module = torch::jit::load(where, source.settings.device);
    module.eval();
    return std::make_unique<TorchScript>(std::move(module), options_of(source.options), where,
                                         source.settings.device);
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& fault) {
    return fail(where,
                "this is no TorchScript archive that can be loaded: " + cause_of(what_of(fault)),
                "a file of torch.jit.save");
  }
}

}  // namespace isocost::diffusion
