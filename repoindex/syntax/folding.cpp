#include "repoindex/syntax/folding.h"

#include <algorithm>
#include <unordered_set>

#include "repoindex/languages/language.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxNodes = 400'000, kMaxFound = 50'000, kMaxSummary = 60;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}
bool is_blank(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_space);
}

char closing_of(std::string_view token) {
  if (token.empty() || token.size() > 3) return 0;
  switch (token.back()) {
    case '(':
      return ')';
    case '[':
      return ']';
    case '{':
      return '}';
    default:
      return 0;
  }
}
// Words that close what their node opened.
bool closes_in_words(std::string_view token) {
  return token == "end" || token == "fi" || token == "done" || token == "esac" ||
         token == "endif" || token == "#endif";
}

// "region" and its name in a line that is a comment or a directive and says so.
struct RegionMark {
  bool begins = false;
  std::string name;
};
std::optional<RegionMark> region_mark(std::string_view line) {
  line = trim(line);
  bool marked = false;
  for (std::string_view mark : {"//", "#", "--", "/*", "<!--", ";", "%"}) {
    if (line.substr(0, mark.size()) == mark) {
      line = trim(line.substr(mark.size()));
      marked = true;
      break;
    }
  }
  if (!marked) return std::nullopt;
  if (line.substr(0, 1) == "#") line = trim(line.substr(1));
  if (line.substr(0, 7) == "pragma ") line = trim(line.substr(7));
  RegionMark out;
  std::string_view word = line.substr(0, line.find_first_of(" \t:"));
  if (word == "region") {
    out.begins = true;
    line = trim(line.substr(word.size()));
    for (std::string_view end : {"*/", "-->"}) {
      if (line.size() >= end.size() && line.substr(line.size() - end.size()) == end)
        line = trim(line.substr(0, line.size() - end.size()));
    }
    if (line.substr(0, 1) == ":") line = trim(line.substr(1));
    out.name = std::string(line);
    return out;
  }
  if (word == "endregion") return out;
  return std::nullopt;
}

class Folder {
 public:
  Folder(const SyntaxFile& file, const CancelToken& cancel)
      : file_(file), text_(*file.text), cancel_(cancel) {}

  std::vector<Fold> find() {
    if (text_.find("region") != std::string_view::npos &&
        (file_.language == nullptr || file_.language->name != "markdown")) {
      regions();
    }
    if (file_.tree != nullptr) {
      walk_tree();
      comment_runs();
      import_runs();
    }
    return std::move(found_);
  }

 private:
  void add(Fold fold) {
    if (fold.last_line <= fold.first_line || found_.size() >= kMaxFound) return;
    if (fold.summary.size() > kMaxSummary) {
      size_t cut = kMaxSummary;
      while (cut > 0 && (static_cast<unsigned char>(fold.summary[cut]) & 0xC0) == 0x80) --cut;
      fold.summary.resize(cut);
      fold.summary += "…";
    }
    found_.push_back(std::move(fold));
  }

  size_t line_start(size_t offset) const { return file_.lines->line_start(file_.line_of(offset)); }
  size_t line_end(uint32_t line) const { return file_.lines->line_range(line, text_).end; }
  bool first_of_line(size_t offset) const {
    const size_t start = line_start(offset);
    return is_blank(text_.substr(start, offset - start));
  }
  // With nothing but other closing brackets before it on its line: the last of "});".
  bool closes_line_start(size_t offset) const {
    const std::string_view before = text_.substr(line_start(offset), offset - line_start(offset));
    return before.find_first_not_of(" \t)]}") == std::string_view::npos;
  }
  // Without the white space that some nodes end with.
  size_t trimmed_end(size_t begin, size_t end) const {
    end = std::min(end, text_.size());
    while (end > begin && is_space(text_[end - 1])) --end;
    return end;
  }

  void regions() {
    struct Open {
      uint32_t line;
      std::string name;
    };
    std::vector<Open> open;
    const auto n = static_cast<uint32_t>(file_.lines->line_count());
    for (uint32_t line = 0; line < n; ++line) {
      auto mark = region_mark(file_.line_text(line));
      if (!mark) continue;
      if (mark->begins) {
        open.push_back({line, mark->name});
      } else if (!open.empty()) {
        Fold fold;
        fold.kind = FoldKind::region;
        fold.first_line = open.back().line;
        fold.last_line = line;
        fold.exact = {line_end(fold.first_line), line_end(line)};
        fold.summary = open.back().name;
        add(std::move(fold));
        open.pop_back();
      }
    }
  }

  // What lies between two tokens: the closing one stays visible when it begins its line.
  void add_between(size_t open_end, size_t close_begin) {
    Fold fold;
    fold.first_line = file_.line_of(open_end);
    fold.last_line = file_.line_of(close_begin);
    if (fold.last_line > fold.first_line && closes_line_start(close_begin)) --fold.last_line;
    fold.exact = {open_end, close_begin};
    add(std::move(fold));
  }

  // From the end of the line of `from` to the end.
  void add_rest(size_t from, size_t end, FoldKind kind = FoldKind::block,
                std::string summary = {}) {
    Fold fold;
    fold.kind = kind;
    fold.first_line = file_.line_of(from);
    fold.last_line = file_.line_of(end);
    fold.exact = {std::min(line_end(fold.first_line), end), end};
    fold.summary = std::move(summary);
    add(std::move(fold));
  }

  void walk_tree() {
    std::vector<SyntaxNode> waiting = {file_.tree->root()};
    size_t n = 0;
    while (!waiting.empty() && found_.size() < kMaxFound) {
      const SyntaxNode node = waiting.back();
      waiting.pop_back();
      const std::vector<SyntaxNode> children = node.children();
      n += children.size();
      if (n > kMaxNodes || ((n & 0xFF) == 0 && cancel_.cancelled())) return;
      if (children.empty()) {
        leaf(node);
        continue;
      }
      look_at(node, children);
      for (auto child = children.rbegin(); child != children.rend(); ++child) {
        // Nothing on one line folds; comments count even so.
        const bool several = file_.line_of(child->begin()) != file_.line_of(child->end());
        if (contains_kind(file_.language->comments, child->kind())) {
          comments_.push_back({child->begin(), trimmed_end(child->begin(), child->end())});
        } else if (several) {
          waiting.push_back(*child);
        }
      }
    }
  }

  void look_at(const SyntaxNode& node, const std::vector<SyntaxNode>& children) {
    const Language& language = *file_.language;
    const std::string_view kind = node.kind();
    const size_t end = trimmed_end(node.begin(), node.end());
    // Brackets among the children.
    std::vector<std::pair<char, size_t>> open;
    for (const SyntaxNode& child : children) {
      if (child.is_named() || child.child_count() > 0) continue;
      const std::string_view token = child.text(text_);
      if (const char closing = closing_of(token)) {
        open.emplace_back(closing, child.end());
      } else if (token.size() == 1 && !open.empty() && token[0] == open.back().first) {
        add_between(open.back().second, child.begin());
        open.pop_back();
      }
    }
    const SyntaxNode& last = children.back();
    const bool in_parts = std::any_of(children.begin(), children.end(), [&](const auto& child) {
      return contains_kind(language.folded_bodies, child.kind()) ||
             contains_kind(language.folds, child.kind());
    });
    if (!in_parts && !last.is_named() && closes_in_words(last.text(text_))) {
      add_between(std::min(line_end(file_.line_of(node.begin())), size_t{last.begin()}),
                  last.begin());
    } else if (contains_kind(language.folds, kind)) {
      const bool closed = !language.tags.empty() && children.size() > 1 &&
                          last.begin() < last.end() && text_.substr(last.begin(), 2) == "</";
      if (closed) {
        add_between(children.front().end(), last.begin());
      } else {
        add_rest(node.begin(), end);
      }
    } else if (contains_kind(language.edit.string, kind)) {
      add_rest(node.begin(), end);
    }
    for (size_t i = 0; i < children.size(); ++i) {
      if (!contains_kind(language.folded_bodies, children[i].kind())) continue;
      const size_t from = i > 0 ? children[i - 1].end() : node.begin();
      add_rest(from, trimmed_end(children[i].begin(), children[i].end()));
    }
  }

  // A string of several lines that has no parts.
  void leaf(const SyntaxNode& node) {
    if (!contains_kind(file_.language->edit.string, node.kind())) return;
    add_rest(node.begin(), trimmed_end(node.begin(), node.end()));
  }

  // Comments that each have lines of their own, one below the other.
  void comment_runs() {
    std::sort(comments_.begin(), comments_.end(),
              [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
    for (size_t i = 0; i < comments_.size();) {
      size_t next = i + 1;
      const bool alone = first_of_line(comments_[i].begin);
      const bool line = file_.line_of(comments_[i].begin) == file_.line_of(comments_[i].end);
      while (alone && line && next < comments_.size() && first_of_line(comments_[next].begin) &&
             file_.line_of(comments_[next].begin) == file_.line_of(comments_[next].end) &&
             file_.line_of(comments_[next].begin) == file_.line_of(comments_[next - 1].end) + 1 &&
             !region_mark(file_.line_text(file_.line_of(comments_[next].begin))) &&
             !region_mark(file_.line_text(file_.line_of(comments_[next - 1].begin)))) {
        ++next;
      }
      const std::string_view first = trim(file_.line_text(file_.line_of(comments_[i].begin)));
      add_rest(comments_[i].begin, comments_[next - 1].end, FoldKind::comment,
               alone && (first == "/*" || first == "/**") ? std::string(first) + " … */"
                                                          : std::string());
      i = next;
    }
  }

  // Import statements with nothing but blank lines between them.
  void import_runs() {
    if (file_.facts == nullptr) return;
    std::vector<ByteRange> imports;
    for (const Import& import : file_.facts->imports) {
      const size_t end = trimmed_end(import.begin, import.end);
      if (end > text_.size() || import.begin >= end) continue;
      if (imports.empty() || imports.back().begin < import.begin)
        imports.push_back({import.begin, end});
    }
    for (size_t i = 0; i < imports.size();) {
      size_t next = i + 1;
      while (next < imports.size() && imports[next].begin >= imports[next - 1].end &&
             only_between(imports[next - 1].end, imports[next].begin)) {
        ++next;
      }
      const size_t begin = imports[i].begin, end = imports[next - 1].end;
      const uint32_t line = file_.line_of(begin);
      // An import of several lines folds at its brackets already.
      if (mark_brackets_around(begin, end)) {
        i = next;
        continue;
      }
      if (file_.line_of(end) > line && next > i + 1) {
        std::erase_if(found_, [&](const Fold& fold) { return fold.first_line == line; });
        add_rest(begin, end, FoldKind::imports, std::string(trim(file_.line_text(line))) + " …");
      } else {
        for (Fold& fold : found_)
          if (fold.first_line == line && fold.exact.end <= end) fold.kind = FoldKind::imports;
      }
      i = next;
    }
  }
  // Go: import ( … ).
  bool mark_brackets_around(size_t begin, size_t end) {
    for (Fold& fold : found_) {
      if (fold.exact.begin > begin || fold.exact.end < end || fold.kind != FoldKind::block)
        continue;
      if (is_blank(text_.substr(fold.exact.begin, begin - fold.exact.begin)) &&
          is_blank(text_.substr(end, fold.exact.end - end))) {
        fold.kind = FoldKind::imports;
        return true;
      }
    }
    return false;
  }
  // The words of an import that stand before what was noted of it.
  bool only_between(size_t begin, size_t end) const {
    std::string_view between = text_.substr(begin, end - begin);
    if (between.size() > 200) return false;
    while (!between.empty() && (is_space(between[0]) || between[0] == ';'))
      between.remove_prefix(1);
    between = trim(between);
    return between.empty() || between == "const" || between == "var" || between == "let" ||
           between == "import" || between == "use" || between == "@";
  }

  const SyntaxFile& file_;
  const std::string_view text_;
  const CancelToken& cancel_;
  std::vector<Fold> found_;
  std::vector<ByteRange> comments_;
};

int rank(const Fold& fold) {
  return fold.kind == FoldKind::block ? 1 : 0;
}

}  // namespace

std::vector<Fold> folds(const SyntaxFile& file, size_t limit, const CancelToken& cancel) {
  std::vector<Fold> found = Folder(file, cancel).find();
  std::stable_sort(found.begin(), found.end(), [](const Fold& a, const Fold& b) {
    return a.first_line != b.first_line ? a.first_line < b.first_line : a.last_line > b.last_line;
  });
  found.erase(
      std::unique(found.begin(), found.end(),
                  [](const Fold& a, const Fold& b) { return a.first_line == b.first_line; }),
      found.end());
  std::vector<uint32_t> ends;
  for (Fold& fold : found) {
    while (!ends.empty() && ends.back() < fold.first_line) ends.pop_back();
    fold.depth = static_cast<uint32_t>(ends.size());
    ends.push_back(fold.last_line);
  }
  if (found.size() > limit) {
    std::stable_sort(found.begin(), found.end(), [](const Fold& a, const Fold& b) {
      return rank(a) != rank(b) ? rank(a) < rank(b) : a.depth < b.depth;
    });
    found.resize(limit);
    std::sort(found.begin(), found.end(),
              [](const Fold& a, const Fold& b) { return a.first_line < b.first_line; });
  }
  return found;
}

}  // namespace engramd::repoindex
