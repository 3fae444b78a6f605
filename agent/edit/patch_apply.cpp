#include "agent/edit/patch_apply.h"

#include <algorithm>

#include "agent/edit/lines.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxFuzz = 2;
constexpr size_t kMaxPlaces = 5;

// Where a hunk belongs.
struct Placed {
  const PatchHunk* hunk = nullptr;
  size_t number = 0;     // of the hunk, from 1
  size_t begin = 0;      // line of the text
  size_t n = 0;          // lines of the text that it covers; 0: it only adds
  size_t skip_head = 0;  // context lines of the hunk that were not compared
  size_t skip_tail = 0;
};

std::string numbers(const std::vector<size_t>& lines) {
  std::string list;
  for (const size_t line : lines) list += (list.empty() ? "" : ", ") + std::to_string(line + 1);
  return list;
}

class Hunks {
 public:
  Hunks(const std::string& path, std::string_view text) : path_(path), text_(text) {
    lines_ = lines_of(text);
    for (const Likeness how : kLikenesses) compared_.emplace_back(lines_, how);
    end_ = line_end_of(text);
  }

  Result<std::string> apply(const std::vector<PatchHunk>& hunks) {
    // All are looked for in the text as it is. Models write hunks in any order: what is not behind
    // the one before may be anywhere, once.
    std::vector<Placed> all;
    size_t behind = 0;
    for (size_t i = 0; i < hunks.size(); ++i) {
      auto placed = place(hunks[i], behind);
      if (!placed && placed.error().code == ErrorCode::not_found && behind > 0)
        placed = place(hunks[i], 0);
      if (!placed)
        return fail(placed.error().with(
            hunks.size() > 1 ? "hunk " + std::to_string(i + 1) + " of " + path_ : path_));
      placed->hunk = &hunks[i];
      placed->number = i + 1;
      behind = placed->begin + placed->n;
      all.push_back(*placed);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Placed& a, const Placed& b) { return a.begin < b.begin; });
    for (const Placed& placed : all) {
      if (placed.begin < copied_)
        return fail(ErrorCode::invalid_input,
                    "hunk " + std::to_string(placed.number) + " of " + path_ +
                        " changes lines that another hunk changes too; write them as one");
      emit(placed);
    }
    copy_until(lines_.size());
    if (no_last_newline_ && out_.ends_with('\n'))
      out_.erase(out_.size() - (out_.ends_with("\r\n") ? 2 : 1));
    return std::move(out_);
  }

 private:
  void copy_until(size_t line) {
    for (; copied_ < line; ++copied_) {
      need_line_end();
      out_.append(text_.substr(lines_[copied_].begin, lines_[copied_].end - lines_[copied_].begin));
    }
  }
  // Before anything is added: what was the last line may have had no end.
  void need_line_end() {
    if (!out_.empty() && !out_.ends_with('\n')) out_ += end_;
  }

  Result<size_t> after_anchors(const PatchHunk& hunk, size_t from) const {
    for (const std::string& anchor : hunk.anchors) {
      const std::string_view wanted = trim(anchor);
      std::vector<size_t> places;
      // The line itself, else a line that begins so: models leave the end of a signature out.
      for (const bool whole : {true, false}) {
        for (size_t i = from; i < lines_.size() && places.size() < kMaxPlaces; ++i) {
          const std::string_view line = trim(lines_[i].text);
          if (whole ? line == wanted : line.starts_with(wanted)) places.push_back(i);
        }
        if (!places.empty()) break;
      }
      if (places.empty())
        return fail(ErrorCode::not_found, "no line reads \"" + std::string(wanted.substr(0, 120)) +
                                              "\"; the nearest lines are" +
                                              nearest_lines(lines_, lines_of(anchor)));
      from = places[0] + 1;
    }
    return from;
  }

  Result<Placed> place(const PatchHunk& hunk, size_t behind) const {
    ENGRAMD_TRY(const size_t from, after_anchors(hunk, behind));
    const std::vector<std::string> old = old_lines(hunk);
    if (old.empty()) return place_of_insertion(hunk, from);
    size_t n_head = 0, n_tail = 0;
    bool changed = false;
    for (const PatchLine& line : hunk.lines) {
      changed = changed || line.kind != ' ';
      if (!changed) ++n_head;
      n_tail = line.kind == ' ' ? n_tail + 1 : 0;
    }
    std::vector<Line> wanted;
    for (const std::string& line : old) wanted.push_back({line, 0, 0});
    for (size_t fuzz = 0; fuzz <= kMaxFuzz; ++fuzz) {
      const size_t head = std::min(fuzz, n_head), tail = std::min(fuzz, n_tail);
      if (fuzz > 0 && head < fuzz && tail < fuzz) break;
      if (head + tail >= wanted.size()) break;
      const std::vector<Line> part(wanted.begin() + static_cast<std::ptrdiff_t>(head),
                                   wanted.end() - static_cast<std::ptrdiff_t>(tail));
      for (size_t i = 0; i < compared_.size(); ++i) {
        const ComparedLines block(part, kLikenesses[i]);
        std::vector<size_t> places = compared_[i].places_of(block, from, kMaxPlaces);
        if (places.empty()) continue;
        if (hunk.at_end) {
          const size_t last = lines_.size() - part.size();
          if (std::find(places.begin(), places.end(), last) != places.end()) places = {last};
        }
        // Behind a written anchor the first place is meant.
        if (!hunk.anchors.empty()) places.resize(1);
        if (places.size() > 1 && hunk.line) {
          const size_t said = *hunk.line - std::min<size_t>(*hunk.line, 1) + head;
          if (std::find(places.begin(), places.end(), said) != places.end()) places = {said};
        }
        if (places.size() > 1)
          return fail(ErrorCode::invalid_input,
                      "its lines are there several times, at lines " + numbers(places) +
                          "; give more context, or @@ and the enclosing function's line");
        return Placed{nullptr, 0, places[0], part.size(), head, tail};
      }
    }
    return fail(ErrorCode::not_found,
                "its lines are not there; the nearest lines are" + nearest_lines(lines_, wanted));
  }

  static std::vector<std::string> old_lines(const PatchHunk& hunk) {
    std::vector<std::string> old;
    for (const PatchLine& line : hunk.lines)
      if (line.kind != '+') old.push_back(line.text);
    return old;
  }

  Result<Placed> place_of_insertion(const PatchHunk& hunk, size_t from) const {
    Placed placed;
    placed.begin = from;
    if (hunk.at_end || lines_.empty()) {
      placed.begin = lines_.size();
    } else if (hunk.anchors.empty()) {
      // A diff against an empty place: "-0,0" is the begin; other numbers are not to be trusted.
      if (!hunk.line || (*hunk.line != 0 && *hunk.line < lines_.size()))
        return fail(ErrorCode::invalid_input,
                    "it only adds lines: expected a line of context that says where, or @@ and the "
                    "line before");
      placed.begin = *hunk.line == 0 ? 0 : lines_.size();
    }
    return placed;
  }

  void emit(const Placed& placed) {
    const PatchHunk& hunk = *placed.hunk;
    const std::vector<std::string> old = old_lines(hunk);
    std::vector<std::string_view> wanted, found;
    for (size_t i = 0; i < placed.n; ++i) {
      wanted.push_back(old[placed.skip_head + i]);
      found.push_back(lines_[placed.begin + i].text);
    }
    const Indenter indenter(wanted, found);
    const bool same = wanted == found;
    copy_until(placed.begin);
    size_t i_old = 0;
    for (const PatchLine& line : hunk.lines) {
      if (line.kind == '+') {
        need_line_end();
        out_ += same ? line.text : indenter.fitted(line.text);
        out_ += end_;
        continue;
      }
      const bool compared = i_old >= placed.skip_head && i_old + placed.skip_tail < old.size();
      ++i_old;
      if (!compared) continue;
      if (line.kind == ' ')
        copy_until(copied_ + 1);
      else
        ++copied_;
    }
    keep_last_line_end(hunk);
  }

  // The file ends as it did, with a line end or without.
  void keep_last_line_end(const PatchHunk& hunk) {
    if (copied_ < lines_.size()) return;
    no_last_newline_ =
        hunk.no_last_newline || (!text_.empty() && !text_.ends_with('\n') && !hunk.lines.empty() &&
                                 hunk.lines.back().kind == ' ');
  }

  const std::string& path_;
  std::string_view text_, end_;
  std::vector<Line> lines_;
  std::vector<ComparedLines> compared_;
  size_t copied_ = 0;  // lines that are in the new text, or left out of it
  std::string out_;
  bool no_last_newline_ = false;
};

}  // namespace

Result<std::string> apply_hunks(const std::string& path, std::string_view text,
                                const std::vector<PatchHunk>& hunks) {
  return Hunks(path, text).apply(hunks);
}

Result<std::vector<FileChange>> changes_of_patch(
    std::string_view patch,
    const std::function<std::optional<std::string>(const std::string& path)>& read) {
  ENGRAMD_TRY(const std::vector<FilePatch> files, read_patch(patch));
  std::vector<FileChange> changes;
  const auto seen = [&](const std::string& path) {
    return std::any_of(changes.begin(), changes.end(),
                       [&](const FileChange& change) { return change.path == path; });
  };
  for (const FilePatch& file : files) {
    if (seen(file.path))
      return fail(ErrorCode::invalid_input,
                  "the patch changes " + file.path + " twice; put all its hunks under one header");
    std::optional<std::string> before = read(file.path);
    if (file.kind == FilePatch::Kind::add) {
      if (before)
        return fail(ErrorCode::invalid_input,
                    "the patch adds " + file.path + ", which is there already; update it instead");
      std::string text;
      bool newline = true;
      for (const PatchHunk& hunk : file.hunks) {
        for (const PatchLine& line : hunk.lines) text += line.text + "\n";
        newline = !hunk.no_last_newline;
      }
      if (!newline && text.ends_with('\n')) text.pop_back();
      changes.push_back({file.path, std::nullopt, std::move(text), file.executable});
      continue;
    }
    if (!before)
      return fail(ErrorCode::not_found,
                  "the patch changes " + file.path + ", which does not exist");
    if (file.kind == FilePatch::Kind::remove) {
      changes.push_back({file.path, std::move(before), std::nullopt, false});
      continue;
    }
    ENGRAMD_TRY(std::string after, apply_hunks(file.path, *before, file.hunks));
    if (file.new_path.empty() || file.new_path == file.path) {
      changes.push_back({file.path, std::move(before), std::move(after), false});
      continue;
    }
    if (seen(file.new_path) || read(file.new_path))
      return fail(ErrorCode::invalid_input, "the patch moves " + file.path + " to " +
                                                file.new_path + ", which is there already");
    changes.push_back({file.path, std::move(before), std::nullopt, false});
    changes.push_back({file.new_path, std::nullopt, std::move(after), false});
  }
  return changes;
}

}  // namespace engramd::agent
