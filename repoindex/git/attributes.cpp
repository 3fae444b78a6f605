#include "repoindex/git/attributes.h"

#include "base/file.h"
#include "repoindex/git/ignore.h"
#include "repoindex/git/quoting.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

constexpr uint64_t kMaxFileBytes = 1u << 20;
constexpr size_t kMaxRulesInFile = 20000;
constexpr size_t kMaxFolders = 200'000;

std::string_view next_word(std::string_view* line) {
  const size_t begin = line->find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) {
    *line = {};
    return {};
  }
  line->remove_prefix(begin);
  const size_t end = std::min(line->find_first_of(" \t\r"), line->size());
  std::string_view word = line->substr(0, end);
  line->remove_prefix(end);
  return word;
}

}  // namespace

Attributes::Attributes(fs::path top, const GitPlace& place, const GitSettings& settings)
    : top_(std::move(top)) {
  const auto read = [&](const fs::path& path, Rules* into) {
    if (path.empty()) return;
    if (auto text = read_file(path, kMaxFileBytes)) {
      for (Rule& rule : parse(*text, "", true, &macros_)) into->push_back(std::move(rule));
    }
  };
  read("/etc/gitattributes", &lowest_);
  read(settings.attributes_file, &lowest_);
  if (place.kind != GitPlace::Kind::none) {
    read(place.common_folder / "info/attributes", &highest_);
  }
}

void Attributes::assign(std::string_view word, const std::map<std::string, Rule>& macros,
                        Rule* rule) {
  State state = State::set;
  if (word[0] == '-' || word[0] == '!') {
    state = word[0] == '-' ? State::unset : State::unspecified;
    word.remove_prefix(1);
  }
  const size_t equals = word.find('=');
  std::string_view value;
  if (equals != std::string_view::npos) {
    value = word.substr(equals + 1);
    word = word.substr(0, equals);
    state = State::value;
  }
  if (auto macro = macros.find(std::string(word)); macro != macros.end() && state == State::set) {
    for (size_t n = 0; n < kNames; ++n) {
      if (macro->second.states[n] != State::undecided) rule->states[n] = macro->second.states[n];
    }
  }
  constexpr std::string_view kWords[kNames] = {"ident", "filter", "working-tree-encoding",
                                               "linguist-generated", "linguist-vendored"};
  for (size_t n = 0; n < kNames; ++n) {
    if (word != kWords[n]) continue;
    // Linguist's "=false" is meant as a no.
    if (n >= kGenerated && state == State::value)
      state = value == "false" ? State::unset : State::set;
    rule->states[n] = state;
  }
}

Attributes::Rules Attributes::parse(std::string_view text, std::string_view base,
                                    bool macros_allowed, std::map<std::string, Rule>* macros) {
  Rules rules;
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  constexpr std::string_view kMacro = "[attr]";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark)
    text.remove_prefix(kByteOrderMark.size());
  while (!text.empty() && rules.size() < kMaxRulesInFile) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    if (line.empty() || line[0] == '#') continue;
    Rule rule;
    std::string pattern;
    if (line[0] == '"') {
      if (!unquote_c_style(&line, &pattern)) continue;
    } else {
      pattern = std::string(next_word(&line));
    }
    for (std::string_view word = next_word(&line); !word.empty(); word = next_word(&line))
      assign(word, *macros, &rule);
    if (pattern.compare(0, kMacro.size(), kMacro) == 0) {
      if (macros_allowed && macros->size() < 1000) (*macros)[pattern.substr(kMacro.size())] = rule;
      continue;
    }
    // No taking back here, and a folder's attributes are not its files'.
    if (pattern.empty() || pattern[0] == '!' || pattern.back() == '/') continue;
    bool says_something = false;
    for (const State state : rule.states) says_something |= state != State::undecided;
    if (!says_something) continue;
    rule.anchored = pattern.find('/') != std::string::npos;
    rule.glob = pattern[0] == '/' ? pattern.substr(1) : pattern;
    rule.base = std::string(base);
    rules.push_back(std::move(rule));
  }
  return rules;
}

void Attributes::apply(const Rules& rules, std::string_view path, State* states) {
  for (size_t i = rules.size(); i-- > 0;) {
    const Rule& rule = rules[i];
    const std::string_view part = part_to_match(path, rule.base, rule.anchored);
    if (part.empty() || !glob_matches(rule.glob, part)) continue;
    for (size_t n = 0; n < kNames; ++n) {
      if (states[n] == State::undecided) states[n] = rule.states[n];
    }
  }
}

const Attributes::Rules& Attributes::rules_in(std::string_view folder) {
  if (auto known = by_folder_.find(folder); known != by_folder_.end()) return known->second;
  Rules rules;
  if (auto text = read_file(top_ / folder / ".gitattributes", kMaxFileBytes))
    rules = parse(*text, folder, folder.empty(), &macros_);
  return by_folder_.emplace(std::string(folder), std::move(rules)).first->second;
}

void Attributes::enter(std::string_view folder) {
  if (by_folder_.size() > kMaxFolders) by_folder_.clear();
  entered_ = std::string(folder);
  entered_any_ = true;
  chain_.clear();
  rules_in("");  // macros are defined in the top folder's file, and used below
  for (;;) {
    if (const Rules& rules = rules_in(folder); !rules.empty()) chain_.push_back(&rules);
    if (folder.empty()) return;
    const size_t slash = folder.rfind('/');
    folder = slash == std::string_view::npos ? std::string_view() : folder.substr(0, slash);
  }
}

FileAttributes Attributes::of(std::string_view path) {
  const size_t slash = path.rfind('/');
  const std::string_view folder =
      slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  if (!entered_any_ || folder != entered_) enter(folder);
  State states[kNames] = {};
  apply(highest_, path, states);
  for (const Rules* rules : chain_) apply(*rules, path, states);
  apply(lowest_, path, states);
  const auto said = [](State state) {
    return state == State::set ? Said::yes : state == State::unset ? Said::no : Said::nothing;
  };
  FileAttributes out;
  out.rewritten = states[kIdent] == State::set || states[kFilter] == State::value ||
                  states[kEncoding] == State::value;
  out.generated = said(states[kGenerated]);
  out.vendored = said(states[kVendored]);
  return out;
}

}  // namespace engramd::repoindex
