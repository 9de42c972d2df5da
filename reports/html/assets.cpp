#include "reports/html/assets.h"

// Of what is embedded: another one is another object, also for a compiler cache.
#include ISOCOST_PAGE_DIGEST_FILE

// The assembler copies a file's bytes into the program: no megabytes of literals for the compiler.
#define ISOCOST_EMBED(symbol, file)                                                 \
  __asm__(                                                                          \
      ".section .rodata\n"                                                          \
      ".global " #symbol                                                            \
      "_begin\n"                                                                    \
      ".global " #symbol "_end\n" #symbol "_begin:\n.incbin \"" file "\"\n" #symbol \
      "_end:\n.byte 0\n.previous\n");                                               \
  extern "C" const char symbol##_begin[];                                           \
  extern "C" const char symbol##_end[]

ISOCOST_EMBED(isocost_page_script, ISOCOST_PAGE_SCRIPT);
ISOCOST_EMBED(isocost_page_style, ISOCOST_PAGE_STYLE);
ISOCOST_EMBED(isocost_page_figures, ISOCOST_PAGE_FIGURES);

namespace isocost::report {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view page_script() {
  return between(isocost_page_script_begin, isocost_page_script_end);
}
std::string_view page_style() { return between(isocost_page_style_begin, isocost_page_style_end); }
std::string_view shipped_figures() {
  return between(isocost_page_figures_begin, isocost_page_figures_end);
}

}  // namespace isocost::report
