// ISOCOST_CHECK: a promise that our own code makes to itself. On in every build.
//
// A failed check prints file, line and condition and aborts. It is for states that only a fault of
// this program can bring about; nothing that arrives from outside (a file, a frame, a flag) may
// ever reach one: that is a Result.
#pragma once

namespace isocost {

[[noreturn]] void check_failed(const char* file, int line, const char* condition, const char* why);

}  // namespace isocost

#define ISOCOST_CHECK(condition, why)                               \
  do {                                                              \
    if (!(condition)) [[unlikely]]                                  \
      ::isocost::check_failed(__FILE__, __LINE__, #condition, why); \
  } while (false)
