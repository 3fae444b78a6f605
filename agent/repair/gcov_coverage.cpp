// What gcov counted: compilers of these names stand first on PATH and add --coverage. A program
// that ends by a signal (an assertion) writes no counts of its own accord: a small object that is
// linked in writes them then. The counts are read inside, since programs in /tmp end with the run.
#include <nlohmann/json.hpp>

#include "agent/repair/coverage.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kMaxReportBytes = 64u << 20, kMaxLines = 200000;

constexpr const char* kDumpAtSignal = R"(#include <signal.h>
void __gcov_dump(void);
static void stop(int number) { __gcov_dump(); signal(number, SIG_DFL); raise(number); }
__attribute__((constructor)) static void start(void) {
  const int numbers[] = {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGILL, SIGTERM};
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; ++i) signal(numbers[i], stop);
}
)";

bool write_wrappers(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!write_file_atomic(folder / "dump.c", kDumpAtSignal)) return false;
  size_t n = 0;
  for (const char* name : {"gcc", "g++", "cc", "c++"}) {
    const fs::path real = find_program(name);
    if (real.empty()) continue;
    // Linking is what is done when nothing says to stop before it.
    const std::string script =
        "#!/bin/sh\nfor a in \"$@\"; do case \"$a\" in -c|-S|-E|-M|-MM|--version|-v|-dump*) "
        "exec " +
        real.string() +
        " --coverage \"$@\";; esac; done\n"
        "d=$(dirname \"$0\")\nexec " +
        real.string() + " --coverage \"$@\" -x none \"$d/dump.o\"\n";
    if (!write_file_atomic(folder / name, script)) continue;
    fs::permissions(folder / name,
                    fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec |
                        fs::perms::group_read | fs::perms::others_read,
                    error);
    ++n;
  }
  return n > 0;
}

}  // namespace

LineCounts gcov_line_counts(const std::string& json_lines, const std::string& tree) {
  LineCounts counts;
  for (const std::string_view text : split_lines(json_lines)) {
    if (text.empty() || text[0] != '{') continue;
    const json report = json::parse(text, nullptr, false);
    if (!report.is_object() || !report.contains("files") || !report["files"].is_array()) continue;
    for (const json& file : report["files"]) {
      if (!file.is_object() || !file.contains("file") || !file["file"].is_string()) continue;
      std::string path = file["file"].get<std::string>();
      if (path.rfind(tree + "/", 0) == 0) path = path.substr(tree.size() + 1);
      path = fs::path(path).lexically_normal().string();
      if (!is_safe_relative_path(path) || !file.contains("lines") || !file["lines"].is_array())
        continue;
      std::vector<uint64_t>& lines = counts[path];
      for (const json& line : file["lines"]) {
        if (!line.is_object()) continue;
        const json number = line.value("line_number", json(0)),
                   count = line.value("count", json(0));
        if (!number.is_number_unsigned() || !count.is_number_unsigned()) continue;
        const size_t at = number.get<size_t>();
        if (at == 0 || at > kMaxLines) continue;
        if (lines.size() < at) lines.resize(at, 0);
        lines[at - 1] += count.get<uint64_t>();
      }
    }
  }
  return counts;
}

std::optional<LineCounts> count_gcov(const Workplace& place, const TestCommand& command,
                                     double wall_s, const CancelToken& cancel) {
  if (find_program("gcov").empty() || !write_wrappers(place.sandbox->report_file("gcov")))
    return std::nullopt;
  const std::string folder = place.sandbox->report_path("gcov");
  const fs::path report = place.sandbox->report_file("gcov/report.jsonl");
  std::error_code error;
  fs::remove(report, error);
  TestCommand counted = command;
  // A subshell: the command may exit. Counts lie beside the objects, in the tree or in /tmp.
  counted.text = "gcc -c -o '" + folder + "/dump.o' '" + folder + "/dump.c' || exit 97\n" +
                 "( PATH='" + folder + "':\"$PATH\"; export PATH\n" + command.text +
                 "\n); rc=$?\n" +
                 "find . /tmp -name '*.gcda' 2>/dev/null | head -n 400 | "
                 "while read -r f; do gcov --stdout --json-format \"$f\" 2>/dev/null; done > '" +
                 folder + "/report.jsonl'\nexit $rc";
  TestRunOptions options;
  options.detailed = false;
  options.limits.wall_ms = static_cast<int64_t>(1000 * wall_s);
  const auto ran = run_tests(*place.sandbox, counted, options, cancel);
  if (!ran || ran->exit_code == 97) return std::nullopt;
  const auto text = read_file(report, kMaxReportBytes);
  if (!text) return std::nullopt;
  return gcov_line_counts(*text, place.sandbox->tree_path());
}

}  // namespace engramd::agent
