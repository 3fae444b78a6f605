#include "repoindex/complete/complete.h"

#include <algorithm>

#include "repoindex/complete/candidates.h"
#include "repoindex/complete/paths.h"
#include "repoindex/complete/typing_cache.h"
#include "repoindex/query/fuzzy.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxText = 16u << 20;  // of a file that is completed in

// Behind these a new name is made up: completing it would only be in the way.
bool names_something_new(std::string_view text, size_t begin, std::string_view language) {
  const std::string_view bare = trim(line_before(text, begin));
  static constexpr std::string_view kAll[] = {"def",   "func",      "fn",    "function",
                                              "class", "struct",    "enum",  "interface",
                                              "trait", "namespace", "module"};
  for (std::string_view word : kAll) {
    if (!ends_with_word(bare, word)) continue;
    // C says `struct foo *x` of one that exists.
    if (language == "c" || language == "cpp" || language == "cuda") {
      return word == "class" || word == "namespace";
    }
    return true;
  }
  return false;
}

void rank_paths(std::vector<Candidate>& items, std::string_view typed) {
  std::erase_if(items, [&](Candidate& item) {
    const std::string_view name = item.name;
    if (typed.empty()) {
      item.score += 1;
      return false;
    }
    if (name.substr(0, typed.size()) == typed) {
      item.score += 60;
      return false;
    }
    const int score = fuzzy_match(name, typed);
    item.score += score * 0.5;
    return score == 0;
  });
  std::stable_sort(items.begin(), items.end(), [](const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score > b.score : a.name < b.name;
  });
}

}  // namespace

CandidateList complete_at(const View& view, const std::string& path, size_t offset,
                          size_t max_items, TypingCache* typing, const CancelToken& cancel) {
  CandidateList list;
  list.typed = list.word = {offset, offset};
  const FileFactsPtr facts = view.facts(path);
  const std::optional<std::string> source = view.text(path);
  if (facts == nullptr || !source || source->size() > kMaxText || offset > source->size()) {
    return list;
  }
  const std::string_view text = *source;
  const Writing& writing = writing_of(facts->language);
  if (writing.language.empty()) return list;
  const Standing standing = standing_at(text, offset, writing);
  if (const auto site = import_site(text, offset, facts->language, standing)) {
    const bool in_string =
        site->what == ImportSite::What::include || site->what == ImportSite::What::script_path;
    size_t end = offset;
    while (end < text.size() && (is_name_letter(text[end], writing) ||
                                 (in_string && (text[end] == '.' || text[end] == '/')))) {
      ++end;
    }
    list.typed = {site->typed_begin, offset};
    list.word = {site->typed_begin, end};
    const std::string_view typed = text.substr(site->typed_begin, offset - site->typed_begin);
    list.in_import = true;
    add_paths(view, path, *facts, *site, typed, list.items);
    rank_paths(list.items, typed);
  } else if (standing.in != Standing::In::code) {
    return list;
  } else {
    const size_t begin = name_begin(text, offset, writing);
    const bool number = begin < offset && isdigit(static_cast<unsigned char>(text[begin]));
    if (number || names_something_new(text, begin, facts->language)) return list;
    list.typed = {begin, offset};
    list.word = {begin, name_end(text, offset, writing)};
    Wanted wanted;
    wanted.typed = text.substr(begin, offset - begin);
    wanted.call_follows = text.substr(list.word.end, 1) == "(";
    want_by_word_before(text, begin, facts->language, wanted);
    list.call_follows = wanted.call_follows;
    const size_t before = blank_begin(text, begin);
    // A dot at the end of the line above is no receiver of what begins this one, but for a chain.
    const std::string_view member_operator = member_operator_before(text, before, writing);
    const bool same_line = text.substr(before, begin - before).find('\n') == std::string_view::npos;
    if (member_operator.empty() || (!same_line && list.typed.size() > 0)) {
      Gatherer gatherer(view, path, facts, text, offset, standing, wanted, cancel);
      gatherer.by_name(list);
      list.items = gatherer.take();
    } else {
      // `box.` is read as `box.x`, wherever the line goes on.
      std::shared_ptr<const OpenDocument> named;
      TypingCache once;
      if (list.word.size() == 0) {
        TypingCache& cache = typing != nullptr ? *typing : once;
        named = cache.with_name(path, facts->language, text, offset);
      }
      View as_named = view;
      if (named != nullptr) {
        Overlay overlay = view.overlay != nullptr ? *view.overlay : Overlay();
        overlay[path] = *named;
        as_named.overlay = std::make_shared<const Overlay>(std::move(overlay));
      }
      Gatherer gatherer(as_named, path, named != nullptr ? named->facts : facts,
                        named != nullptr ? *named->text : text, offset, standing, wanted, cancel);
      gatherer.behind_receiver(before - member_operator.size(), list);
      list.items = gatherer.take();
    }
  }
  if (list.items.size() > max_items) {
    list.items.resize(max_items);
    list.incomplete = true;
  }
  return list;
}

std::optional<CandidateDetails> describe(const View& view, const std::string& path, uint32_t symbol,
                                         std::string_view name) {
  const FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return std::nullopt;
  // The file may have changed since the list was made.
  const auto fits = [&](uint32_t s) {
    return s < facts->symbols.size() && facts->symbols[s].name == name;
  };
  for (uint32_t s = 0; !fits(symbol) && s < facts->symbols.size(); ++s) {
    if (fits(s)) symbol = s;
  }
  if (!fits(symbol)) return std::nullopt;
  const Symbol& found = facts->symbols[symbol];
  CandidateDetails details;
  details.language = facts->language;
  details.signature = found.signature.empty() ? found.name : found.signature;
  details.doc = found.doc;
  details.path = path;
  details.container = std::string(owner_of(*facts, found));
  Resolver resolver(view);
  details.line = resolver.place(path, *facts, found.name_begin, found.name_end).start.line;
  return details;
}

}  // namespace engramd::repoindex
