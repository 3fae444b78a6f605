#include "agent/sandbox/view.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/environment.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

// Read-only inside, where they exist. Of /etc only what programs need to start and to name users:
// keys, shadow passwords and service configuration stay out.
constexpr const char* kSystemFolders[] = {"/usr", "/opt", "/nix", "/gnu/store", "/snap"};
constexpr const char* kRootFolders[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
constexpr const char* kEtcEntries[] = {
    "alternatives", "debian_version", "default/locale",  "fonts",           "group",
    "host.conf",    "hosts",          "java-11-openjdk", "java-17-openjdk", "java-21-openjdk",
    "ld.so.cache",  "ld.so.conf",     "ld.so.conf.d",    "locale.alias",    "localtime",
    "lsb-release",  "magic",          "mime.types",      "nsswitch.conf",   "os-release",
    "passwd",       "perl",           "protocols",       "python3",         "python3.11",
    "services",     "ssl/certs",      "ssl/openssl.cnf", "timezone"};

// Toolchains that people keep in their home. Only these come back after home is hidden.
constexpr const char* kHomeToolchains[] = {".pyenv",
                                           ".rbenv",
                                           ".nodenv",
                                           ".goenv",
                                           ".jenv",
                                           ".asdf",
                                           ".local/share/mise",
                                           ".local/share/uv",
                                           ".local/share/pnpm",
                                           ".local/lib",
                                           ".local/pipx",
                                           ".local/share/pipx",
                                           ".virtualenvs",
                                           ".nvm",
                                           ".volta",
                                           ".fnm",
                                           ".local/share/fnm",
                                           ".bun/bin",
                                           ".deno/bin",
                                           ".cargo/bin",
                                           ".cargo/registry",
                                           ".cargo/git",
                                           ".rustup",
                                           "go",
                                           ".sdkman/candidates",
                                           ".m2/repository",
                                           ".gradle/wrapper",
                                           ".conan2/p",
                                           "miniconda3",
                                           "anaconda3",
                                           "miniforge3",
                                           "mambaforge",
                                           ".conda/envs",
                                           ".npm-global",
                                           ".yarn"};

// Variables of ours that a test command may see, as they are.
constexpr const char* kPassedVariables[] = {"VIRTUAL_ENV",
                                            "CONDA_PREFIX",
                                            "CONDA_DEFAULT_ENV",
                                            "PYENV_ROOT",
                                            "PYENV_VERSION",
                                            "PYTHONPATH",
                                            "NVM_DIR",
                                            "NODE_PATH",
                                            "VOLTA_HOME",
                                            "RUSTUP_TOOLCHAIN",
                                            "GOROOT",
                                            "GOFLAGS",
                                            "JAVA_HOME",
                                            "LD_LIBRARY_PATH",
                                            "CC",
                                            "CXX",
                                            "CFLAGS",
                                            "CXXFLAGS",
                                            "CMAKE_PREFIX_PATH",
                                            "PKG_CONFIG_PATH",
                                            "LANG",
                                            "LC_ALL",
                                            "TZ"};

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

// What a file "gitdir: <path>" or commondir names, from the folder it lies in.
fs::path named_folder(const fs::path& file, std::string_view prefix) {
  const auto text = read_file(file, 64u << 10);
  if (!text || text->compare(0, prefix.size(), prefix) != 0) return {};
  const fs::path named(std::string(trim(std::string_view(*text).substr(prefix.size()))));
  if (named.empty()) return {};
  std::error_code error;
  fs::path real = fs::canonical(named.is_absolute() ? named : file.parent_path() / named, error);
  return error ? fs::path() : real;
}

// A hostile tree may name any folder as its git data (~/.ssh); it would be shown.
bool looks_like_git(const fs::path& folder) {
  std::error_code error;
  return !folder.empty() && fs::is_regular_file(folder / "HEAD", error) &&
         (fs::is_directory(folder / "objects", error) ||
          fs::is_regular_file(folder / "commondir", error));
}

}  // namespace

bool is_below(const fs::path& path, const fs::path& folder) {
  const std::string a = path.string(), b = folder.string();
  return b == "/" || a == b ||
         (a.size() > b.size() && a.compare(0, b.size(), b) == 0 && a[b.size()] == '/');
}

fs::path home_folder() {
  const auto home = environment("HOME");
  return home && home->front() == '/' && *home != "/" ? fs::path(*home).lexically_normal()
                                                      : fs::path();
}

SandboxView sandbox_view() {
  SandboxView view;
  const auto show = [&](const fs::path& path) {
    if (is_there(path)) view.read_only.push_back(path);
  };
  for (const char* folder : kSystemFolders) show(folder);
  for (const char* folder : kRootFolders) {
    std::error_code error;
    if (fs::is_symlink(fs::symlink_status(folder, error)))
      view.links.push_back({fs::read_symlink(folder, error).string(), folder});
    else
      show(folder);
  }
  for (const char* entry : kEtcEntries) {
    // Through the link: what it names may lie outside of what is shown.
    std::error_code error;
    const fs::path path = fs::path("/etc") / entry;
    const fs::path real = fs::canonical(path, error);
    if (!error) view.etc.push_back({real.string(), path.string()});
  }
  const fs::path home = home_folder();
  view.home = home;
  if (!home.empty())
    for (const char* name : kHomeToolchains)
      if (is_there(home / name)) view.toolchains.push_back(home / name);
  // Environments named by the caller: a virtualenv or a JDK outside of the tree.
  for (const char* name :
       {"VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_ROOT", "JAVA_HOME", "GOROOT", "NVM_DIR"}) {
    const auto value = environment(name);
    if (!value || value->front() != '/') continue;
    const fs::path folder = fs::path(*value).lexically_normal();
    const auto holds = [&](const fs::path& shown) { return is_below(folder, shown); };
    if (is_below(home, folder) || !is_there(folder) ||
        std::any_of(view.read_only.begin(), view.read_only.end(), holds) ||
        std::any_of(view.toolchains.begin(), view.toolchains.end(), holds))
      continue;
    view.toolchains.push_back(folder);
  }
  return view;
}

std::vector<std::pair<std::string, std::string>> sandbox_environment(const SandboxView& view) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const char* name : kPassedVariables)
    if (const auto value = environment(name)) out.push_back({name, *value});
  const auto is_set = [&](std::string_view name) {
    return std::any_of(out.begin(), out.end(),
                       [&](const auto& entry) { return entry.first == name; });
  };
  const auto set = [&](const char* name, std::string value) {
    if (!is_set(name)) out.push_back({name, std::move(value)});
  };
  if (!is_set("LC_ALL")) set("LANG", "C.UTF-8");
  set("PATH", environment("PATH").value_or("/usr/local/bin:/usr/bin:/bin"));
  set("TERM", "dumb");
  set("PYTHONDONTWRITEBYTECODE", "1");
  if (!view.home.empty()) {
    if (is_there(view.home / ".rustup")) set("RUSTUP_HOME", (view.home / ".rustup").string());
    if (is_there(view.home / ".cargo")) set("CARGO_HOME", (view.home / ".cargo").string());
    if (is_there(view.home / "go")) set("GOPATH", (view.home / "go").string());
    if (is_there(view.home / ".pyenv")) set("PYENV_ROOT", (view.home / ".pyenv").string());
  }
  // There is no network: to be told so at once is better than to wait for it.
  set("CARGO_NET_OFFLINE", "true");
  set("GOPROXY", "off");
  set("GOTOOLCHAIN", "local");
  set("npm_config_offline", "true");
  set("npm_config_update_notifier", "false");
  set("PIP_NO_INDEX", "1");
  set("PIP_DISABLE_PIP_VERSION_CHECK", "1");
  return out;
}

std::vector<fs::path> git_folders(const fs::path& tree) {
  std::vector<fs::path> out;
  std::error_code error;
  const fs::path git = tree / ".git";
  const fs::file_status status = fs::symlink_status(git, error);
  if (fs::is_symlink(status)) {
    const fs::path real = fs::canonical(git, error);
    if (!error && looks_like_git(real)) out.push_back(real);
  } else if (fs::exists(status)) {
    out.push_back(git);
  }
  if (out.empty()) return out;
  // A work tree or a submodule: a file names the real folder, which may name the shared one.
  if (fs::is_regular_file(out[0], error)) {
    const fs::path real = named_folder(out[0], "gitdir:");
    if (!looks_like_git(real)) return out;
    out.push_back(real);
  }
  const fs::path shared = named_folder(out.back() / "commondir", "");
  if (looks_like_git(shared)) out.push_back(shared);
  return out;
}

}  // namespace engramd::agent
