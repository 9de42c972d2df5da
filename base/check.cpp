#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace isocost {

void check_failed(const char* file, int line, const char* condition, const char* why) {
  std::fprintf(stderr, "%s:%d: broken promise of isocost itself: %s (%s)\n", file, line, condition,
               why);
  std::abort();
}

}  // namespace isocost
