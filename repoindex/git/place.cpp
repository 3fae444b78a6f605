#include "repoindex/git/place.h"

#include "base/environment.h"
#include "base/file.h"
#include "base/text.h"
#include "repoindex/git/libgit.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

bool on_disk(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool looks_like_git_folder(const fs::path& folder) {
  std::error_code error;
  return fs::is_regular_file(folder / "HEAD", error) &&
         (on_disk(folder / "commondir") ||
          (on_disk(folder / "objects") && on_disk(folder / "refs")));
}

// The folder that a `.git` entry stands for; empty when it is no repository.
fs::path git_folder_of(const fs::path& dot_git) {
  std::error_code error;
  if (fs::is_directory(dot_git, error)) return looks_like_git_folder(dot_git) ? dot_git : "";
  if (!fs::is_regular_file(dot_git, error)) return {};
  auto text = read_file(dot_git, 16384);
  constexpr std::string_view kKey = "gitdir:";
  if (!text || text->compare(0, kKey.size(), kKey) != 0) return {};
  const fs::path target(std::string(trim(std::string_view(*text).substr(kKey.size()))));
  const fs::path folder = target.is_absolute() ? target : dot_git.parent_path() / target;
  return looks_like_git_folder(folder) ? folder.lexically_normal() : "";
}

fs::path common_folder_of(const fs::path& git_folder) {
  auto text = read_file(git_folder / "commondir", 16384);
  if (!text) return git_folder;
  const fs::path target{std::string(trim(*text))};
  return (target.is_absolute() ? target : git_folder / target).lexically_normal();
}

}  // namespace

GitPlace find_git_place(const fs::path& folder) {
  GitPlace place;
  std::error_code error;
  const fs::path here = fs::weakly_canonical(folder, error);
  for (fs::path at = here;; at = at.parent_path()) {
    if (fs::path git_folder = git_folder_of(at / ".git"); !git_folder.empty()) {
      place.kind = GitPlace::Kind::work_tree;
      place.top = at;
      place.git_folder = git_folder;
      place.common_folder = common_folder_of(git_folder);
      const fs::path below = here.lexically_relative(at);
      if (below != ".") place.prefix = below.generic_string() + "/";
      return place;
    }
    if (looks_like_git_folder(at)) {
      // A folder somewhere below a bare repository is not that repository's business.
      if (at != here) return place;
      place.kind = GitPlace::Kind::bare;
      place.git_folder = at;
      place.common_folder = common_folder_of(at);
      return place;
    }
    if (at == at.parent_path()) return place;
  }
}

bool is_nested_repository(const fs::path& folder) {
  return on_disk(folder / ".git");
}

GitSettings read_git_settings(const GitPlace& place) {
  LibGit libgit;
  GitSettings settings;
  git_config* raw = nullptr;
  if (git_config_open_default(&raw) != 0 && git_config_new(&raw) != 0) return settings;
  ConfigPtr config(raw);
  if (place.kind != GitPlace::Kind::none) {
    // Wrong only in its includeIf gitdir conditions, which need an open repository.
    git_config_add_file_ondisk(raw, (place.common_folder / "config").c_str(),
                               GIT_CONFIG_LEVEL_LOCAL, nullptr, 1);
    if (on_disk(place.git_folder / "config.worktree")) {
      git_config_add_file_ondisk(raw, (place.git_folder / "config.worktree").c_str(),
                                 GIT_CONFIG_LEVEL_APP, nullptr, 1);
    }
  }
  const auto path_of = [&](const char* key, const char* fallback) -> fs::path {
    git_buf value = GIT_BUF_INIT;
    fs::path path;
    if (git_config_get_path(&value, raw, key) == 0 && value.ptr != nullptr) {
      path = std::string(value.ptr, value.size);
    } else if (auto folder = environment("XDG_CONFIG_HOME")) {
      path = fs::path(*folder) / "git" / fallback;
    } else if (auto home = environment("HOME")) {
      path = fs::path(*home) / ".config/git" / fallback;
    }
    git_buf_dispose(&value);
    return path;
  };
  settings.excludes_file = path_of("core.excludesfile", "ignore");
  settings.attributes_file = path_of("core.attributesfile", "attributes");
  const auto on_entry = [](const git_config_entry* entry, void* to) {
    const std::string_view name = entry->name;
    *static_cast<bool*>(to) |=
        name.starts_with("filter.") && name.ends_with(".smudge") && name != "filter.lfs.smudge";
    return 0;
  };
  // Not git_config_foreach_match: libgit2 1.5 never frees what its regular expression needs, 20 KB
  // each time.
  git_config_foreach(raw, on_entry, &settings.has_filters);
  return settings;
}

}  // namespace engramd::repoindex
