#include "schema/devices/devices.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace isocost::devices {
namespace {

// Words that make another product of one with the same number: "RTX 3080 Ti" is no RTX 3080.
constexpr std::array kTellingWords = {"ti", "super", "laptop", "mobile", "max", "d", "nvl"};

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// {"4070ti"} is {"4070", "ti"}, as many write it.
void split_telling_end(std::vector<std::string>& words) {
  const std::string word = words.back();
  for (const std::string end : kTellingWords) {
    if (word.size() <= end.size() || !word.ends_with(end)) continue;
    const std::string rest = word.substr(0, word.size() - end.size());
    if (!is_digit(rest.back())) continue;
    words.back() = rest;
    words.push_back(end);
    return;
  }
}

// Letters and digits in lower case, in words: "RTX 4090" -> {"rtx", "4090"}, "A100-SXM4-80GB" ->
// {"a100", "sxm4", "80gb"}.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words{""};
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0)
      words.back() += static_cast<char>(std::tolower(byte));
    else if (!words.back().empty()) {
      split_telling_end(words);
      words.emplace_back();
    }
  }
  if (words.back().empty())
    words.pop_back();
  else
    split_telling_end(words);
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word;
  return text;
}

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool has_all(const std::vector<std::string>& all, const std::vector<std::string>& some) {
  return std::all_of(some.begin(), some.end(),
                     [&](const std::string& word) { return has(all, word); });
}

// Of the device's memory, "40gb". Much more than the row's is that of something else, as in "GH200
// 480GB" of the processor beside it.
bool is_other_size(const Device& device, const std::string& word) {
  const bool is_size = word.size() > 2 && word.size() < 6 && word.ends_with("gb") &&
                       std::all_of(word.begin(), word.end() - 2, is_digit);
  if (!is_size) return false;
  const double gigabytes = std::stod(word);
  return gigabytes != device.memory_gb && gigabytes <= 2 * device.memory_gb;
}

// Whether what was asked for is called otherwise than the row in what tells products apart.
bool differ(const Device& device, const std::vector<std::string>& own,
            const std::vector<std::string>& asked) {
  return std::any_of(kTellingWords.begin(), kTellingWords.end(),
                     [&](const char* word) { return has(own, word) != has(asked, word); }) ||
         std::any_of(asked.begin(), asked.end(),
                     [&](const std::string& word) { return is_other_size(device, word); });
}

// How well a row fits: it is the same; the driver's longer name has all of the row's words, the
// more the better; the row has all of the words, or the letters, that were asked for. 0: not.
std::size_t fit(const Device& device, const std::vector<std::string>& asked) {
  constexpr std::size_t kSame = 1000, kLonger = 100, kPart = 10, kLetters = 1;
  const std::vector<std::string> own = words_of(device.name);
  if (differ(device, own, asked)) return 0;
  if (joined(own) == joined(asked)) return kSame;
  if (has_all(asked, own)) return kLonger + own.size();
  if (has_all(own, asked)) return kPart;
  return joined(own).find(joined(asked)) != std::string::npos ? kLetters : 0;
}

}  // namespace

const std::vector<Device>& all() {
  constexpr std::string_view kSheet = "NVIDIA's data sheet";
  constexpr std::string_view kBlackwell = "NVIDIA RTX Blackwell GPU architecture whitepaper";
  constexpr std::string_view kAda = "NVIDIA Ada GPU architecture whitepaper";
  constexpr std::string_view kAmpere = "NVIDIA Ampere GA102 GPU architecture whitepaper";
  static const std::vector<Device> kAll = {
      {"B200", 75, 2250, 180, true, kSheet},
      {"H200", 67, 989, 141, true, kSheet},
      {"H100", 67, 989, 80, true, kSheet},
      {"H100 PCIe", 51, 756, 80, true, kSheet},
      {"H100 NVL", 60, 835, 94, true, kSheet},
      {"GH200", 67, 989, 96, true, kSheet},
      {"A100", 19.5, 312, 80, true, kSheet},
      {"A100 40GB", 19.5, 312, 40, true, kSheet},
      {"A800", 19.5, 312, 80, true, kSheet},
      {"A800 40GB", 19.5, 312, 40, true, kSheet},
      {"A40", 37.4, 149.7, 48, true, kSheet},
      {"A30", 10.3, 165, 24, true, kSheet},
      {"A10", 31.2, 125, 24, true, kSheet},
      {"A10G", 31.2, 70, 24, true, kSheet},
      {"L40S", 91.6, 362, 48, true, kSheet},
      {"L40", 90.5, 181, 48, true, kSheet},
      {"L4", 30.3, 121, 24, true, kSheet},
      {"V100", 15.7, 125, 32, false, kSheet},
      {"V100 16GB", 15.7, 125, 16, false, kSheet},
      {"T4", 8.1, 65, 16, false, kSheet},
      {"RTX 6000 Ada", 91.1, 364.2, 48, true, kSheet},
      {"RTX A6000", 38.7, 154.8, 48, true, kSheet},
      {"RTX A5000", 27.8, 111.1, 24, true, kSheet},
      {"GeForce RTX 5090", 104.8, 209.5, 32, true, kBlackwell},
      {"GeForce RTX 4090", 82.6, 165.2, 24, true, kAda},
      {"GeForce RTX 4080", 48.7, 97.5, 16, true, kAda},
      {"GeForce RTX 4070 Ti", 40.1, 80.2, 12, true, kAda},
      {"GeForce RTX 3090", 35.6, 71, 24, true, kAmpere},
      {"GeForce RTX 3080", 29.8, 59.5, 10, true, kAmpere},
  };
  return kAll;
}

Result<const Device*> find_device(std::string_view text) {
  const std::vector<std::string> asked = words_of(text);
  std::size_t best = 1;
  std::vector<const Device*> found;
  for (const Device& device : all()) {
    const std::size_t fits = asked.empty() ? 0 : fit(device, asked);
    if (fits < best) continue;
    if (fits > best) found.clear();
    best = fits;
    found.push_back(&device);
  }
  if (found.size() == 1) return found.front();
  std::string names;
  for (const Device& device : all())
    if (found.empty() || std::find(found.begin(), found.end(), &device) != found.end())
      names += (names.empty() ? "" : ", ") + std::string(device.name);
  return fail("device",
              "'" + std::string(text) + (found.empty() ? "' is not known" : "' may be several"),
              "one of " + names + ", cpu, or --gflops with its speed");
}

double gflops_per_second(const Device& device, std::string_view dtype) {
  const bool is_half = dtype == "float16" || (dtype == "bfloat16" && device.has_bfloat16);
  const double tflops =
      is_half ? kShareOfHalf * device.half_tflops : kShareOfFloat32 * device.float32_tflops;
  return 1000 * tflops;
}

}  // namespace isocost::devices
