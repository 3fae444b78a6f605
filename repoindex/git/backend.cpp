#include "repoindex/git/backend.h"

#include <sys/stat.h>

namespace engramd::repoindex {

namespace {

bool refused_for_its_owner(const std::string& message) {
  return message.find("dubious ownership") != std::string::npos ||
         message.find("not owned by current user") != std::string::npos ||
         message.find("unsafe repository") != std::string::npos;
}

std::string owner_note(const Scope& scope) {
  struct stat s {};
  std::string owner = "somebody else";
  if (::stat(scope.place().top.c_str(), &s) == 0) owner = "user " + std::to_string(s.st_uid);
  return "the repository belongs to " + owner +
         " and git refuses it (git config --global --add safe.directory " +
         scope.place().top.string() + " allows it): files are found by walking the folder";
}

}  // namespace

GitBackend::Opened GitBackend::open(const Scope& scope, Wanted wanted, const CancelToken& cancel) {
  Opened opened;
  std::string why_not_libgit = "not asked";
  if (wanted != Wanted::command) {
    auto backend = open_libgit_backend(scope);
    if (backend) {
      opened.backend = std::move(*backend);
      return opened;
    }
    why_not_libgit = backend.error().message;
  }
  std::string why_not_command = "not asked";
  if (wanted != Wanted::libgit2) {
    // Also when libgit2 disliked the owner: it reads fewer forms of safe.directory than git does.
    auto backend = open_command_backend(scope, cancel);
    if (backend) {
      if (wanted == Wanted::best)
        opened.notes.push_back("libgit2 cannot read the repository (" + why_not_libgit +
                               "): git itself is asked");
      opened.backend = std::move(*backend);
      return opened;
    }
    why_not_command = backend.error().message;
  }
  if (refused_for_its_owner(why_not_command) || refused_for_its_owner(why_not_libgit)) {
    opened.notes.push_back(owner_note(scope));
  } else {
    opened.notes.push_back("libgit2 cannot open the repository (" + why_not_libgit +
                           "), nor can git (" + why_not_command +
                           "): files are found by walking the folder");
  }
  return opened;
}

}  // namespace engramd::repoindex
