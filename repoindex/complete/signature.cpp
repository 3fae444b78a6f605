// The calls around a place: their functions, and which parameter an argument is for.
#include "repoindex/complete/signature.h"

#include <algorithm>

#include "repoindex/complete/scope_reader.h"
#include "repoindex/parse/words.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxSignatures = 16;
constexpr size_t kMaxGuessed = 3;  // functions of that name, when nothing else is known
constexpr size_t kMaxOutward = 8;  // brackets that are looked at
constexpr size_t kMaxText = 16u << 20;
constexpr size_t kMaxHintedCall = 4000;  // bytes of an argument list that is read

// `{` opens a block, not a literal among the arguments.
bool opens_block(std::string_view text, size_t brace, const Writing& writing) {
  if (writing.indented) return false;
  const size_t before = blank_begin(text, brace);
  if (before == 0) return true;
  const char c = text[before - 1];
  return c != '(' && c != ',' && c != ':' && c != '[' && c != '=' && c != '{' && c != '?';
}

// The name in front of the bracket is being defined there.
bool is_definition(const FileFacts& facts, size_t name_end) {
  return std::any_of(facts.symbols.begin(), facts.symbols.end(), [&](const Symbol& s) {
    return s.name_end == name_end && s.name_begin < s.name_end;
  });
}

bool same_words(std::string_view a, std::string_view b) {
  const auto plain = [](std::string_view s) {
    std::string out;
    for (const char c : s) {
      if (c != '_') out += static_cast<char>(tolower(static_cast<unsigned char>(c)));
    }
    return out;
  };
  return plain(a) == plain(b);
}

// "name" of `name=` at the beginning of an argument; empty when it is none.
std::string_view argument_name(std::string_view argument, const Writing& writing) {
  if (writing.argument_name_end.empty()) return {};
  const size_t end = name_end(argument, 0, writing);
  if (end == 0) return {};
  std::string_view rest = trim(argument.substr(end));
  const bool named = rest.substr(0, 1) == writing.argument_name_end &&
                     rest.substr(1, 1) != writing.argument_name_end;
  return named ? argument.substr(0, end) : std::string_view();
}

std::optional<size_t> parameter_for(const std::vector<Parameter>& parameters, size_t position,
                                    std::string_view name) {
  if (!name.empty()) {
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i].name == name) return i;
    }
    for (size_t i = parameters.size(); i-- > 0;) {
      if (parameters[i].is_rest && parameters[i].label.substr(0, 2) == "**") return i;
    }
    return std::nullopt;
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& p = parameters[i];
    if (p.is_rest && p.label.substr(0, 2) != "**") return i;
    if (p.by_name_only || p.is_rest) break;
    if (i == position) return i;
  }
  return std::nullopt;
}

bool can_take(const std::vector<Parameter>& parameters, size_t n) {
  size_t most = 0;
  for (const Parameter& p : parameters) {
    if (p.is_rest) return true;
    ++most;
  }
  return n <= most;
}

class CallReader {
 public:
  CallReader(const View& view, const std::string& path, const FileFactsPtr& facts,
             std::string_view text)
      : reader_(view, path, facts, text) {}

  // Functions that the call of this bracket may run; constructors for classes.
  std::vector<Found> functions(const std::vector<ExpressionStep>& steps, size_t at) {
    std::vector<Found> called = reader_.called(steps, at);
    if (called.empty()) called = guessed(steps);
    std::vector<Found> out;
    for (const Found& f : called) {
      if (f.symbol == kNone || out.size() >= kMaxSignatures) continue;
      if (!is_class_like(f.get().kind)) {
        append_new(out, {f});
        continue;
      }
      std::vector<Found> made = reader_.constructors_of(f);
      append_new(out, made.empty() ? std::vector<Found>{f} : std::move(made));
    }
    return out;
  }

 private:
  std::vector<Found> guessed(const std::vector<ExpressionStep>& steps) {
    const bool member = steps.size() > 1;
    std::vector<Found> out = reader_.of_name(steps.back().text, kMaxGuessed + 1, member);
    if (out.size() > kMaxGuessed) out.clear();
    return out;
  }

  ScopeReader reader_;
};

}  // namespace

std::optional<SignatureInfo> signatures_at(const View& view, const std::string& path, size_t offset,
                                           const CancelToken& cancel) {
  const FileFactsPtr facts = view.facts(path);
  const std::optional<std::string> source = view.text(path);
  if (facts == nullptr || !source || source->size() > kMaxText || offset > source->size()) {
    return std::nullopt;
  }
  const std::string_view text = *source;
  const Writing& writing = writing_of(facts->language);
  if (writing.language.empty()) return std::nullopt;
  const Standing standing = standing_at(text, offset, writing);
  if (standing.in == Standing::In::comment) return std::nullopt;
  CallReader reader(view, path, facts, text);
  size_t n_looked = 0;
  for (size_t i = standing.open.size(); i-- > 0 && n_looked < kMaxOutward; ++n_looked) {
    if (cancel.cancelled()) return std::nullopt;
    const OpenBracket& bracket = standing.open[i];
    if (bracket.bracket == '{' && opens_block(text, bracket.at, writing)) return std::nullopt;
    if (bracket.bracket != '(') continue;
    const std::vector<ExpressionStep> steps = expression_before(text, bracket.at, writing);
    if (steps.empty() || steps.back().kind != ExpressionStep::Kind::name) continue;
    const auto& keywords = grammar_keywords(facts->language);  // if (, while (, return (
    if (std::binary_search(keywords.begin(), keywords.end(), steps.back().text)) continue;
    if (is_definition(*facts, steps.back().end)) return std::nullopt;
    SignatureInfo info;
    info.language = facts->language;
    const size_t last = bracket.commas.empty() ? bracket.at : bracket.commas.back();
    const std::string_view argument = trim(text.substr(last + 1, offset - last - 1));
    const std::string_view name = argument_name(argument, writing);
    const size_t position = bracket.commas.size();
    info.n_given = position + (argument.empty() && position == 0 ? 0 : 1);
    for (const Found& f : reader.functions(steps, bracket.at)) {
      const Symbol& symbol = f.get();
      CallSignature signature;
      signature.label = symbol.signature.empty() ? symbol.name : symbol.signature;
      auto parameters = parameters_of(symbol, f.facts->language);
      if (!parameters && is_class_like(symbol.kind)) {
        signature.label += "()";
        parameters.emplace();
      }
      if (!parameters) continue;
      signature.parameters = std::move(*parameters);
      signature.doc = symbol.doc;
      signature.active = parameter_for(signature.parameters, position, name);
      signature.fits = can_take(signature.parameters, info.n_given);
      const bool known =
          std::any_of(info.signatures.begin(), info.signatures.end(), [&](const CallSignature& s) {
            return s.label == signature.label ||
                   (s.parameters.size() == signature.parameters.size() &&
                    std::equal(
                        s.parameters.begin(), s.parameters.end(), signature.parameters.begin(),
                        [](const Parameter& a, const Parameter& b) { return a.label == b.label; }));
          });
      if (!known) info.signatures.push_back(std::move(signature));
    }
    // A call of something unknown: the signature of the call around it would be taken for its own.
    if (info.signatures.empty()) return std::nullopt;
    std::stable_sort(
        info.signatures.begin(), info.signatures.end(),
        [](const CallSignature& a, const CallSignature& b) { return a.fits && !b.fits; });
    return info;
  }
  return std::nullopt;
}

std::vector<ArgumentHint> argument_hints(const View& view, const std::string& path, ByteRange range,
                                         size_t limit, const CancelToken& cancel) {
  std::vector<ArgumentHint> out;
  const FileFactsPtr facts = view.facts(path);
  const std::optional<std::string> source = view.text(path);
  if (facts == nullptr || !source || source->size() > kMaxText) return out;
  const std::string_view text = *source;
  const Writing& writing = writing_of(facts->language);
  if (writing.language.empty()) return out;
  ScopeReader reader(view, path, facts, text);
  Resolver resolver(view);
  const auto begin =
      std::lower_bound(facts->occurrences.begin(), facts->occurrences.end(), range.begin,
                       [](const Occurrence& o, size_t at) { return o.begin < at; });
  for (auto o = begin; o != facts->occurrences.end() && o->begin < range.end; ++o) {
    if (cancel.cancelled() || out.size() >= limit) break;
    if (o->role != Role::call || o->end >= text.size()) continue;
    size_t open = o->end;
    while (open < text.size() && (text[open] == ' ' || text[open] == '!')) ++open;
    if (open >= text.size() || text[open] != '(') continue;
    const ListParts list = list_parts_at(text, open, open + kMaxHintedCall, writing);
    if (!list.closed || list.parts.empty()) continue;
    std::vector<Found> found = resolver.resolve(path, facts, *o);
    if (found.empty() || found[0].symbol == kNone || found[0].confidence == Confidence::possible) {
      continue;
    }
    Found function = found[0];
    if (is_class_like(function.get().kind)) {
      std::vector<Found> made = reader.constructors_of(function);
      if (made.empty()) continue;
      function = made[0];
    }
    const Symbol& symbol = function.get();
    const auto parameters = parameters_of(symbol, function.facts->language);
    if (!parameters || parameters->empty()) continue;
    if (!can_take(*parameters, list.parts.size())) continue;
    const bool setter = list.parts.size() == 1 && parameters->size() == 1 &&
                        (symbol.name.substr(0, 3) == "set" || symbol.name.substr(0, 3) == "Set" ||
                         same_words(symbol.name, parameters->front().name));
    if (setter) continue;
    for (size_t i = 0; i < list.parts.size() && out.size() < limit; ++i) {
      const std::string_view argument =
          text.substr(list.parts[i].first, list.parts[i].second - list.parts[i].first);
      if (argument.empty()) continue;
      // Spread arguments and those that are named say how many follow to nobody.
      if (argument[0] == '*' && writing.indented) break;
      if (argument.substr(0, 3) == "..." || !argument_name(argument, writing).empty()) break;
      const auto at = parameter_for(*parameters, i, {});
      if (!at || (*parameters)[*at].is_rest) break;
      const std::string& name = (*parameters)[*at].name;
      if (name.size() <= 1 || name[0] == '_') continue;
      // `size` for size, self.size, other->size, &size; `get_size()` for size says as much.
      std::string_view last = argument;
      while (!last.empty() && (last.back() == ')' || last.back() == '(')) last.remove_suffix(1);
      const size_t word = name_begin(last, last.size(), writing);
      const std::string_view said = last.substr(word);
      const bool same =
          same_words(said, name) ||
          (said.size() > name.size() && same_words(said.substr(said.size() - name.size()), name));
      if (same) continue;
      if (list.parts[i].first < range.begin || list.parts[i].first > range.end) continue;
      out.push_back({list.parts[i].first, name, function.path, function.symbol});
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const ArgumentHint& a, const ArgumentHint& b) {
    return a.offset < b.offset;
  });
  return out;
}

}  // namespace engramd::repoindex
