// agent/edit/path_class.h - what kind of file a path is, as far as an edit of it needs consent.
//
// An agent that may change the tests, the CI or its own instructions can make any work look done:
// such files are a class of their own, told from the path by one table. A change to one needs
// consent, and is dropped from patches that are judged by the tests of others (SWE-bench).
// Vendored and generated files need consent too, but a patch with them is kept whole: where they
// are checked in they belong to the change. Pure functions: any thread.
#pragma once

#include <string>
#include <string_view>

namespace engramd::agent {

enum class PathClass {
  source,     // everything else
  test,       // tests, their fixtures, and what tells a test runner what to do
  ci,         // pipelines and their settings
  lock,       // locked versions of dependencies
  hook,       // what git or a package manager runs by itself
  agent,      // instructions to and settings of coding agents, ours included
  installed,  // dependencies that a package manager put there
  vendored,   // third-party code kept in the tree
  generated,  // a program writes it
};
std::string_view to_string(PathClass path_class);  // "test", "ci", …

PathClass classify_path(std::string_view path);
bool needs_consent(PathClass path_class);
bool is_protected_path(const std::string& path);  // needs_consent of its class

// Why an edit of such a file is refused, and what to do instead.
std::string consent_problem(const std::string& path, PathClass path_class);

}  // namespace engramd::agent
