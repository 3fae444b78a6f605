#include "tests/repoindex/git_stories.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>

namespace fs = std::filesystem;

namespace engramd::repoindex::stories {

bool Listed::says(std::string_view part) const {
  return std::any_of(notes.begin(), notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

Listed listed(const fs::path& root, GitBackend::Wanted wanted,
              const std::vector<std::string>& exclude) {
  auto tree = WorkTree::open(fs::canonical(root), {}, exclude, wanted);
  auto listing = tree->list({});
  if (!listing) throw std::runtime_error(listing.error().message);
  Listed out;
  for (const ListedFile& file : listing->files) out.paths.push_back(file.path);
  out.notes = listing->notes;
  out.backend = tree->backend_name();
  out.n_unreadable = listing->n_unreadable;
  return out;
}

ListedFile listed_file(WorkTree& tree, const std::string& path) {
  auto listing = tree.list({});
  if (!listing) throw std::runtime_error(listing.error().message);
  for (const ListedFile& file : listing->files)
    if (file.path == path) return file;
  throw std::runtime_error(path + " is not listed");
}

namespace {
constexpr unsigned kNobody = 65534;
}

bool as_nobody(const std::function<bool()>& body) {
  if (::geteuid() != 0) throw std::runtime_error("not root");
  const pid_t pid = ::fork();
  if (pid == 0) {
    bool good = ::setgid(kNobody) == 0 && ::setuid(kNobody) == 0;
    try {
      good = good && body();
    } catch (const std::exception&) {
      good = false;
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void give_to_nobody(const fs::path& folder) {
  const auto give = [](const fs::path& path) {
    if (::lchown(path.c_str(), kNobody, kNobody) != 0) throw std::runtime_error("cannot chown");
  };
  give(folder);
  for (const auto& entry : fs::recursive_directory_iterator(folder)) give(entry.path());
}

void make_old(const fs::path& file, int seconds) {
  timespec times[2]{};
  ::clock_gettime(CLOCK_REALTIME, &times[0]);
  times[0].tv_sec -= seconds;
  times[1] = times[0];
  if (::utimensat(AT_FDCWD, file.c_str(), times, 0) != 0) throw std::runtime_error("cannot touch");
}

}  // namespace engramd::repoindex::stories
