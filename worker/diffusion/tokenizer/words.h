// How CLIP cuts a text into words before it merges bytes. For the sources of this folder and their
// tests.
//
// normalise(): normal form C, every run of white space one space, lower case.
// split_words(): contractions ('s 't 're 've 'm 'll 'd), runs of letters, single digits, runs of
// anything else that is no space; spaces fall away. The words are views into the text. Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace isocost::diffusion {

[[nodiscard]] std::u32string normalise(std::u32string_view text);
[[nodiscard]] std::vector<std::u32string_view> split_words(std::u32string_view text);

}  // namespace isocost::diffusion
