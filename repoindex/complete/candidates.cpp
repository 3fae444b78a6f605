#include "repoindex/complete/candidates.h"

#include <algorithm>
#include <memory>

#include "repoindex/complete/signature.h"
#include "repoindex/parse/words.h"
#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxDetail = 160;
constexpr size_t kMaxProjectNames = 400;  // names of other files that are looked at closely
constexpr size_t kMaxCounted = 3000;      // of them whose files are counted
constexpr size_t kMaxOfName = 4;          // definitions of one of them
constexpr size_t kMinTypedForProject = 2;

std::string shortened(std::string_view s) {
  if (s.size() <= kMaxDetail) return std::string(s);
  size_t end = kMaxDetail;
  while (end > 0 && (static_cast<unsigned char>(s[end]) & 0xC0) == 0x80) --end;
  return std::string(s.substr(0, end)) + "…";
}

bool is_deprecated(const Symbol& symbol) {
  const std::string_view doc = symbol.doc;
  return doc.find("@deprecated") != std::string_view::npos ||
         doc.find(".. deprecated::") != std::string_view::npos ||
         doc.substr(0, 10) == "Deprecated" || doc.substr(0, 10) == "DEPRECATED" ||
         doc.find("\nDeprecated:") != std::string_view::npos;
}

std::string_view stem_of(std::string_view path) {
  std::string_view name = base_name(path);
  return name.substr(0, name.find('.'));
}

// What the facts call a receiver: its last name, with "()" or "[]" behind it.
std::string habit_word(const std::vector<ExpressionStep>& steps) {
  using Kind = ExpressionStep::Kind;
  if (steps.empty()) return {};
  const ExpressionStep& last = steps.back();
  if (last.kind == Kind::name) return std::string(last.text);
  if (steps.size() < 2 || steps[steps.size() - 2].kind != Kind::name) return {};
  if (last.kind == Kind::call) return std::string(steps[steps.size() - 2].text) + "()";
  if (last.kind == Kind::element) return std::string(steps[steps.size() - 2].text) + "[]";
  return {};
}

}  // namespace

Gatherer::Gatherer(const View& view, const std::string& path, FileFactsPtr facts,
                   std::string_view text, size_t offset, const Standing& standing, Wanted wanted,
                   const CancelToken& cancel)
    : view_(view),
      path_(path),
      facts_(std::move(facts)),
      text_(text),
      offset_(offset),
      standing_(standing),
      wanted_(wanted),
      cancel_(cancel),
      writing_(writing_of(facts_->language)),
      reader_(view, path, facts_, text) {}

void Gatherer::add(Candidate candidate, int distance, double habit) {
  if (candidate.name.empty()) return;
  const double score = ranker_->score(candidate, distance, habit);
  if (score <= 0) return;
  // Another file's definition of a name is a choice of its own; else the first one is the nearest.
  std::string key = candidate.name;
  if (candidate.source == CandidateSource::project) key += "\n" + candidate.path;
  if (!names_.insert(std::move(key)).second) return;
  candidate.score += score;
  out_.push_back(std::move(candidate));
}

Candidate Gatherer::of_symbol(const Found& found, std::string name, CandidateSource source) {
  Candidate candidate;
  candidate.name = std::move(name);
  candidate.source = source;
  if (found.symbol == kNone) {
    candidate.kind = SymbolKind::module;
    return candidate;
  }
  const Symbol& symbol = found.get();
  candidate.kind = symbol.kind;
  // int (*callback)(int) is called like a function.
  const bool pointer = symbol.signature.find("(*" + symbol.name) != std::string::npos;
  candidate.is_callable = (is_callable(symbol.kind) && !is_class_like(symbol.kind)) || pointer;
  candidate.is_deprecated = is_deprecated(symbol);
  candidate.detail = shortened(symbol.signature.empty() ? symbol.type_name : symbol.signature);
  candidate.path = found.path;
  candidate.symbol = found.symbol;
  candidate.from = std::string(owner_of(*found.facts, symbol));
  if (candidate.is_callable) {
    const auto parameters = parameters_of(symbol, found.facts->language);
    candidate.takes_nothing = parameters && parameters->empty();
  }
  return candidate;
}

void Gatherer::add_visible(const Visible& v, CandidateSource source, double habit) {
  if (v.is_import) {
    Candidate candidate;
    candidate.name = v.name;
    candidate.source = source == CandidateSource::member ? source : CandidateSource::imported;
    candidate.kind = SymbolKind::module;
    add(std::move(candidate), v.distance, habit);
    return;
  }
  add(of_symbol(v.found, v.name, source), v.distance, habit);
}

// Of the line, of the function around and of the file: in test_confirm.py it is click.confirm.
void Gatherer::add_near_words() {
  constexpr size_t kMaxLine = 400, kMaxWords = 40;
  const size_t typed = offset_ - wanted_.typed.size();
  const size_t line = typed == 0 ? std::string_view::npos : text_.rfind('\n', typed - 1);
  const size_t begin = line == std::string_view::npos ? 0 : line + 1;
  std::string_view before = text_.substr(begin, typed - begin);
  before = before.substr(before.size() - std::min(before.size(), kMaxLine));
  std::vector<std::string>& words = wanted_.near_words;
  add_name_words(before, words);
  const size_t end = name_end(text_, offset_, writing_);
  add_name_words(text_.substr(end, std::min(text_.find('\n', end), end + kMaxLine) - end), words);
  for (uint32_t s = reader_.scope_at(offset_), n = 0; s != kNone && n < 3; ++n) {
    add_name_words(facts_->symbols[s].name, words);
    s = facts_->symbols[s].parent;
  }
  add_name_words(stem_of(path_), words);
  if (words.size() > kMaxWords) words.resize(kMaxWords);
}

void Gatherer::behind_receiver(size_t operator_begin, CandidateList& list) {
  const std::vector<ExpressionStep> steps = expression_before(text_, operator_begin, writing_);
  // What stands in front of the whole expression says what is wanted of it.
  if (!steps.empty()) want_by_word_before(text_, steps[0].begin, facts_->language, wanted_);
  add_near_words();
  ranker_ = std::make_unique<Ranker>(view_, path_, *facts_, offset_, wanted_, true);
  const Receiver receiver = steps.empty() ? reader_.initialized(offset_ - wanted_.typed.size())
                                          : reader_.receiver(steps, offset_);
  wanted_.own_receiver = receiver.is_own;
  list.behind_receiver = true;
  list.receiver_known = receiver.known();
  const Habits habits =
      habits_behind(view_, path_, *facts_, habit_word(steps), offset_, receiver.is_own);
  const auto habit_of = [&](const std::string& name) {
    const auto at = habits.find(name);
    return at == habits.end() ? 0.0 : at->second.weight;
  };
  for (const Visible& v : reader_.members(receiver)) {
    const bool constructor =
        v.found.symbol != kNone && v.found.get().kind == SymbolKind::constructor;
    if (constructor && v.name.substr(0, 2) != "__") continue;
    add_visible(v, CandidateSource::member, habit_of(v.name));
  }
  const auto add_habit = [&](const std::string& name, const Habit& habit, double weight) {
    Candidate candidate;
    candidate.name = name;
    candidate.source = CandidateSource::habit;
    candidate.is_callable = habit.is_call;
    candidate.kind = habit.is_call ? SymbolKind::method : SymbolKind::field;
    if (receiver.known()) candidate.score -= 25;
    add(std::move(candidate), 0, weight);
  };
  for (const auto& [name, habit] : habits) add_habit(name, habit, habit.weight);
  if (!receiver.known()) {
    for (const auto& [name, habit] : members_in_file(*facts_, offset_)) {
      add_habit(name, habit, 0);
    }
    if (wanted_.typed.size() >= kMinTypedForProject) add_project(list);
  }
}

// f(na|: the parameters of f.
void Gatherer::add_arguments() {
  if (writing_.argument_name_end.empty() || standing_.open.empty()) return;
  const OpenBracket& bracket = standing_.open.back();
  const size_t begin = offset_ - wanted_.typed.size();
  if (bracket.bracket != '(') return;
  const size_t part = blank_begin(text_, begin);
  if (part == 0 || (text_[part - 1] != '(' && text_[part - 1] != ',')) return;
  const auto steps = expression_before(text_, bracket.at, writing_);
  std::vector<Found> called = reader_.called(steps, offset_);
  for (size_t i = 0, n = called.size(); i < n; ++i) {
    if (called[i].symbol != kNone && is_class_like(called[i].get().kind)) {
      append_new(called, reader_.constructors_of(called[i]));
    }
  }
  for (const Found& f : called) {
    if (f.symbol == kNone || is_class_like(f.get().kind)) continue;
    const auto parameters = parameters_of(f.get(), f.facts->language);
    if (!parameters) continue;
    for (const Parameter& p : *parameters) {
      if (p.is_rest || p.name.empty()) continue;
      Candidate candidate;
      candidate.name = p.name;
      candidate.written = p.name + std::string(writing_.argument_name_end);
      if (writing_.argument_name_end == ":") candidate.written += " ";
      candidate.source = CandidateSource::argument;
      candidate.detail = p.label;
      add(std::move(candidate), 0);
    }
  }
}

void Gatherer::by_name(CandidateList& list) {
  add_near_words();
  ranker_ = std::make_unique<Ranker>(view_, path_, *facts_, offset_, wanted_, false);
  for (const Visible& v : reader_.in_scope(offset_)) {
    const bool local =
        !v.is_import && v.found.symbol != kNone && v.found.get().local && v.found.path == path_;
    const bool own = !v.is_import && v.found.path == path_;
    add_visible(v,
                local ? CandidateSource::local
                : own ? CandidateSource::file
                      : CandidateSource::member,
                0);
  }
  add_arguments();
  add_keywords();
  if (wanted_.typed.size() >= kMinTypedForProject) add_project(list);
  add_words();
}

void Gatherer::add_keywords() {
  const auto take = [&](std::string_view word, CandidateSource source) {
    Candidate candidate;
    candidate.name = std::string(word);
    candidate.source = source;
    add(std::move(candidate), 0);
  };
  for (std::string_view word : writing_.predefined) take(word, CandidateSource::predefined);
  for (std::string_view word : writing_.more_keywords) take(word, CandidateSource::keyword);
  for (std::string_view word : grammar_keywords(facts_->language)) {
    take(word, CandidateSource::keyword);
  }
}

// Names of this file that nothing here defines: what a header brings, what the language has.
void Gatherer::add_words() {
  if (wanted_.typed.empty()) return;
  for (const Occurrence& o : facts_->occurrences) {
    if (o.receiver != kNone || o.role == Role::definition) continue;
    if (o.begin <= offset_ && offset_ <= o.end) continue;
    const std::string& name = facts_->names[o.name];
    if (names_.count(name) != 0 || ranker_->fit(name) <= 0) continue;
    Candidate candidate;
    candidate.name = name;
    candidate.source = CandidateSource::habit;
    candidate.is_callable = o.role == Role::call;
    candidate.kind = candidate.is_callable ? SymbolKind::function : SymbolKind::variable;
    candidate.score = -4;
    add(std::move(candidate), 0);
  }
}

// Names that other files define: those a file sees anyway (includes, its folder), and those an
// import would bring.
void Gatherer::add_project(CandidateList& list) {
  if (view_.snapshot == nullptr) return;
  struct Scored {
    std::string_view name;
    double fit;
  };
  std::vector<Scored> names;
  const uint64_t wanted = letter_bits(wanted_.typed);
  size_t n = 0;
  view_.snapshot->for_each_defined_name(
      [&](std::string_view name, uint64_t letters) {
        if ((++n & 0xFFF) == 0 && cancel_.cancelled()) return false;
        if ((wanted & ~letters) != 0) return true;
        // A subsequence is enough of names at hand, not of a whole repository's.
        const double fit = ranker_->fit(name);
        if (fit < 40 && (fit <= 24 || wanted_.typed.size() < 3)) return true;
        names.push_back({name, fit + (ranker_->is_used(name) ? 20 : 0)});
        return true;
      },
      wanted);
  const auto better = [](const Scored& a, const Scored& b) {
    if (a.fit != b.fit) return a.fit > b.fit;
    return a.name.size() != b.name.size() ? a.name.size() < b.name.size() : a.name < b.name;
  };
  const size_t kept = std::min(names.size(), kMaxProjectNames);
  if (names.size() > kept) {
    list.incomplete = true;
    // Of too many those that many files have: their number is at hand.
    if (names.size() < kMaxCounted) {
      for (Scored& scored : names) scored.fit += ranker_->of_files(scored.name);
    }
  }
  std::partial_sort(names.begin(), names.begin() + static_cast<ptrdiff_t>(kept), names.end(),
                    better);
  names.resize(kept);
  names.erase(std::unique(names.begin(), names.end(),
                          [](const Scored& a, const Scored& b) { return a.name == b.name; }),
              names.end());
  const Language* language = find_language(facts_->language);
  const bool by_import = imports_names(facts_->language);
  const std::string folder = parent_path(path_);
  const bool members = list.behind_receiver;
  for (const Scored& scored : names) {
    if (cancel_.cancelled()) return;
    size_t n_of_name = 0;
    bool taken = false;
    view_.snapshot->definitions(scored.name, [&](const DefinitionRef& ref) {
      if (ref.file->path == path_ || ref.kind == SymbolKind::key ||
          ref.kind == SymbolKind::heading) {
        return true;
      }
      if (!same_family(view_.snapshot->summary(*ref.file).language, facts_->language)) return true;
      if (ref.is_top_level == members &&
          !(is_c_family(facts_->language) && ref.kind == SymbolKind::enum_member && !members)) {
        return true;
      }
      Candidate candidate;
      candidate.name = std::string(scored.name);
      candidate.kind = ref.kind;
      candidate.is_callable = is_callable(ref.kind) && !is_class_like(ref.kind);
      candidate.path = ref.file->path;
      candidate.symbol = ref.symbol;
      candidate.from = std::string(stem_of(ref.file->path));
      const bool of_folder = language != nullptr && language->folder_is_package &&
                             parent_path(ref.file->path) == folder;
      if (members) {
        candidate.source = CandidateSource::habit;
        candidate.from = std::string(ref.container);
        candidate.score = -8;
      } else if (of_folder || reader_.includes(*ref.file)) {
        candidate.source = CandidateSource::package;
        candidate.score = 2.0 * static_cast<double>(shared_folders(ref.file->path, path_));
      } else {
        candidate.source = CandidateSource::project;
        candidate.score =
            2.0 * static_cast<double>(std::min<size_t>(5, shared_folders(ref.file->path, path_)));
        const bool test = ref.file->path.find("test") != std::string::npos &&
                          path_.find("test") == std::string::npos;
        if (test) candidate.score -= 12;
        if (by_import && names_.count(candidate.name) != 0) return true;
        if (by_import && module_name(view_, path_, ref.file->path).empty()) return true;
      }
      const bool one_is_enough = members || candidate.source == CandidateSource::package;
      if (one_is_enough && taken) return true;
      taken = taken || one_is_enough;
      add(std::move(candidate), 0);
      return ++n_of_name < kMaxOfName;
    });
  }
  for (Candidate& candidate : out_) {
    // What several files define is less sure to be the one.
    if (candidate.source == CandidateSource::project) candidate.score -= 2;
  }
}

std::vector<Candidate> Gatherer::take() {
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score > b.score : a.name < b.name;
  };
  // What the repository says of a name costs a look at its postings: asked of the best only.
  constexpr size_t kRefined = 200;
  const auto kept = static_cast<ptrdiff_t>(std::min(out_.size(), kRefined));
  std::partial_sort(out_.begin(), out_.begin() + kept, out_.end(), better);
  ranker_->refine(out_, kRefined);
  std::stable_sort(out_.begin(), out_.begin() + kept, better);
  std::stable_sort(out_.begin() + kept, out_.end(), better);
  return std::move(out_);
}

}  // namespace engramd::repoindex
