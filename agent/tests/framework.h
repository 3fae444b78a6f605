// agent/tests/framework.h - what a test framework's file tells the runner: one row of functions.
//
//   a command line  -> is_call, select      which program it is, and how to run only some tests
//   a run           -> ask_*                how its results become machine-readable
//   what it left    -> read_report, read_output
//   a folder        -> propose              the command for a project that says nothing
// Null where a framework has no such thing. All functions are pure but for reading the files they
// are given: any thread. Texts handed to read_* have no colours and no carriage returns, and may be
// anything else: they come from the project.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/tests/cases.h"
#include "agent/tests/command.h"
#include "agent/tests/shell_line.h"
#include "agent/tests/test_run.h"

namespace engramd::agent {

// What was found out about a run, by a row.
struct Findings {
  Cases cases;
  std::vector<std::string> running;  // had begun and were not seen to end
  bool complete = false;             // a report says that the run came to its end
  bool no_tests = false;             // the framework says that there was nothing to run
  std::string notice;                // one sentence of doubt: a plan that was not kept
  std::string text;                  // to show in place of what was printed; empty: as printed
  bool truncated = false;
};

// Changes to one call inside a command line. Positions are those of the original line.
class CallEdit {
 public:
  CallEdit(std::string line, ShellCall call, ProgramCall program, std::string separator)
      : line_(std::move(line)),
        call_(std::move(call)),
        program_(std::move(program)),
        separator_(std::move(separator)) {}
  const ProgramCall& program() const { return program_; }
  const ShellCall& call() const { return call_; }
  // The call is that of a script's line: only append() reaches it.
  bool is_script() const { return !separator_.empty(); }

  void append(std::string_view text);           // behind the last argument, before a lone "--"
  void append_last(std::string_view text);      // behind everything
  void replace_program(std::string_view text);  // the word that names the program
  void remove(size_t word_index);               // an argument; words as in call().words
  void prepend(std::string_view text);          // in front of the call: "VAR=value "
  std::string result() const;

 private:
  struct Change {
    size_t begin, end;
    std::string text;
  };
  std::string line_;
  ShellCall call_;
  ProgramCall program_;
  std::string separator_;
  std::vector<Change> changes_;
};

// How a run is asked for a report.
struct Ask {
  std::string reports;  // an empty folder for this run, as the command sees it
  std::function<std::string(std::string_view name)> helper;  // a helper file, as it sees it
  bool own_code = true;                                  // ours may run in the process of the tests
  double test_seconds = 0, run_seconds = 0;              // limits; 0: none
  const std::vector<std::string>* only = nullptr;        // ids, when some only are to run
  std::vector<std::pair<std::string, std::string>> env;  // exported in front of the command
  std::vector<std::string> paths;                        // put in front of PYTHONPATH
  std::vector<std::string> marks;  // the output names one when what was asked is refused
  bool selects = false;            // set by a row that has taken care of `only`
};

struct RunFiles {
  std::filesystem::path reports;  // the run's folder, on our side
  std::string_view tree_inside;   // absolute paths in reports begin with it
  std::string_view output;        // what was printed
};

// A folder of a project, as a framework sees it.
struct ProjectFolder {
  std::filesystem::path path;
  std::string relative;            // to the root; empty: the root itself
  std::vector<std::string> names;  // of its files and folders
  std::vector<std::string> below;  // files below it, relative to it, capped
  bool has(std::string_view name) const;
  bool has_file_below(std::string_view end) const;
  std::string read(std::string_view name) const;  // "" when absent or larger than 1 MiB
};

struct Proposal {
  std::string text;  // run inside the folder
  int sure = 0;      // 3: declared, 2: the usual files are there, 1: could be
  std::string why;
  Framework framework = Framework::unknown;  // set by the caller
};

struct FrameworkRow {
  std::string_view name;     // as people say it
  std::string_view id_form;  // an example of an id
  std::string_view sources;  // ends of the files that it tests: ".js .ts "
  // Where its calls leave JUnit XML or TAP by themselves, when they do.
  std::string_view report_glob = {};
  bool (*is_call)(const ProgramCall&) = nullptr;
  void (*propose)(const ProjectFolder&, std::vector<Proposal>&) = nullptr;
  void (*ask_by_environment)(Ask&) = nullptr;
  void (*ask_by_arguments)(Ask&, CallEdit&) = nullptr;
  bool (*read_report)(const RunFiles&, Findings&) = nullptr;  // false: there is none
  void (*read_output)(std::string_view, Findings&) = nullptr;
  bool (*select)(const std::vector<std::string>& ids, CallEdit&) = nullptr;  // false: cannot
  // What was selected may not be reached: then the whole files of those tests are run.
  bool guesses = false;
  // One sentence when the output says that nothing could be run: not installed, wrong option.
  std::string (*problem)(std::string_view output, int exit_code) = nullptr;
  // Folders that places in the message of this test may be relative to.
  std::vector<std::string> (*folders)(const std::string& id) = nullptr;
  bool innermost_first = false;  // its tracebacks begin with the innermost frame
};

const FrameworkRow& row_of(Framework framework);  // of a known one
std::vector<Framework> all_frameworks();

// A call of a known framework in a line: the last one. Nothing when there is none.
struct FoundCall {
  ShellCall call;
  ProgramCall program;
  Framework framework = Framework::unknown;
};
std::optional<FoundCall> find_framework_call(std::string_view line);
// The editable call of a command; nothing when it is hidden (a Makefile, a shell script).
std::optional<CallEdit> edit_of(const TestCommand& command);

// ---- for rows
// Absolute paths inside the tree become relative ones; others stay.
std::string in_tree(std::string_view path, std::string_view tree_inside);
// "a.b" -> "a\.b": for JavaScript's, Go's and RE2's regular expressions.
std::string regex_quoted(std::string_view text);
// Calls fn with each line of a file, at most max_bytes in all; false when it was cut.
bool for_each_line(const std::filesystem::path& file, uint64_t max_bytes,
                   const std::function<void(std::string_view)>& fn);
// Files of a run's folder whose name ends so, sorted.
std::vector<std::filesystem::path> report_files(const RunFiles& files, std::string_view end);
// The parts before and after the first "::".
std::pair<std::string_view, std::string_view> split_id(std::string_view id);
bool read_junit_text(std::string_view xml, std::string_view tree_inside, Findings& findings);
void read_tap_text(std::string_view text, Findings& findings);

}  // namespace engramd::agent
