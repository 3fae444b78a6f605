// A parse host that fails when a text says so: confined like the real one, it does what a grammar
// that a hostile file has got hold of could do. The program itself has no such ears.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

#include "base/cancel.h"
#include "repoindex/parse/host/serve.h"

using namespace engramd::repoindex;

namespace {

void write_to_asker(std::string_view bytes) {
  (void)!::write(0, bytes.data(), bytes.size());
}

// Reached through memory, so that the compiler cannot know what follows.
volatile int* volatile nowhere = nullptr;

[[noreturn]] void spin() {
  for (;;) (void)engramd::Clock::now();
}

void obey(std::string_view text) {
  const auto says = [&](const char* what) { return text.find(what) != std::string_view::npos; };
  if (says("EVIL_ABORT")) std::abort();
  if (says("EVIL_SEGV")) *nowhere = 1;
  if (says("EVIL_EXIT")) ::_exit(0);
  if (says("EVIL_SPIN")) spin();
  if (says("EVIL_EAT"))
    for (;;) *static_cast<volatile char*>(std::malloc(16u << 20)) = 1;
  if (says("EVIL_NEW"))
    for (;;) *static_cast<volatile char*>(::operator new(16u << 20)) = 1;
  if (says("EVIL_OPEN")) ::syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
  if (says("EVIL_SOCKET")) ::socket(AF_INET, SOCK_STREAM, 0);
  if (says("EVIL_EXEC")) ::execl("/bin/true", "true", nullptr);
  if (says("EVIL_FORK")) ::fork();
  if (says("EVIL_KILL")) ::kill(::getppid(), SIGTERM);
  if (says("EVIL_TGKILL")) ::syscall(SYS_tgkill, 1, 1, SIGTERM);
  if (says("EVIL_CODE"))
    ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (says("EVIL_GARBAGE")) {
    write_to_asker(std::string(4096, '\xEE'));
    ::_exit(0);
  }
  if (says("EVIL_HUGE")) {  // a reply of 2^60 bytes
    write_to_asker(std::string_view("EPR1\0\0\0\0\0\0\0\x10", 12));
    spin();
  }
  if (says("EVIL_SHORT")) {  // a reply whose content is none
    write_to_asker(std::string_view("EPR1\x03\0\0\0\0\0\0\0abc", 15));
    ::_exit(0);
  }
}

}  // namespace

int main() {
  Extractor extractor;
  return host::serve_parse_host(
      [&](const Language& language, std::string_view text, const ExtractLimits& limits) {
        obey(text);
        FileFactsPtr facts = extractor.extract(&language, text, {}, limits);
        if (text.find("EVIL_LIES") == std::string_view::npos) return facts;
        auto lies = std::make_shared<FileFacts>(*facts);  // places outside of the text
        for (Occurrence& o : lies->occurrences) o.end += 1u << 20;
        return FileFactsPtr(std::move(lies));
      });
}
