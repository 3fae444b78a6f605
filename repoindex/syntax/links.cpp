#include "repoindex/syntax/links.h"

#include <algorithm>

#include "repoindex/query/imported.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxImports = 1000;    // of one file that are followed
constexpr size_t kMaxUrl = 2000;        // bytes
constexpr size_t kMaxStatement = 4000;  // bytes of an import in which its target is looked for

bool is_word(char c) {
  const auto u = static_cast<unsigned char>(c);
  return isalnum(u) || c == '_' || u >= 0x80;
}

// Where an address that begins at `begin` ends: it has no blanks, quotes or open brackets, and the
// punctuation of the sentence around it is not its own.
size_t end_of_url(std::string_view text, size_t begin) {
  size_t end = begin;
  int round = 0, square = 0;
  for (; end < text.size() && end - begin < kMaxUrl; ++end) {
    const char c = text[end];
    if (static_cast<unsigned char>(c) <= ' ' ||
        std::string_view("<>\"'`{}|\\^").find(c) != std::string_view::npos)
      break;
    if (c == '(') ++round;
    if (c == ')' && --round < 0) break;
    if (c == '[') ++square;
    if (c == ']' && --square < 0) break;
  }
  while (end > begin && std::string_view(".,;:!?*_").find(text[end - 1]) != std::string_view::npos)
    --end;
  return end;
}

std::string folder_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

// "a/b" and "../c.md#x" -> "a/c.md"; empty when it leads out of the root.
std::string joined(std::string_view folder, std::string_view target) {
  target = target.substr(0, target.find_first_of("#?"));
  if (target.empty()) return {};
  std::vector<std::string_view> parts;
  const auto take = [&](std::string_view path) {
    while (!path.empty()) {
      const size_t slash = std::min(path.find('/'), path.size());
      const std::string_view part = path.substr(0, slash);
      path.remove_prefix(std::min(slash + 1, path.size()));
      if (part.empty() || part == ".") continue;
      if (part == "..") {
        if (parts.empty()) return false;
        parts.pop_back();
      } else {
        parts.push_back(part);
      }
    }
    return true;
  };
  if (target[0] != '/' && !take(folder)) return {};
  if (!take(target)) return {};
  std::string out;
  for (const std::string_view part : parts) {
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

class Finder {
 public:
  Finder(const View& view, const SyntaxFile& file, const CancelToken& cancel, size_t limit)
      : view_(view), file_(file), text_(*file.text), cancel_(cancel), limit_(limit) {}

  std::vector<Link> find() {
    urls();
    imports();
    if (file_.language != nullptr || file_.facts != nullptr) markup();
    std::stable_sort(out_.begin(), out_.end(),
                     [](const Link& a, const Link& b) { return a.range.begin < b.range.begin; });
    std::vector<Link> apart;
    for (Link& link : out_) {
      if (apart.size() >= limit_) break;
      if (apart.empty() || link.range.begin >= apart.back().range.end)
        apart.push_back(std::move(link));
    }
    return apart;
  }

 private:
  bool full() const { return out_.size() >= limit_ || cancel_.cancelled(); }

  void urls() {
    for (size_t at = text_.find("://"); at != std::string_view::npos && !full();
         at = text_.find("://", at + 3)) {
      for (const std::string_view scheme : {"https", "http"}) {
        if (at < scheme.size() || text_.substr(at - scheme.size(), scheme.size()) != scheme)
          continue;
        const size_t begin = at - scheme.size();
        if (begin > 0 && is_word(text_[begin - 1])) continue;
        const size_t end = end_of_url(text_, begin);
        // A host at least, and not one that is filled in later.
        if (end <= at + 3 || !is_word(text_[at + 3])) continue;
        out_.push_back({{begin, end}, std::string(text_.substr(begin, end - begin)), {}});
        break;
      }
    }
  }

  // The place of a word in the text of an import statement.
  std::optional<ByteRange> place_of(const Import& import, std::string_view word) const {
    if (word.empty() || import.end > text_.size() || import.begin >= import.end)
      return std::nullopt;
    const std::string_view statement =
        text_.substr(import.begin, std::min<size_t>(import.end - import.begin, kMaxStatement));
    for (size_t at = statement.find(word); at != std::string_view::npos;
         at = statement.find(word, at + 1)) {
      const bool begins = at == 0 || !is_word(statement[at - 1]) || !is_word(word.front());
      const size_t end = at + word.size();
      const bool ends =
          end == statement.size() || !is_word(statement[end]) || !is_word(word.back());
      if (begins && ends) return ByteRange{import.begin + at, import.begin + end};
    }
    return std::nullopt;
  }

  void imports() {
    if (file_.facts == nullptr) return;
    size_t n = 0;
    uint32_t last_begin = kNone;
    std::string module_file;
    for (const Import& import : file_.facts->imports) {
      if (++n > kMaxImports || full()) return;
      if (import.begin != last_begin) {  // the statement's module itself, once
        last_begin = import.begin;
        Import module = import;
        module.name.clear();
        module.alias.clear();
        module_file = only_file(module);
        if (module_file.empty() && !import.name.empty()) module_file = only_file(import);
        if (auto place = place_of(import, import.target); place && !module_file.empty())
          out_.push_back({*place, {}, module_file});
      }
      // from package import module
      if (import.name.empty() || import.name == "*") continue;
      const std::string named = only_file(import);
      if (named.empty() || named == module_file) continue;
      if (auto place = place_of(import, import.name)) out_.push_back({*place, {}, named});
    }
  }

  // The file that an import leads to; empty when it leads to none, or to a folder of many.
  std::string only_file(const Import& import) const {
    std::vector<std::string> files = files_of_import(view_, file_.path, *file_.facts, import);
    return files.size() == 1 ? std::move(files[0]) : std::string();
  }

  // [text](path), [name]: path, src="path" and href="path".
  void markup() {
    const std::string name = file_.facts != nullptr ? file_.facts->language : std::string();
    if (name != "markdown" && name != "html") return;
    const std::string folder = folder_of(file_.path);
    const auto target = [&](size_t begin, size_t end) {
      std::string_view said = text_.substr(begin, end - begin);
      if (said.empty() || said[0] == '#' || said.find(':') != std::string_view::npos) return;
      std::string path = joined(folder, said);
      if (path.empty() || path == file_.path || !view_.contains(path)) return;
      out_.push_back({{begin, end}, {}, std::move(path)});
    };
    if (name == "markdown") {
      for (size_t at = text_.find("]("); at != std::string_view::npos && !full();
           at = text_.find("](", at + 2)) {
        size_t begin = at + 2;
        if (begin < text_.size() && text_[begin] == '<') ++begin;
        size_t end = text_.find_first_of(" \t\r\n)>", begin);
        if (end != std::string_view::npos) target(begin, end);
      }
      for (size_t at = text_.find("]:"); at != std::string_view::npos && !full();
           at = text_.find("]:", at + 2)) {
        const size_t line = at == 0 ? 0 : text_.rfind('\n', at) + 1;
        const std::string_view before = trim(text_.substr(line, at - line));
        if (before.empty() || before[0] != '[') continue;
        const size_t begin = text_.find_first_not_of(" \t", at + 2);
        if (begin == std::string_view::npos) break;
        target(begin, std::min(text_.find_first_of(" \t\r\n", begin), text_.size()));
      }
    }
    for (const std::string_view attribute : {" src=", " href="}) {
      for (size_t at = text_.find(attribute); at != std::string_view::npos && !full();
           at = text_.find(attribute, at + 1)) {
        const size_t begin = at + attribute.size();
        if (begin >= text_.size() || (text_[begin] != '"' && text_[begin] != '\'')) continue;
        const size_t end = text_.find(text_[begin], begin + 1);
        if (end != std::string_view::npos && end - begin < kMaxUrl) target(begin + 1, end);
      }
    }
  }

  const View& view_;
  const SyntaxFile& file_;
  const std::string_view text_;
  const CancelToken& cancel_;
  const size_t limit_;
  std::vector<Link> out_;
};

}  // namespace

std::vector<Link> links(const View& view, const SyntaxFile& file, size_t limit,
                        const CancelToken& cancel) {
  return Finder(view, file, cancel, limit).find();
}

}  // namespace engramd::repoindex
