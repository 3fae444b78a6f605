#include "agent/edit/path_class.h"

#include <algorithm>
#include <cctype>

#include "repoindex/origin.h"

namespace engramd::agent {
namespace {

using enum PathClass;

enum class Where {
  folder,      // a folder of that name anywhere above
  top_folder,  // the first folder
  name,        // the file's name, in any case
  starts,      // of the name
  ends,        // of the name
  inside,      // of the name, somewhere
  path,        // the whole path
};

struct Row {
  Where where;
  std::string_view text;
  PathClass path_class;
};

// The first row that fits decides. Names are compared in lower case.
constexpr Row kRows[] = {
    // What package managers put there, before anything that lies in it.
    {Where::folder, "node_modules", installed},
    {Where::folder, "site-packages", installed},
    {Where::folder, "dist-packages", installed},
    {Where::folder, ".venv", installed},
    {Where::folder, ".tox", installed},
    {Where::folder, ".nox", installed},
    {Where::folder, ".git", hook},
    {Where::folder, ".husky", hook},
    {Where::folder, ".githooks", hook},
    {Where::name, ".pre-commit-config.yaml", hook},
    {Where::name, ".pre-commit-config.yml", hook},
    {Where::name, ".pre-commit-hooks.yaml", hook},
    {Where::name, "lefthook.yml", hook},
    {Where::name, ".lefthook.yml", hook},
    {Where::name, ".overcommit.yml", hook},
    {Where::name, ".gitattributes", hook},  // filters are programs
    {Where::name, ".gitmodules", hook},
    {Where::name, ".gitconfig", hook},
    {Where::name, ".npmrc", hook},
    {Where::name, ".yarnrc", hook},
    {Where::name, ".yarnrc.yml", hook},
    {Where::name, ".envrc", hook},
    // Agents' instructions and settings, ours included.
    {Where::name, "agents.md", agent},
    {Where::name, "agent.md", agent},
    {Where::name, "claude.md", agent},
    {Where::name, "claude.local.md", agent},
    {Where::name, "gemini.md", agent},
    {Where::name, "copilot-instructions.md", agent},
    {Where::name, ".cursorrules", agent},
    {Where::name, ".windsurfrules", agent},
    {Where::name, ".clinerules", agent},
    {Where::name, ".mcp.json", agent},
    {Where::name, ".aider.conf.yml", agent},
    {Where::name, ".engramd.toml", agent},
    {Where::name, ".engramdignore", agent},
    {Where::folder, ".cursor", agent},
    {Where::folder, ".claude", agent},
    {Where::folder, ".codex", agent},
    {Where::folder, ".gemini", agent},
    {Where::folder, ".windsurf", agent},
    {Where::folder, ".vscode", agent},
    {Where::folder, ".idea", agent},
    {Where::folder, ".devcontainer", agent},
    // CI.
    {Where::folder, ".github", ci},
    {Where::folder, ".gitlab", ci},
    {Where::folder, ".gitea", ci},
    {Where::folder, ".forgejo", ci},
    {Where::folder, ".circleci", ci},
    {Where::folder, ".buildkite", ci},
    {Where::folder, ".teamcity", ci},
    {Where::folder, ".woodpecker", ci},
    {Where::folder, ".azure-pipelines", ci},
    {Where::folder, ".ci", ci},
    {Where::name, ".gitlab-ci.yml", ci},
    {Where::name, ".travis.yml", ci},
    {Where::name, ".appveyor.yml", ci},
    {Where::name, "appveyor.yml", ci},
    {Where::name, ".drone.yml", ci},
    {Where::name, ".cirrus.yml", ci},
    {Where::name, "azure-pipelines.yml", ci},
    {Where::name, "bitbucket-pipelines.yml", ci},
    {Where::name, "cloudbuild.yaml", ci},
    {Where::name, "codecov.yml", ci},
    {Where::name, ".codecov.yml", ci},
    {Where::name, "jenkinsfile", ci},
    // Locks.
    {Where::name, "package-lock.json", lock},
    {Where::name, "npm-shrinkwrap.json", lock},
    {Where::name, "pnpm-lock.yaml", lock},
    {Where::name, "bun.lockb", lock},
    {Where::name, "go.sum", lock},
    {Where::name, "go.work.sum", lock},
    {Where::name, "gradle.lockfile", lock},
    {Where::name, "packages.lock.json", lock},
    {Where::name, "package.resolved", lock},
    {Where::ends, ".lock", lock},
    // What tells a runner which tests there are and when they pass.
    {Where::name, "conftest.py", test},
    {Where::name, "pytest.ini", test},
    {Where::name, ".pytest.ini", test},
    {Where::name, "tox.ini", test},
    {Where::name, "noxfile.py", test},
    {Where::name, "sitecustomize.py", test},
    {Where::name, "usercustomize.py", test},
    {Where::name, ".coveragerc", test},
    {Where::name, "ctesttestfile.cmake", test},
    {Where::name, "phpunit.xml", test},
    {Where::name, "phpunit.xml.dist", test},
    {Where::starts, "jest.config.", test},
    {Where::starts, "vitest.config.", test},
    {Where::starts, "vitest.workspace.", test},
    {Where::starts, "karma.conf.", test},
    {Where::starts, "playwright.config.", test},
    {Where::starts, "cypress.config.", test},
    {Where::starts, ".mocharc", test},
    {Where::starts, ".nycrc", test},
    // Tests.
    {Where::folder, "test", test},
    {Where::folder, "tests", test},
    {Where::folder, "testing", test},
    {Where::folder, "__tests__", test},
    {Where::folder, "__mocks__", test},
    {Where::folder, "__snapshots__", test},
    {Where::folder, "testdata", test},
    {Where::folder, "spec", test},
    {Where::folder, "specs", test},
    {Where::folder, "e2e", test},
    {Where::starts, "test_", test},
    {Where::name, "tests.py", test},
    {Where::name, "tests.rs", test},
    {Where::inside, "_test.", test},
    {Where::inside, "_tests.", test},
    {Where::inside, ".test.", test},
    {Where::inside, ".spec.", test},
    {Where::inside, "_spec.", test},
    {Where::ends, "test.java", test},
    {Where::ends, "tests.java", test},
    {Where::ends, "test.kt", test},
    {Where::ends, "tests.cs", test},
    {Where::ends, "test.php", test},
    {Where::ends, "tests.swift", test},
    {Where::ends, ".snap", test},
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool has_folder(std::string_view folders, std::string_view name) {
  // folders: "a/b/", so that each is name and slash at the begin or behind a slash.
  for (size_t at = folders.find(name); at != std::string_view::npos;
       at = folders.find(name, at + 1))
    if ((at == 0 || folders[at - 1] == '/') && folders.substr(at + name.size()).starts_with('/'))
      return true;
  return false;
}

}  // namespace

std::string_view to_string(PathClass path_class) {
  constexpr std::string_view kNames[] = {"source", "test",      "ci",       "lock",     "hook",
                                         "agent",  "installed", "vendored", "generated"};
  return kNames[static_cast<size_t>(path_class)];
}

PathClass classify_path(std::string_view given) {
  const std::string path = lower(given);
  const size_t slash = path.rfind('/');
  const std::string_view folders =
      slash == std::string::npos ? std::string_view() : std::string_view(path).substr(0, slash + 1);
  const std::string_view name = slash == std::string::npos
                                    ? std::string_view(path)
                                    : std::string_view(path).substr(slash + 1);
  for (const Row& row : kRows) {
    bool fits = false;
    switch (row.where) {
      case Where::folder:
        fits = has_folder(folders, row.text);
        break;
      case Where::top_folder:
        fits = folders.starts_with(row.text) && folders.substr(row.text.size()).starts_with('/');
        break;
      case Where::name:
        fits = name == row.text;
        break;
      case Where::starts:
        fits = name.starts_with(row.text);
        break;
      case Where::ends:
        fits = name.ends_with(row.text);
        break;
      case Where::inside:
        fits = name.find(row.text) != std::string_view::npos;
        break;
      case Where::path:
        fits = path == row.text;
        break;
    }
    if (fits) return row.path_class;
  }
  switch (repoindex::origin_of_path(given)) {
    case repoindex::FileOrigin::source:
      return source;
    case repoindex::FileOrigin::vendored:
      return vendored;
    case repoindex::FileOrigin::generated:
    case repoindex::FileOrigin::minified:
      return generated;
  }
  return source;
}

bool needs_consent(PathClass path_class) {
  return path_class != source;
}

bool is_protected_path(const std::string& path) {
  return needs_consent(classify_path(path));
}

std::string consent_problem(const std::string& path, PathClass path_class) {
  std::string what, instead;
  switch (path_class) {
    case test:
      what = "a test file or test configuration";
      instead = "change the code under test";
      break;
    case ci:
      what = "a CI definition";
      break;
    case lock:
      what = "a lock file";
      break;
    case hook:
      what = "something that git or a package manager runs by itself";
      break;
    case agent:
      what = "configuration of coding agents";
      break;
    case installed:
      what = "an installed dependency";
      instead = "change the project's own code";
      break;
    case vendored:
      what = "third-party code";
      instead = "change the project's own code";
      break;
    case generated:
      what = "written by a program";
      instead = "change what it is generated from";
      break;
    case source:
      break;
  }
  return path + " is " + what + "; changing it needs consent, which this run has not" +
         (instead.empty() ? "" : "; " + instead + " instead");
}

}  // namespace engramd::agent
