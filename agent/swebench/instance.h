// agent/swebench/instance.h - one task of a benchmark in SWE-bench's shape, and the files that hold
// them.
//
//   FILE.jsonl   one JSON object a line (Lite, Verified, Full, Multimodal, Pro and what copies
//   them) FILE.json    an array of the same objects, or an object of them by id FOLDER       a task
//   repository of SWE-bench 5: sweb.yaml, tasks/<id>/task.yaml …
//                (task_folder.h)
//
// Pure data and reading; any thread. What is wrong with a file is one error that names the line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engramd::agent::swebench {

struct Instance {
  std::string id;           // also a folder's name, so only [A-Za-z0-9._+-]
  std::string repo;         // "owner/name"
  std::string base_commit;  // hex
  std::string fix_commit;   // of slim instances: where patch, tests and statement come from
  std::string problem, hints;
  std::string patch, test_patch;  // the real fix, and its tests
  std::vector<std::string> fail_to_pass, pass_to_pass;
  std::vector<std::string> test_files;  // what {files} in test_command stands for
  std::string test_command;             // empty: found by repository (see test_command_for)
  std::string eval_script;              // of a harness image; the test command is read from it
  std::string version, created_at, language, difficulty, image;
  std::string split;                  // of a task folder
  std::vector<std::string> datasets;  // of a task folder
  std::string origin;                 // "preds.jsonl:12", for messages
};

// One record. Lists may be arrays, JSON in a string or a Python list in a string.
Result<Instance> instance_from_json(std::string_view text, const std::string& origin);
// All that the above reads, on one line.
std::string to_json_line(const Instance& instance);

// Everything in a file or folder, in its order; never empty. Ids occur once.
Result<std::vector<Instance>> read_instances(const std::filesystem::path& path);

// "i/n", counted from 0: every n-th instance, beginning with the i-th.
struct Shard {
  size_t index = 0, count = 1;
};
Result<Shard> read_shard(std::string_view text);

// The instances that one of the shell patterns names (all, when there is none), then this shard's.
// A pattern that names nothing is an error: a typing mistake must not shrink a run.
Result<std::vector<Instance>> select_instances(std::vector<Instance> instances,
                                               const std::vector<std::string>& patterns,
                                               const Shard& shard = {});

// Paths that a unified diff writes (the new name of a file, the old one of a removed file).
std::vector<std::string> files_of_patch(std::string_view patch);

// The instance's own command, that of its evaluation script, or the usual one of the repository
// (pytest, when nothing is known). {files} stands for the test files in it.
std::string test_command_for(const Instance& instance);

// {files} replaced by the paths, quoted for a shell.
std::string with_files(const std::string& command, const std::vector<std::string>& files);

}  // namespace engramd::agent::swebench
