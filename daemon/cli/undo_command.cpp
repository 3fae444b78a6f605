// undo: lists what was applied to the user's trees, takes it back, and puts it back again.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include "agent/edit/apply.h"
#include "base/environment.h"
#include "daemon/cli/command.h"

namespace engramd::daemon::cli {
namespace {

namespace fs = std::filesystem;
using agent::Applied;
using agent::JournalEntry;
using agent::JournalState;
using nlohmann::json;

struct UndoCommand {
  std::string entry, repo, back_to;
  bool list = false, redo = false, json = false;
};

std::string local_time(int64_t time_ms) {
  const std::time_t seconds = static_cast<std::time_t>(time_ms / 1000);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
  return text;
}

std::string what_happened(const agent::JournalFile& file) {
  return !file.existed ? "added" : !file.exists_after ? "removed" : "changed";
}

json to_json(const JournalEntry& entry) {
  json files = json::array();
  for (const auto& file : entry.files)
    files.push_back({{"path", file.path}, {"change", what_happened(file)}});
  return {{"id", entry.id()},          {"root", entry.root.string()},
          {"label", entry.label},      {"time_ms", entry.time_ms},
          {"files", std::move(files)}, {"state", std::string(to_string(entry.state))}};
}

void print(const JournalEntry& entry) {
  std::printf("%-22s  %s  %-8s  %s%s%s\n", entry.id().c_str(), local_time(entry.time_ms).c_str(),
              entry.unfinished() ? "UNFINISHED" : std::string(to_string(entry.state)).c_str(),
              entry.root.c_str(), entry.label.empty() ? "" : "  ", entry.label.c_str());
  for (const auto& file : entry.files)
    std::printf("    %-7s  %s\n", what_happened(file).c_str(), file.path.c_str());
}

// An id of the list, or the folder that `fix --apply` printed.
fs::path entry_folder(const fs::path& journal, const std::string& named) {
  return named.find('/') == std::string::npos ? journal / named : fs::path(named);
}

Result<fs::path> newest(const fs::path& journal, const fs::path& root, bool undone) {
  for (const JournalEntry& entry : agent::list_journal(journal, root))
    if ((entry.state == JournalState::undone) == undone) return entry.folder;
  return fail(ErrorCode::not_found,
              std::string("there is no ") +
                  (undone ? "undone change to put back" : "applied change to take back") +
                  (root.empty() ? std::string() : " in " + root.string()) +
                  " (`engramd undo --list` shows what there is)");
}

Result<int> run_undo(const UndoCommand& command) {
  const fs::path journal = state_folder() / "journal";
  fs::path root;
  if (!command.repo.empty()) {
    ENGRAMD_TRY(root, repository_root(command.repo));
  }
  if (command.list) {
    const auto entries = agent::list_journal(journal, root);
    json list = json::array();
    for (const JournalEntry& entry : entries) {
      if (command.json)
        list.push_back(to_json(entry));
      else
        print(entry);
    }
    if (command.json)
      std::cout << json{{"entries", std::move(list)}}.dump(2, ' ', false,
                                                           json::error_handler_t::replace)
                << '\n';
    else if (entries.empty())
      std::printf("nothing was applied yet\n");
    return 0;
  }
  std::vector<Applied> done;
  if (!command.back_to.empty()) {
    ENGRAMD_TRY(done, agent::undo_back_to(entry_folder(journal, command.back_to)));
  } else {
    fs::path entry;
    if (!command.entry.empty()) {
      entry = entry_folder(journal, command.entry);
    } else {
      ENGRAMD_TRY(entry, newest(journal, root, command.redo));
    }
    ENGRAMD_TRY(Applied one,
                command.redo ? agent::redo_changes(entry) : agent::undo_changes(entry));
    done.push_back(std::move(one));
  }
  json list = json::array();
  for (const Applied& one : done) {
    list.push_back({{"id", one.journal.filename().string()}, {"paths", one.paths}});
    if (!command.json)
      for (const std::string& path : one.paths)
        std::printf("%s %s\n", command.redo ? "applied" : "restored", path.c_str());
  }
  if (command.json)
    std::cout << json{{command.redo ? "redone" : "undone", std::move(list)}}.dump(
                     2, ' ', false, json::error_handler_t::replace)
              << '\n';
  return 0;
}

}  // namespace

Action define_undo(CLI::App& app) {
  auto command = std::make_shared<UndoCommand>();
  auto* entry = app.add_option("entry", command->entry,
                               "an id of --list, or the folder that `fix --apply` printed; the "
                               "newest when not given");
  auto* list = app.add_flag("--list", command->list, "show what was applied, newest first");
  auto* back = app.add_option("--back-to", command->back_to,
                              "take back this entry and all later ones of the same tree");
  auto* redo = app.add_flag("--redo", command->redo, "put an undone change back");
  app.add_option("--repo", command->repo, "only of this tree");
  app.add_flag("--json", command->json, "machine-readable output");
  back->excludes(entry)->excludes(list)->excludes(redo);
  list->excludes(entry)->excludes(redo);
  return [command] { return run_undo(*command); };
}

}  // namespace engramd::daemon::cli
