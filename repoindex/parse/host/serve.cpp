#include "repoindex/parse/host/serve.h"

#include <malloc.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <new>
#include <string>

#include "base/confine.h"
#include "repoindex/parse/host/frame.h"
#include "repoindex/parse/syntax_access.h"
#include "repoindex/store/blob_bytes.h"
#include "repoindex/store/bytes.h"
#include "repoindex/store/segment.h"

namespace engramd::repoindex::host {

namespace {

constexpr int kSocket = 0;
constexpr size_t kTrimAbove = 256u << 10;  // trees of texts this big leave holes worth giving back

[[noreturn]] void out_of_memory() {
  ::_exit(kOutOfMemory);
}

// Tree-sitter would print and abort; so it says what was wrong.
void* checked(void* memory, size_t size) {
  if (memory == nullptr && size != 0) out_of_memory();
  return memory;
}
void* checked_malloc(size_t size) {
  return checked(std::malloc(size), size);
}
void* checked_calloc(size_t n, size_t size) {
  return checked(std::calloc(n, size), n);
}
void* checked_realloc(void* memory, size_t size) {
  return checked(std::realloc(memory, size), size);
}

bool read_all(char* at, size_t n) {
  while (n > 0) {
    ssize_t got = ::read(kSocket, at, n);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    n -= static_cast<size_t>(got);
  }
  return true;
}

bool write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t put = ::write(kSocket, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

bool is_socket(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

}  // namespace

int serve_parse_host(const ExtractFn& extract) {
  if (!is_socket(kSocket)) return kBadRequest;
  // What is loaded on first use has to be there before files can no longer be opened.
  std::set_new_handler(out_of_memory);
  ts_set_allocator(checked_malloc, checked_calloc, checked_realloc, std::free);
  Extractor own;
  const ExtractFn facts_of =
      extract ? extract
              : [&](const Language& language, std::string_view text, const ExtractLimits& limits) {
                  return own.extract(&language, text, {}, limits);
                };
  const Confinement confinement = confine_this_process({kMaxMemoryBytes, true});

  std::string hello;
  put_fixed(hello, kHelloMagic);
  put_fixed(hello, segment_pin());
  const std::string_view problem = std::string_view(confinement.problem).substr(0, kMaxProblem);
  put_fixed(hello, static_cast<uint32_t>(problem.size()));
  hello += problem;
  if (!write_all(hello)) return kAskerGone;

  std::string name, text, reply;
  char header[kRequestHeader];
  while (read_all(header, sizeof header)) {
    const auto name_size = get_fixed<uint32_t>(header + 4);
    const auto text_size = get_fixed<uint64_t>(header + 8);
    if (get_fixed<uint32_t>(header) != kRequestMagic || name_size > kMaxName ||
        text_size > kMaxText) {
      return kBadRequest;
    }
    name.resize(name_size);
    text.resize(text_size);
    if (!read_all(name.data(), name.size()) || !read_all(text.data(), text.size())) break;
    const Language* language = find_language(name);
    if (language == nullptr) return kBadRequest;
    ExtractLimits limits;
    limits.max_bytes = get_fixed<uint64_t>(header + 16);
    const FileFactsPtr facts = facts_of(*language, text, limits);
    const std::string blob = bytes_of_blob(encode_blob({}, *facts));
    reply.clear();
    put_fixed(reply, kReplyMagic);
    put_fixed(reply, static_cast<uint64_t>(blob.size()));
    if (!write_all(reply) || !write_all(blob)) break;
    if (text.size() > kTrimAbove) {
      text = {};
      ::malloc_trim(0);
    }
  }
  return kAskerGone;
}

}  // namespace engramd::repoindex::host
