#include "daemon/wiring/parse_hosts.h"

#include "base/environment.h"

namespace engramd::daemon {

std::shared_ptr<repoindex::ParseHosts> make_parse_hosts() {
  repoindex::ParseHostOptions options;
  options.argv = {executable_path().string(), "parse-host"};
  options.quarantine_file = cache_folder() / "index" / "quarantine";
  return repoindex::ParseHosts::make(std::move(options));
}

}  // namespace engramd::daemon
