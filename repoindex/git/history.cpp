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
constexpr int64_t kWallMs = 20'000;

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

}  // namespace engramd::repoindex
