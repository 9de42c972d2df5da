#!/usr/bin/env bash
# What is said to be pure links no clock, file, socket, thread or chance: looked up in the object code, where no include
# and no alias hides it.
#   tests/tidy/pure.sh LIBRARY.a ...
set -euo pipefail
[ $# -gt 0 ] || { echo "pure.sh: expected static libraries"; exit 1; }
forbidden='std::filesystem::[a-z_]*\(|std::filesystem::__cxx11::(recursive_)?directory_iterator|basic_(i|o)?fstream|basic_filebuf'
forbidden+='|std::chrono::_V2::|std::thread::|std::random_device|std::(recursive_)?mutex|std::condition_variable|isocost::(io|transport)::'
forbidden+='| (open|openat|fopen|creat|socket|connect|bind|listen|poll|pthread_[a-z_]+|clock_gettime|gettimeofday|time|nanosleep'
forbidden+='|getenv|secure_getenv|getrandom|rand|random|system|fork|execve|popen)(64)?(@.*)?$| (zmq|sqlite3)_'
found=0
for library in "$@"; do
  # What it defines itself is no use of something outside.
  symbols=$(nm --undefined-only --demangle "$library")
  [ -n "$symbols" ] || { echo "$library: it needs nothing at all, which cannot be"; exit 1; }
  if uses=$(grep -E "$forbidden" <<<"$symbols" | sort -u); then
    found=1
    while read -r line; do echo "$(basename "$library") uses ${line#U }"; done <<<"$uses"
  fi
done
exit "$found"
