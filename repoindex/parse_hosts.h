// repoindex/parse_hosts.h - files are parsed in child processes: grammars are C over bytes that
// nobody has vetted, and one that crashes must cost a file its facts, not everybody the daemon.
//
// A host is a confined process (base/confine.h) that turns a text into encoded facts. Hosts are
// started when work comes, kept warm, and let go when idle. A text that ends a host is tried once
// more in a fresh one; the second time it is quarantined: only its names are taken, by our own
// scan, and the quarantine file remembers it.
//
// One object serves all indexes and documents of a process. Any thread; parse() waits.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/index.h"
#include "repoindex/languages/language.h"
#include "repoindex/store/encoded_blob.h"

namespace engramd::repoindex {

struct ParseHostOptions {
  // A program that runs serve_parse_host (parse/host/serve.h): `engramd parse-host`.
  std::vector<std::string> argv;
  std::filesystem::path quarantine_file;  // empty: remembered in memory only
  size_t max_hosts = 0;                   // at work at the same time; 0: hardware threads and one
  std::chrono::milliseconds idle = std::chrono::seconds(30);
  // The last warm one stays longer, so that a saved file does not pay for a start.
  std::chrono::milliseconds idle_last = std::chrono::minutes(10);
  double max_cpu_s = 30;  // for one file
  std::chrono::milliseconds max_wall = std::chrono::minutes(5);
};

class ParseHosts {
 public:
  static std::shared_ptr<ParseHosts> make(ParseHostOptions options);
  virtual ~ParseHosts() = default;

  // Errors: those of the token; corrupt: the text is (now) in quarantine; unavailable: no host can
  // be started. A larger text than max_bytes is scanned, not parsed.
  virtual Result<EncodedBlob> parse(const Language& language, std::string_view text,
                                    const std::string& blob_id, uint64_t max_bytes,
                                    const CancelToken& cancel) = 0;
  // What the text did to a host: "crashed (Segmentation fault)"; nothing when it is in order.
  virtual std::optional<std::string> quarantined(std::string_view blob_id,
                                                 std::string_view language) const = 0;
  // Stated fallbacks: no host can be started, system calls are not filtered.
  virtual std::vector<std::string> notes() const = 0;

  struct State {
    size_t n_hosts = 0, n_started = 0, n_failures = 0, n_quarantined = 0;
    uint64_t memory_bytes = 0;     // of all hosts, now
    uint64_t peak_host_bytes = 0;  // the most that one has had
    double cpu_s = 0;              // of all hosts so far
  };
  virtual State state() const = 0;
  virtual std::vector<pid_t> pids() const = 0;  // of the hosts
};

// A document whose text reaches a parser of this process only after a host has survived it: the
// text it is opened with, one that replaces it, and what a big insertion makes of it. Facts of such
// a text are the host's; edits by hand are parsed here, incrementally. While a text is quarantined
// the document has names only. hosts may be null: then this is Document::open.
std::unique_ptr<Document> open_guarded_document(std::shared_ptr<ParseHosts> hosts,
                                                const std::string& path, std::string text,
                                                int64_t version, const std::string& language = {});

}  // namespace engramd::repoindex
