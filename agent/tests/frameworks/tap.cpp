// Anything that writes TAP (versions 12 to 14): points, plans, subtests by indentation, SKIP and
// TODO, YAML blocks, Bail out. Node's and Perl's ways of writing subtests are both read.
#include <algorithm>

#include "agent/tests/framework.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

// Mocha writes what it is told to write; its points are whole titles.
bool is_mocha(const ProgramCall& program) {
  return program.name == "mocha" || program.name == "_mocha";
}

bool is_call(const ProgramCall& program) {
  if (is_mocha(program))
    return program.has("tap") || program.has("--reporter=tap") || program.has("-Rtap");
  return program.name == "prove" || program.name == "tap" || program.name == "tape";
}

void propose(const ProjectFolder& folder, std::vector<Proposal>& out) {
  for (const std::string& path : folder.below)
    if (path.starts_with("t/") && path.ends_with(".t")) {
      out.push_back({"prove -lrv t", 2, "there are t/*.t files"});
      return;
    }
}

void ask_by_arguments(Ask&, CallEdit& edit) {
  const ProgramCall& program = edit.program();
  if (edit.is_script() || program.name != "prove") return;
  for (const std::string& word : program.arguments)
    if (word == "--verbose" ||
        (word.starts_with("-") && !word.starts_with("--") && word.find('v') != std::string::npos))
      return;
  edit.append("-v");  // otherwise points are counted, not named
}

struct Level {
  size_t indent = 0;
  std::string name;  // of the subtest around these points
  long planned = -1;
  long seen = 0;
};

class Reader {
 public:
  explicit Reader(Findings& findings) : findings_(findings) { levels_.push_back({}); }

  void line(std::string_view raw) {
    const size_t indent = raw.find_first_not_of(' ');
    if (indent == std::string_view::npos) return;
    const std::string_view body = raw.substr(indent);
    if (in_yaml_) {
      if (body == "..." && indent == yaml_indent_) {
        in_yaml_ = false;
      } else if (body.starts_with("duration_ms: ")) {
        if (TestCase* test = findings_.cases.find(last_))
          test->seconds = std::atof(std::string(body.substr(13)).c_str()) / 1000;
      } else if (!last_.empty() && last_red_) {
        findings_.cases.add_message(last_,
                                    std::string(raw.substr(std::min(indent, yaml_indent_))) + "\n");
      }
      return;
    }
    if (body == "---" && indent > levels_.back().indent && !last_.empty()) {
      in_yaml_ = true;
      yaml_indent_ = indent;
      return;
    }
    if (body.starts_with("# Subtest: ")) {
      // Perl writes it at the parent's column and indents the points, node likewise.
      pending_.push_back({indent, std::string(body.substr(11))});
      return;
    }
    if (body.starts_with("Bail out!")) {
      findings_.cases.set("Bail out!", TestStatus::error, body);
      return;
    }
    if (body.starts_with("#")) {
      if (last_red_) findings_.cases.add_message(last_, std::string(body) + "\n");
      return;
    }
    const bool good = body.starts_with("ok") && ends_word(body, 2);
    const bool bad = body.starts_with("not ok") && ends_word(body, 6);
    const bool plan = body.starts_with("1..");
    if (!good && !bad && !plan) {
      // prove names the file in front of its points.
      if (const size_t dots = raw.find(" .. ");
          indent == 0 && dots != std::string_view::npos && raw.substr(0, dots).ends_with(".t"))
        start_file(raw.substr(0, dots));
      return;
    }
    settle(indent);
    if (plan) {
      levels_.back().planned = std::atol(std::string(body.substr(3, 12)).c_str());
      if (levels_.back().planned == 0 && body.find("SKIP") != std::string_view::npos)
        levels_.back().planned = -1;
      return;
    }
    point(body.substr(good ? 2 : 6), good);
    std::erase_if(pending_, [&](const auto& pending) { return pending.first >= indent; });
  }

  void finish() {
    close_to(0);
    check_plan();
    findings_.complete = any_plan_ && findings_.notice.empty();
  }
  bool any() const { return any_; }

 private:
  static bool ends_word(std::string_view text, size_t at) {
    return at >= text.size() || text[at] == ' ' || text[at] == '\t';
  }

  void start_file(std::string_view file) {
    close_to(0);
    check_plan();
    levels_.front() = {};
    file_ = std::string(file) + "::";
    pending_.clear();
  }

  void check_plan() {
    const Level& level = levels_.front();
    any_plan_ = any_plan_ || level.planned >= 0;
    if (level.planned >= 0 && level.seen < level.planned)
      findings_.notice = "the plan says " + std::to_string(level.planned) + " tests and " +
                         std::to_string(level.seen) + " reported";
  }

  void close_to(size_t indent) {
    while (levels_.size() > 1 && levels_.back().indent > indent) levels_.pop_back();
  }

  // Opens or closes levels so that the last one is at this column.
  void settle(size_t indent) {
    close_to(indent);
    if (indent > levels_.back().indent && levels_.size() < 64) {
      Level level;
      level.indent = indent;
      // The subtest that was announced last, further left: node announces every point as well, at
      // the point's own column.
      for (const auto& [at, name] : pending_)
        if (at < indent) level.name = name;
      levels_.push_back(std::move(level));
    }
  }

  void point(std::string_view rest, bool good) {
    any_ = true;
    Level& level = levels_.back();
    ++level.seen;
    rest = trim(rest);
    size_t digits = 0;
    while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
    const std::string number(rest.substr(0, digits));
    rest = trim(rest.substr(digits));
    if (rest.starts_with("- ")) rest.remove_prefix(2);
    // An escaped # belongs to the name.
    size_t directive = std::string_view::npos;
    for (size_t at = rest.find('#'); at != std::string_view::npos; at = rest.find('#', at + 1)) {
      if (at > 0 && rest[at - 1] == '\\') continue;
      const std::string_view word = trim(rest.substr(at + 1));
      const auto is = [&](std::string_view name) {
        return word.size() >= name.size() &&
               std::equal(name.begin(), name.end(), word.begin(), [](char a, char b) {
                 return a == std::tolower(static_cast<unsigned char>(b));
               });
      };
      if (is("skip") || is("todo") || is("time=")) {
        directive = at;
        break;
      }
    }
    const std::string_view what =
        directive == std::string_view::npos ? std::string_view() : trim(rest.substr(directive + 1));
    const bool off = !what.empty() &&
                     (what[0] == 's' || what[0] == 'S' ||
                      ((what[0] == 't' || what[0] == 'T') && (what[1] == 'o' || what[1] == 'O')));
    std::string name;
    for (const char c : trim(rest.substr(0, directive)))
      if (c != '\\' || name.ends_with('\\')) name += c;
    if (name.empty()) name = "test " + (number.empty() ? std::to_string(level.seen) : number);
    std::string id = file_;
    for (size_t i = 1; i < levels_.size(); ++i)
      if (!levels_[i].name.empty()) id += levels_[i].name + " > ";
    last_ = findings_.cases.numbered(id + name);
    last_red_ = !good && !off;
    findings_.cases.set(last_, off    ? TestStatus::skipped
                               : good ? TestStatus::passed
                                      : TestStatus::failed);
  }

  Findings& findings_;
  std::vector<Level> levels_;
  std::vector<std::pair<size_t, std::string>> pending_;  // names of subtests to come, by column
  std::string file_, last_;
  bool last_red_ = false, in_yaml_ = false, any_ = false, any_plan_ = false;
  size_t yaml_indent_ = 0;
};

bool read_report(const RunFiles& files, Findings& findings) {
  bool any = false;
  for (const std::filesystem::path& path : report_files(files, ".tap")) {
    const auto text = read_file(path, 64u << 20);
    if (!text) {
      findings.truncated = true;
      continue;
    }
    read_tap_text(*text, findings);
    any = true;
  }
  return any && !findings.cases.empty();
}

bool select_titles(const std::vector<std::string>& ids, CallEdit& edit) {
  std::string titles;
  for (const std::string& id : ids) {
    if (id.find("::") != std::string::npos) return false;
    std::string title = id;
    if (const size_t number = title.rfind(" #");
        number != std::string::npos && number + 2 < title.size() &&
        title.find_first_not_of("0123456789", number + 2) == std::string::npos)
      title.resize(number);
    titles += (titles.empty() ? "" : "|") + regex_quoted(title);
  }
  edit.append("--grep " + shell_quoted("^(" + titles + ")$"));
  return true;
}

bool select(const std::vector<std::string>& ids, CallEdit& edit) {
  if (is_mocha(edit.program())) return select_titles(ids, edit);
  if (edit.is_script() || edit.program().name != "prove") return false;
  const auto& words = edit.call().words;
  std::vector<std::string> files;
  for (const std::string& id : ids) {
    const std::string file(split_id(id).first);
    if (!file.ends_with(".t")) return false;
    if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
  }
  for (size_t i = edit.program().first_argument(); i < words.size(); ++i)
    if (!words[i].text.starts_with("-")) edit.remove(i);
  for (const std::string& file : files) edit.append(shell_quoted(file));
  return true;
}

}  // namespace

void read_tap_text(std::string_view text, Findings& findings) {
  Reader reader(findings);
  for (const std::string_view line : split_lines(text)) reader.line(line);
  reader.finish();
}

const FrameworkRow& tap_row() {
  static constexpr FrameworkRow row{
      .name = "TAP",
      .id_form = "t/a.t::subtest > point",
      .sources = ".pl .pm .t ",
      .is_call = is_call,
      .propose = propose,
      .ask_by_arguments = ask_by_arguments,
      .read_report = read_report,
      .read_output = read_tap_text,
      .select = select,
  };
  return row;
}

}  // namespace engramd::agent
