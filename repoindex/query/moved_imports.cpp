#include "repoindex/moved_imports.h"

#include <algorithm>
#include <map>
#include <set>

#include "repoindex/query/imported.h"
#include "repoindex/query/moved_python.h"
#include "repoindex/query/moved_spelling.h"
#include "repoindex/query/project/paths.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxEdits = 20000;

using Respell = std::optional<std::string> (*)(std::string_view written, const Moved& moved);

struct Row {
  std::string_view language;
  Respell respell;  // null: Python, which has more than one place to change
};
constexpr Row kRows[] = {
    {"python", nullptr},
    {"javascript", script_specifier},
    {"typescript", script_specifier},
    {"tsx", script_specifier},
    {"c", include_path},
    {"cpp", include_path},
    {"cuda", include_path},
    {"ruby", loaded_path},
    {"php", loaded_path},
    {"bash", loaded_path},
    {"css", loaded_path},
};

const Row* row_of(std::string_view language) {
  const auto* at = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& row) { return row.language == language; });
  return at == std::end(kRows) ? nullptr : at;
}

std::string_view stem_of(std::string_view path) {
  std::string_view name = base_name(path);
  return name.substr(0, name.find('.'));
}

// Where the specifier is written inside its statement: the only place with that text in quotes or
// angle brackets.
std::optional<ByteRange> written_at(std::string_view text, const Import& import,
                                    std::string_view written) {
  std::string_view statement = text.substr(import.begin, import.end - import.begin);
  for (size_t at = statement.find(written); at != std::string_view::npos;
       at = statement.find(written, at + 1)) {
    size_t end = at + written.size();
    if (at == 0) continue;
    char before = statement[at - 1];
    char after = end < statement.size() ? statement[end] : '\n';
    bool quoted = (before == '"' || before == '\'' || before == '`' || before == '(') &&
                  (after == before || (before == '(' && after == ')'));
    bool angle = before == '<' && after == '>';
    bool bare = before == ' ' && (after == '\n' || after == ' ' || after == ';');  // . lib.sh
    if (quoted || angle || bare) return ByteRange{import.begin + at, import.begin + end};
  }
  return std::nullopt;
}

class MovedImports {
 public:
  MovedImports(const View& view, const std::vector<FileMove>& moves) : view_(view) {
    for (const FileMove& move : moves) {
      if (move.from == move.to || !view.contains(move.from)) continue;
      moves_[move.from] = move.to;
      words_.insert(std::string(stem_of(move.from)));
      // A file that stands for its folder is imported by the folder's name.
      words_.insert(std::string(base_name(parent_path(move.from))));
    }
    words_.erase("");
  }

  bool empty() const { return moves_.empty(); }

  void look(const std::string& path, const FileFactsPtr& facts) {
    const Row* row = row_of(facts->language);
    if (row == nullptr || facts->imports.empty() || edits_.size() > kMaxEdits) return;
    bool moves = moves_.count(path) != 0;
    std::string text;
    std::vector<PythonImport> python;
    for (const Import& import : facts->imports) {
      if (!moves && !mentions(import)) continue;
      std::vector<std::string> files = files_of_import(view_, path, *facts, import);
      if (files.size() != 1) continue;  // a folder: it has no one place
      Moved moved{path, after(path), files[0], after(files[0])};
      bool same = moved.importer == moved.new_importer && moved.file == moved.new_file;
      if (text.empty()) text = view_.text(path).value_or(std::string());
      if (import.end > text.size()) return;  // it has changed since it was indexed
      if (row->respell == nullptr) {
        python.push_back({&import, std::move(moved)});
        continue;
      }
      if (!same) respell(*row, path, text, import, moved);
    }
    if (!python.empty()) {
      for (MovedImportEdit& edit : python_edits(path, *facts, text, python)) add(std::move(edit));
    }
  }

  std::vector<MovedImportEdit> take() {
    std::vector<MovedImportEdit> out;
    for (auto& [at, edit] : edits_) out.push_back(std::move(edit));
    return out;
  }

 private:
  std::string after(const std::string& path) const {
    auto it = moves_.find(path);
    return it == moves_.end() ? path : it->second;
  }

  bool mentions(const Import& import) const {
    auto says = [&](std::string_view said) {
      return std::any_of(words_.begin(), words_.end(), [&](const std::string& word) {
        return said.find(word) != std::string_view::npos;
      });
    };
    // "." and ".." name a folder without saying its name.
    return says(import.target) || says(import.name) ||
           import.target.find_first_not_of("./") == std::string::npos;
  }

  void respell(const Row& row, const std::string& path, const std::string& text,
               const Import& import, const Moved& moved) {
    std::string written = import.target;
    auto at = written_at(text, import, written);
    if (!at && written.substr(0, 2) == "./") {  // require_relative "x"
      written.erase(0, 2);
      at = written_at(text, import, written);
    }
    if (!at) return;
    std::optional<std::string> said = row.respell(written, moved);
    if (said && *said != written) add({path, *at, std::move(*said)});
  }

  void add(MovedImportEdit edit) {
    edits_.try_emplace({edit.path, edit.range.begin}, std::move(edit));
  }

  const View& view_;
  std::map<std::string, std::string> moves_;
  std::set<std::string> words_;
  std::map<std::pair<std::string, size_t>, MovedImportEdit> edits_;
};

}  // namespace

std::vector<MovedImportEdit> imports_after_move(const View& view,
                                                const std::vector<FileMove>& moves,
                                                const CancelToken& cancel) {
  MovedImports moved(view, moves);
  if (moved.empty() || view.snapshot == nullptr) return {};
  if (view.overlay != nullptr) {
    for (const auto& [path, document] : *view.overlay) {
      if (document.facts != nullptr && !cancel.cancelled()) moved.look(path, document.facts);
    }
  }
  view.snapshot->for_each_file([&](const FileEntry& file) {
    if (cancel.cancelled() || !file.indexed) return;
    if (row_of(view.snapshot->summary(file).language) == nullptr) return;
    if (view.overlay != nullptr && view.overlay->count(file.path) != 0) return;
    FileFactsPtr facts = view.snapshot->facts(file);
    if (facts != nullptr) moved.look(file.path, facts);
  });
  return moved.take();
}

std::vector<std::string> extensions_with_moved_imports() {
  std::vector<std::string> out;
  for (const Row& row : kRows) {
    const Language* language = find_language(row.language);
    if (language == nullptr) continue;
    for (std::string_view extension : language->extensions) out.emplace_back(extension);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace engramd::repoindex
