#include "base/environment.h"

#include <unistd.h>

#include <cstdlib>
#include <system_error>

namespace engramd {
namespace {

namespace fs = std::filesystem;

fs::path xdg(const char* variable, const char* below_home) {
  if (const auto value = environment(variable); value && value->front() == '/')
    return fs::path(*value) / "engramd";
  const auto home = environment("HOME");
  return fs::path(home ? *home : "/") / below_home / "engramd";
}

}  // namespace

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

fs::path config_folder() {
  return xdg("XDG_CONFIG_HOME", ".config");
}
fs::path cache_folder() {
  return xdg("XDG_CACHE_HOME", ".cache");
}
fs::path state_folder() {
  return xdg("XDG_STATE_HOME", ".local/state");
}

fs::path runtime_folder() {
  std::error_code error;
  if (const auto value = environment("XDG_RUNTIME_DIR");
      value && fs::is_directory(*value, error) && ::access(value->c_str(), W_OK) == 0)
    return fs::path(*value) / "engramd";
  const fs::path temporary = fs::temp_directory_path(error);
  return (error ? fs::path("/tmp") : temporary) / ("engramd-" + std::to_string(::getuid()));
}

fs::path executable_path() {
  std::error_code error;
  const fs::path path = fs::read_symlink("/proc/self/exe", error);
  if (error) return {};
  // A package starts the binary through the C library it brings along, so the running program is
  // that loader: <root>/lib/ld-linux-x86-64.so.2. What can be started again is <root>/bin/engramd.
  if (path.filename().string().starts_with("ld-linux"))
    return path.parent_path().parent_path() / "bin" / "engramd";
  return path;
}

fs::path shipped_file(const std::string& name) {
  std::error_code error;
  if (const auto folder = environment("ENGRAMD_DATA"))
    if (fs::path path = fs::path(*folder) / name; fs::exists(path, error)) return path;
  const fs::path beside = executable_path().parent_path();
  const fs::path candidates[] = {beside / "../share/engramd" / name, beside / "../.." / name,
                                 beside / "../../.." / name};
  for (const fs::path& candidate : candidates)
    if (fs::exists(candidate, error)) return fs::weakly_canonical(candidate, error);
  return {};
}

}  // namespace engramd
