#include "repoindex/git/history.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "repoindex/git/attributes.h"
#include "repoindex/git/command.h"
#include "repoindex/git/quoting.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxRanges = 20'000;
constexpr size_t kMaxCommits = 10'000;
constexpr int64_t kWallMs = 20'000;
constexpr char kField = '\x1f';

template <class Number>
Number number_of(std::string_view text) {
  Number n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const size_t end = text.find(separator);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

bool is_hex_id(std::string_view word) {
  return (word.size() == 40 || word.size() == 64) &&
         word.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Blame would run the clean filter that the attributes name, and that may be any program.
bool is_rewritten(const fs::path& root, const std::string& path) {
  const GitPlace place = find_git_place(root);
  if (place.kind != GitPlace::Kind::work_tree) return false;
  return Attributes(place.top, place, read_git_settings(place)).of(place.prefix + path).rewritten;
}

bool has_no_commits(const Error& error) {
  return error.message.find("does not have any commits yet") != std::string::npos ||
         error.message.find("unknown revision") != std::string::npos ||
         error.message.find("bad revision 'HEAD'") != std::string::npos;
}

// Reads `blame --incremental`: a header line, what is new of the commit, and "filename" at the end.
class BlameReader {
 public:
  bool line(std::string_view text) {
    const size_t space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    const std::string_view rest = text.substr(std::min(space + 1, text.size()));
    if (is_hex_id(word)) {
      const auto numbers = split(rest, ' ');
      if (numbers.size() < 3) return true;
      current_ = {};
      current_.commit = std::string(word);
      current_.lines.first = number_of<uint32_t>(numbers[1]) - 1;  // 1-based there
      current_.lines.n = number_of<uint32_t>(numbers[2]);
      return true;
    }
    BlameRange& known = commits_[current_.commit];
    if (word == "author") known.author = std::string(rest);
    if (word == "author-time") known.author_time = number_of<int64_t>(rest);
    if (word == "summary") known.summary = std::string(rest);
    if (word != "filename") return true;
    BlameRange range = known;
    range.lines = current_.lines;
    if (current_.commit.find_first_not_of('0') != std::string::npos) {
      range.commit = current_.commit;
    } else {
      range.author.clear();
      range.summary.clear();
      range.author_time = 0;
    }
    std::string_view name = rest;
    if (name.empty() || name[0] != '"' || !unquote_c_style(&name, &range.path))
      range.path = std::string(rest);
    ranges_.push_back(std::move(range));
    return ranges_.size() < kMaxRanges;
  }

  std::vector<BlameRange> take() {
    std::sort(ranges_.begin(), ranges_.end(), [](const BlameRange& a, const BlameRange& b) {
      return a.lines.first < b.lines.first;
    });
    return std::move(ranges_);
  }

 private:
  BlameRange current_;
  std::map<std::string, BlameRange> commits_;
  std::vector<BlameRange> ranges_;
};

}  // namespace

Result<std::vector<BlameRange>> blame(const fs::path& root, const std::string& path, LineSpan lines,
                                      const std::optional<std::string>& text,
                                      const CancelToken& cancel) {
  if (lines.n == 0) return std::vector<BlameRange>{};
  GitCall call{root, {"blame", "--incremental", "--no-textconv", "-L"}, {}, kWallMs};
  call.arguments.push_back(std::to_string(lines.first + 1) + ",+" + std::to_string(lines.n));
  if (text && !is_rewritten(root, path)) {
    call.arguments.insert(call.arguments.end(), {"--contents", "-"});
    call.input = *text;
  } else {
    call.arguments.push_back("HEAD");
  }
  call.arguments.insert(call.arguments.end(), {"--", path});
  BlameReader reader;
  ENGRAMD_CHECK(git_records(
      call, '\n', [&](std::string_view line) { return reader.line(line); }, cancel));
  return reader.take();
}

Result<std::vector<CommitInfo>> recent_commits(const fs::path& root, const std::string& path,
                                               size_t limit, const CancelToken& cancel) {
  limit = std::min(limit, kMaxCommits);
  std::vector<CommitInfo> commits;
  if (limit == 0) return commits;
  const GitCall call{root,
                     {"log", "-z", "--follow", "--no-patch", "--no-mailmap",
                      "--max-count=" + std::to_string(limit), "--format=%H%x1f%an%x1f%ct%x1f%s",
                      "HEAD", "--", path},
                     {},
                     kWallMs};
  const Status asked = git_records(
      call, '\0',
      [&](std::string_view record) {
        const auto fields = split(record, kField);
        if (fields.size() >= 4)
          commits.push_back({std::string(fields[0]), std::string(fields[1]),
                             number_of<int64_t>(fields[2]), std::string(fields[3])});
        return commits.size() < limit;
      },
      cancel);
  if (!asked && !has_no_commits(asked.error())) return fail(asked.error());
  return commits;
}

Result<ChangeHistory> ChangeHistory::mine(const fs::path& root, const MineLimits& limits,
                                          const CancelToken& cancel) {
  ChangeHistory history;
  const size_t max_commits = std::min(limits.max_commits, kMaxCommits);
  if (max_commits == 0) return history;
  const GitCall call{
      root,
      {"log", "--raw", "-z", "--no-renames", "--no-merges", "--relative",
       "--max-count=" + std::to_string(max_commits), "--format=%x1f%H%x1f%ct", "HEAD", "--", "."},
      {},
      limits.wall_ms};
  bool path_follows = false;
  const auto add_path = [&](std::string_view path) {
    Commit& commit = history.commits_.back();
    if (commit.paths.size() > limits.max_files) return;
    auto [known, fresh] = history.ids_.try_emplace(std::string(path), history.paths_.size());
    if (fresh) history.paths_.emplace_back(path);
    commit.paths.push_back(known->second);
  };
  const Status asked = git_records(
      call, '\0',
      [&](std::string_view record) {
        if (path_follows) {
          if (!history.commits_.empty()) add_path(record);
          path_follows = false;
          return true;
        }
        while (!record.empty() && record[0] == '\n') record.remove_prefix(1);
        if (!record.empty() && record[0] == kField) {
          const auto fields = split(record.substr(1), kField);
          if (fields.size() < 2) return true;
          if (history.head_.empty()) history.head_ = std::string(fields[0]);
          history.commits_.push_back({number_of<int64_t>(fields[1]), {}});
        } else if (!record.empty() && record[0] == ':') {
          path_follows = true;
        }
        return true;
      },
      cancel);
  if (!asked && !has_no_commits(asked.error())) return fail(asked.error());
  history.commits_of_.resize(history.paths_.size());
  for (uint32_t c = 0; c < history.commits_.size(); ++c) {
    Commit& commit = history.commits_[c];
    if (commit.paths.size() > limits.max_files) commit.paths.clear();
    for (const uint32_t path : commit.paths) history.commits_of_[path].push_back(c);
  }
  return history;
}

uint32_t ChangeHistory::n_changes(const std::string& path) const {
  const auto known = ids_.find(path);
  return known == ids_.end() ? 0 : static_cast<uint32_t>(commits_of_[known->second].size());
}

int64_t ChangeHistory::last_change(const std::string& path) const {
  const auto known = ids_.find(path);
  if (known == ids_.end() || commits_of_[known->second].empty()) return 0;
  return commits_[commits_of_[known->second].front()].time;
}

std::vector<CoChange> ChangeHistory::changed_with(const std::string& path, size_t limit) const {
  std::vector<CoChange> out;
  const auto known = ids_.find(path);
  if (known == ids_.end()) return out;
  std::unordered_map<uint32_t, uint32_t> counts;
  for (const uint32_t c : commits_of_[known->second]) {
    for (const uint32_t other : commits_[c].paths) {
      if (other != known->second) ++counts[other];
    }
  }
  for (const auto& [other, n] : counts)
    out.push_back({paths_[other], n, static_cast<uint32_t>(commits_of_[other].size())});
  std::sort(out.begin(), out.end(), [](const CoChange& a, const CoChange& b) {
    return a.n_together != b.n_together ? a.n_together > b.n_together : a.path < b.path;
  });
  if (out.size() > limit) out.resize(limit);
  return out;
}

}  // namespace engramd::repoindex
