// A machine whose localhost is ::1 first and 127.0.0.1 second, as stock Debian's hosts file has it,
// for tests with real processes: loaded by LD_PRELOAD.
//
//   env LD_PRELOAD=liblocalhost_v6_first.so PROGRAM ...
//
// Every other name is the system's. It needs no rights, unlike a namespace. Thread: any.
#include <dlfcn.h>
#include <netdb.h>

#include <cstring>

namespace {

using GetAddrInfo = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

GetAddrInfo real_getaddrinfo() {
  // The system gives every symbol as one pointer type.
  return reinterpret_cast<GetAddrInfo>(dlsym(RTLD_NEXT, "getaddrinfo"));
}

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  const GetAddrInfo real = real_getaddrinfo();
  if (node == nullptr || std::strcmp(node, "localhost") != 0)
    return real(node, service, hints, found);
  // No AI_ADDRCONFIG: the hosts file knows nothing of which addresses there are.
  addrinfo wanted = hints == nullptr ? addrinfo{} : *hints;
  wanted.ai_flags &= ~AI_ADDRCONFIG;
  addrinfo *first = nullptr, *second = nullptr;
  if (const int error = real("::1", service, &wanted, &first); error != 0) return error;
  if (const int error = real("127.0.0.1", service, &wanted, &second); error != 0) {
    freeaddrinfo(first);
    return error;
  }
  addrinfo* last = first;
  while (last->ai_next != nullptr) last = last->ai_next;
  last->ai_next = second;  // freeaddrinfo() follows the list, however it was made
  *found = first;
  return 0;
}
