// Applying, undoing and redoing changes, also when we are killed in the middle.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <thread>

#include "agent/edit/apply.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

struct Desk {
  Workspace ws{"//- /a.py\na0\n//- /b.py\nb0\n"};
  Workspace state{"//- /empty\n"};
  fs::path journal() const { return state.path("journal"); }
  Applied apply(std::vector<FileChange> changes, ApplyOptions options = {}) const {
    auto applied = apply_changes(ws.root(), changes, journal(), options);
    if (!applied) FAIL(applied.error().message);
    return *applied;
  }
  std::vector<JournalEntry> entries() const { return list_journal(journal()); }
};

}  // namespace

TEST_CASE("entries are listed newest first, undone, redone, and undone again without harm") {
  const Desk desk;
  const Applied first = desk.apply({{"a.py", "a0\n", "a1\n"}}, {.label = "first\nline"});
  const Applied second =
      desk.apply({{"b.py", "b0\n", std::nullopt}, {"new/deep/c.py", std::nullopt, "c1\n", true}});
  auto entries = desk.entries();
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].folder == second.journal);
  CHECK(entries[1].label == "first");
  CHECK(entries[0].state == JournalState::applied);

  for (int again = 0; again < 2; ++again) REQUIRE(undo_changes(second.journal));
  CHECK(desk.ws.read("b.py") == "b0\n");
  CHECK_FALSE(fs::exists(desk.ws.path("new")));
  CHECK(desk.entries()[0].state == JournalState::undone);
  for (int again = 0; again < 2; ++again) REQUIRE(redo_changes(second.journal));
  CHECK(desk.ws.read("new/deep/c.py") == "c1\n");
  struct stat info {};
  REQUIRE(::stat(desk.ws.path("new/deep/c.py").c_str(), &info) == 0);
  CHECK((info.st_mode & 0111) != 0);
  CHECK_FALSE(fs::exists(desk.ws.path("b.py")));
  // A folder that somebody uses stays.
  desk.ws.write("new/mine.txt", "mine");
  REQUIRE(undo_changes(second.journal));
  CHECK(desk.ws.read("new/mine.txt") == "mine");
}

TEST_CASE("an entry below later ones is undone alone, or with them, or refused by name") {
  const Desk desk;
  const Applied first = desk.apply({{"a.py", "a0\n", "a1\n"}, {"b.py", "b0\n", "b1\n"}});
  const Applied second = desk.apply({{"a.py", "a1\n", "a2\n"}});
  const Applied third = desk.apply({{"b.py", "b1\n", "b2\n"}});
  const auto refused = undo_changes(first.journal);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("a.py was changed again by the later entry " +
                                     second.journal.filename().string()) == 0);
  REQUIRE(undo_changes(second.journal));
  CHECK(desk.ws.read("a.py") == "a1\n");
  CHECK(desk.ws.read("b.py") == "b2\n");

  // All or nothing: a file of the user's own stops it before anything is written.
  desk.ws.write("a.py", "mine\n");
  const auto stopped = undo_back_to(first.journal);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().message.find("a.py was changed after") == 0);
  CHECK(desk.ws.read("b.py") == "b2\n");
  desk.ws.write("a.py", "a1\n");
  const auto all = undo_back_to(first.journal);
  REQUIRE(all);
  CHECK(all->size() == 2);
  CHECK(desk.ws.read("a.py") == "a0\n");
  CHECK(desk.ws.read("b.py") == "b0\n");
  for (const JournalEntry& entry : desk.entries()) CHECK(entry.state == JournalState::undone);
}

TEST_CASE("killed at any moment, every file is old or new, and undo completes") {
  constexpr int kFiles = 12;
  const auto old_text = [](int i) { return "old " + std::to_string(i) + "\n"; };
  const auto new_text = [](int i) { return std::string(20000, 'n') + std::to_string(i) + "\n"; };
  size_t n_mixed = 0;
  for (int round = 0; round < 24; ++round) {
    const Desk desk;
    std::vector<FileChange> changes;
    for (int i = 0; i < kFiles; ++i) {
      const std::string path = "f" + std::to_string(i);
      const bool is_new = i % 3 == 2;
      if (!is_new) desk.ws.write(path, old_text(i));
      changes.push_back({path, is_new ? std::nullopt : std::optional(old_text(i)),
                         i % 3 == 1 ? std::nullopt : std::optional(new_text(i))});
    }
    const bool kill_the_undo = round % 2 == 1;
    if (kill_the_undo) desk.apply(changes);
    // A child that tells when it begins with the files, and is killed a little later.
    const pid_t child = ::fork();
    if (child == 0) {
      const auto done = kill_the_undo ? undo_changes(desk.entries().at(0).folder)
                                      : apply_changes(desk.ws.root(), changes, desk.journal());
      ::_exit(done ? 0 : 1);
    }
    const auto begun = [&] {
      const auto entries = desk.entries();
      return !entries.empty() && (!kill_the_undo || entries[0].state != JournalState::applied);
    };
    for (int wait = 0; wait < 20000 && !begun() && ::waitpid(child, nullptr, WNOHANG) == 0; ++wait)
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    std::this_thread::sleep_for(std::chrono::microseconds(400 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);

    size_t n_new = 0;
    for (const FileChange& change : changes) {
      const auto now = read_file(desk.ws.path(change.path));
      const std::optional<std::string> text = now ? std::optional(*now) : std::nullopt;
      INFO("round " << round << ", " << change.path);
      CHECK((text == change.before || text == change.after));
      n_new += text == change.after;
    }
    n_mixed += n_new > 0 && n_new < kFiles;
    const auto entries = desk.entries();
    REQUIRE(entries.size() == 1);
    const auto undone = undo_changes(entries[0].folder);
    if (!undone) FAIL(undone.error().message);
    for (const FileChange& change : changes) {
      const auto now = read_file(desk.ws.path(change.path));
      CHECK((now ? std::optional(*now) : std::nullopt) == change.before);
    }
    // No litter beside them, either.
    for (const auto& entry : fs::directory_iterator(desk.ws.root()))
      CHECK(entry.path().filename().string().find(".engramd-") != 0);
  }
  // Otherwise the kills came at the wrong moments and this shows nothing.
  CHECK(n_mixed > 0);
}

TEST_CASE("the journal is bounded, forgets undone entries first, and says what it forgot") {
  const Desk desk;
  ApplyOptions options;
  options.limits = {3, 1u << 30, 1};
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    const std::string before = i == 0 ? "a0\n" : "a" + std::to_string(i) + "\n";
    ids.push_back(desk.apply({{"a.py", before, "a" + std::to_string(i + 1) + "\n"}}, options)
                      .journal.filename()
                      .string());
  }
  REQUIRE(undo_changes(desk.journal() / ids[2]));
  const Applied next = desk.apply({{"b.py", "b0\n", "b1\n"}}, options);
  CHECK(next.pruned == std::vector<std::string>{ids[2]});
  const Applied last = desk.apply({{"b.py", "b1\n", "b2\n"}}, options);
  CHECK(last.pruned == std::vector<std::string>{ids[0]});
  CHECK(desk.entries().size() == 3);
}

TEST_CASE("damaged entries are one clear error each, and never a write") {
  const Desk desk;
  const Applied applied = desk.apply({{"a.py", "a0\n", "a1\n"}});
  const auto manifest = read_file(applied.journal / "manifest.json").value();
  const auto broken = [&](const std::string& text) {
    REQUIRE(write_file_atomic(applied.journal / "manifest.json", text));
    CHECK_FALSE(undo_changes(applied.journal));
    CHECK(desk.ws.read("a.py") == "a1\n");
  };
  broken("");
  broken("{\"files\": 3}");
  broken("{\"version\": 2, \"root\": 7, \"files\": [{}]}");
  std::string outside = manifest;
  outside.replace(outside.find("a.py"), 4, "../x");
  broken(outside);
  REQUIRE(write_file_atomic(applied.journal / "manifest.json", manifest));
  REQUIRE(write_file_atomic(applied.journal / "0", "not what it was"));
  const auto damaged = undo_changes(applied.journal);
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().message.find("is damaged") != std::string::npos);
  CHECK(desk.ws.read("a.py") == "a1\n");
  CHECK_FALSE(undo_changes(desk.journal() / "no-such-entry"));
}
