#include "daemon/cli/command.h"

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "daemon/wiring/parse_hosts.h"

namespace engramd::daemon::cli {
namespace {

namespace fs = std::filesystem;

CancelSource& interrupt_source() {
  static CancelSource source;
  return source;
}

volatile sig_atomic_t first_signal = 0;

void on_interrupt(int signal) {
  if (first_signal != 0) ::_exit(130);
  first_signal = signal;
  interrupt_source().cancel();
}

class ProgressLine {
 public:
  ProgressLine() : enabled_(::isatty(STDERR_FILENO) == 1) {}
  ~ProgressLine() {
    if (enabled_ && shown_) std::fputs("\r\033[K", stderr);
  }
  void show(const repoindex::IndexProgress& progress) {
    if (!enabled_) return;
    const Clock::time_point now = Clock::now();
    if (shown_ && now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    shown_ = true;
    std::fprintf(stderr, "\rindexing %zu of %zu files\033[K", progress.done, progress.total);
  }

 private:
  const bool enabled_;
  bool shown_ = false;
  Clock::time_point last_{};
};

}  // namespace

const std::vector<CommandRow>& commands() {
  static const std::vector<CommandRow> rows = {
      {"lsp", "Editors", "speak LSP on stdin and stdout, attached to the resident daemon",
       define_lsp},
      {"daemon", "Editors", "run the resident process in the foreground", define_daemon},
      {"status", "Editors", "what the resident process is doing", define_status},
      {"stop", "Editors", "end the resident process", define_stop},
      {"index", "Repository", "build or update the index of a repository", define_index},
      {"query", "Repository", "ask the index: def, refs, symbols, calls, text", define_query},
      {"locate", "Repository", "rank files and functions for an issue text", define_locate},
      {"context", "Repository", "show the window a model would see", define_context},
      {"complete", "Work", "one inline completion at a place", define_complete},
      {"fix", "Work", "turn a red test green, or work on an issue text", define_fix},
      {"swebench", "Work", "benchmarks in SWE-bench's shape: run, grade, report", define_swebench},
      {"undo", "Work", "take back what `fix --apply` changed", define_undo},
      {"trajectory", "Work", "read a saved agent run", define_trajectory},
      {"model", "Engine", "list, explain, verify or convert model files", define_model},
      {"tokenize", "Engine", "text to token ids", define_tokenize},
      {"generate", "Engine", "continue a text with the model alone", define_generate},
      {"logits", "Engine", "write float32 logits for given token ids", define_logits},
      {"bench", "Engine", "prompt and generation speed of a model", define_bench},
      {"serve", "Engine", "an OpenAI-compatible HTTP server over the model", define_serve},
      {"config", "Set-up", "show settings and where they come from", define_config},
      {"doctor", "Set-up", "check this machine, with a remedy for each gap", define_doctor},
      // Started by the index, not by people: in no group, so --help does not list it.
      {"parse-host", "", "parse texts that come over standard input, confined", define_parse_host},
  };
  return rows;
}

CancelToken interrupt_token() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    return true;
  }();
  (void)installed;
  return interrupt_source().token();
}

int interrupt_signal() {
  return first_signal;
}

void add_repo_option(CLI::App& app, CommonOptions& options) {
  app.add_option("--repo", options.repo, "the repository or folder")->capture_default_str();
}
void add_json_option(CLI::App& app, CommonOptions& options) {
  app.add_flag("--json", options.json, "print JSON");
}
void add_model_option(CLI::App& app, CommonOptions& options) {
  app.add_option("--model", options.model,
                 "FILE.gguf, a folder with one, or http(s)://host/v1#name");
}

void add_revision_option(CLI::App& app, CommonOptions& options) {
  app.add_option("--rev", options.revision,
                 "ask of a commit (HEAD~3, a branch, a tag) instead of the files in the folder");
}

Result<fs::path> repository_root(const std::string& folder) {
  std::error_code error;
  const fs::path start = fs::canonical(folder, error);
  if (error || !fs::is_directory(start, error))
    return fail(ErrorCode::not_found, "--repo " + folder + " is not a folder");
  return start;
}

Result<Settings> settings_for(const CommonOptions& options) {
  ENGRAMD_TRY(const fs::path root, repository_root(options.repo));
  std::map<std::string, std::string> flags;
  if (!options.model.empty()) flags["model"] = options.model;
  ENGRAMD_TRY(Settings settings, load_settings(root, flags));
  return settings;
}

repoindex::IndexOptions index_options(const Settings& settings) {
  repoindex::IndexOptions options;
  options.include = settings.list("index.include");
  options.exclude = settings.list("index.exclude");
  options.parse_hosts = make_parse_hosts();
  return options;
}

Result<OpenedIndex> open_index(const CommonOptions& common, const Settings& settings) {
  ENGRAMD_TRY(const fs::path root, repository_root(common.repo));
  repoindex::IndexOptions options = index_options(settings);
  options.revision = common.revision;
  OpenedIndex opened;
  opened.parse_hosts = options.parse_hosts;
  ENGRAMD_TRY(opened.index, repoindex::RepoIndex::open(root, options));
  ProgressLine line;
  ENGRAMD_TRY(opened.stats,
              opened.index->refresh([&](const repoindex::IndexProgress& p) { line.show(p); },
                                    interrupt_token()));
  opened.view.snapshot = opened.index->snapshot();
  return opened;
}

Result<FilePosition> parse_position(const std::string& text, const repoindex::View& view) {
  const auto wrong = [&] {
    return fail(ErrorCode::invalid_input,
                "\"" + text + "\" is not a place, expected FILE:LINE:COL counted from 1");
  };
  const size_t column_at = text.rfind(':');
  if (column_at == std::string::npos || column_at == 0) return wrong();
  const size_t line_at = text.rfind(':', column_at - 1);
  if (line_at == std::string::npos || line_at == 0) return wrong();
  const auto number = [](const std::string& digits) -> unsigned long {
    if (digits.empty() || digits.size() > 9 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
      return 0;
    return std::stoul(digits);
  };
  const unsigned long line = number(text.substr(line_at + 1, column_at - line_at - 1));
  const unsigned long column = number(text.substr(column_at + 1));
  if (line == 0 || column == 0) return wrong();
  std::error_code error;
  fs::path path = text.substr(0, line_at);
  if (path.is_absolute()) path = fs::canonical(path, error).lexically_relative(view.root());
  FilePosition position{path.lexically_normal().generic_string(), 0};
  const auto content = view.text(position.path);
  if (!content)
    return fail(ErrorCode::not_found,
                position.path + " is not a readable file below " + view.root().string());
  const LineIndex lines(*content);
  if (line > lines.line_count())
    return fail(ErrorCode::invalid_input, position.path + " has " +
                                              std::to_string(lines.line_count()) + " lines, line " +
                                              std::to_string(line) + " was asked");
  position.offset =
      lines.offset({static_cast<uint32_t>(line - 1), static_cast<uint32_t>(column - 1)}, *content);
  return position;
}

std::string fixed(double value, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return buffer;
}

std::string human_bytes(uint64_t bytes) {
  if (bytes < 10'000) return std::to_string(bytes) + " B";
  if (bytes < 10'000'000) return fixed(static_cast<double>(bytes) / 1e3, 1) + " kB";
  if (bytes < 10'000'000'000) return fixed(static_cast<double>(bytes) / 1e6, 1) + " MB";
  return fixed(static_cast<double>(bytes) / 1e9, 1) + " GB";
}

}  // namespace engramd::daemon::cli
