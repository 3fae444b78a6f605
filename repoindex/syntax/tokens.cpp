#include "repoindex/syntax/tokens.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "repoindex/languages/language.h"
#include "repoindex/snapshot.h"
#include "repoindex/syntax/declared.h"

namespace engramd::repoindex {

namespace {

constexpr int kMaxScopes = 64;         // around a name
constexpr size_t kMaxElsewhere = 64;   // definitions of one name that are compared
constexpr size_t kMaxLookedUp = 2000;  // names of one file that are looked up elsewhere

std::optional<TokenType> type_of(SymbolKind kind) {
  switch (kind) {
    case SymbolKind::module:
    case SymbolKind::namespace_:
      return TokenType::namespace_;
    case SymbolKind::class_:
      return TokenType::class_;
    case SymbolKind::struct_:
      return TokenType::struct_;
    case SymbolKind::enum_:
      return TokenType::enum_;
    case SymbolKind::interface_:
      return TokenType::interface_;
    case SymbolKind::function:
      return TokenType::function;
    case SymbolKind::method:
    case SymbolKind::constructor:
      return TokenType::method;
    case SymbolKind::field:
    case SymbolKind::property:
      return TokenType::property;
    case SymbolKind::variable:
    case SymbolKind::constant:
      return TokenType::variable;
    case SymbolKind::enum_member:
      return TokenType::enum_member;
    case SymbolKind::type_alias:
      return TokenType::type;
    case SymbolKind::macro:
      return TokenType::macro;
    case SymbolKind::file:
    case SymbolKind::key:
    case SymbolKind::heading:
      return std::nullopt;
  }
  return std::nullopt;
}

bool is_class(SymbolKind kind) {
  return kind == SymbolKind::class_ || kind == SymbolKind::struct_ || kind == SymbolKind::enum_ ||
         kind == SymbolKind::interface_;
}
bool is_type(TokenType type) {
  return type == TokenType::class_ || type == TokenType::enum_ || type == TokenType::interface_ ||
         type == TokenType::struct_ || type == TokenType::type;
}

// (scope, name) -> the first symbol of that name in that scope, later ones by next_. Flat, because
// it is made anew for each answer.
class SymbolTable {
 public:
  explicit SymbolTable(const FileFacts& facts) : next_(facts.symbols.size(), kNone) {
    size_t room = 16;
    while (room < facts.symbols.size() * 2) room *= 2;
    slots_.resize(room);
    std::unordered_map<std::string_view, uint32_t> ids;
    ids.reserve(facts.names.size());
    for (uint32_t i = 0; i < facts.names.size(); ++i) ids.emplace(facts.names[i], i);
    names_.resize(facts.symbols.size(), kNone);
    for (uint32_t s = 0; s < facts.symbols.size(); ++s) {
      const auto id = ids.find(facts.symbols[s].name);
      if (id == ids.end()) continue;
      names_[s] = id->second;
      Slot& slot = at(facts.symbols[s].parent, id->second);
      if (slot.first == kNone) {
        slot = {facts.symbols[s].parent, id->second, s, s};
      } else {
        next_[slot.last] = s;
        slot.last = s;
      }
    }
  }
  uint32_t first(uint32_t scope, uint32_t name) { return at(scope, name).first; }
  uint32_t next(uint32_t symbol) const { return next_[symbol]; }
  uint32_t name_of(uint32_t symbol) const { return names_[symbol]; }

 private:
  struct Slot {
    uint32_t scope = kNone, name = kNone, first = kNone, last = kNone;
  };
  Slot& at(uint32_t scope, uint32_t name) {
    const uint64_t key = (uint64_t{scope} << 32 | name) * 0x9E3779B97F4A7C15ull;
    for (size_t i = key >> 32;; ++i) {
      Slot& slot = slots_[i & (slots_.size() - 1)];
      if (slot.first == kNone || (slot.scope == scope && slot.name == name)) return slot;
    }
  }
  std::vector<Slot> slots_;
  std::vector<uint32_t> next_, names_;
};

struct Kind {
  TokenType type = TokenType::variable;
  uint8_t modifiers = 0;
};

class Tokens {
 public:
  Tokens(const View& view, const SyntaxFile& file)
      : view_(view),
        facts_(*file.facts),
        text_(*file.text),
        language_(*file.language),
        table_(facts_),
        known_(facts_.symbols.size()),
        elsewhere_(facts_.names.size()) {
    explicit_self_ = !language_.self_names.empty() && language_.name != "java" &&
                     language_.name != "cpp" && language_.name != "cuda" &&
                     language_.name != "csharp" && language_.name != "kotlin" &&
                     language_.name != "scala" && language_.name != "swift";
    by_imports_ = language_.name == "python" || language_.name == "javascript" ||
                  language_.name == "typescript" || language_.name == "tsx" ||
                  language_.name == "rust" || language_.name == "php";
    starts_.reserve(facts_.symbols.size());
    for (uint32_t s = 0; s < facts_.symbols.size(); ++s)
      starts_.emplace_back(facts_.symbols[s].name_begin, s);
    std::sort(starts_.begin(), starts_.end());
    if (language_.name == "c" || language_.name == "cpp" || language_.name == "cuda") {
      enum_members_.resize(facts_.names.size(), kNone);
      for (uint32_t s = 0; s < facts_.symbols.size(); ++s) {
        if (facts_.symbols[s].kind == SymbolKind::enum_member && table_.name_of(s) != kNone)
          enum_members_[table_.name_of(s)] = s;
      }
    }
    imported_.resize(facts_.names.size());
    if (!facts_.imports.empty()) {
      std::unordered_map<std::string_view, bool> said;
      for (const Import& import : facts_.imports) {
        const std::string& bound = !import.alias.empty()  ? import.alias
                                   : !import.name.empty() ? import.name
                                                          : import.target;
        said[bound] = import.name.empty();
      }
      for (uint32_t i = 0; i < facts_.names.size(); ++i) {
        const auto found = said.find(facts_.names[i]);
        if (found != said.end()) imported_[i] = found->second ? Imported::module : Imported::name;
      }
    }
  }

  std::vector<Token> all(std::optional<ByteRange> within, const CancelToken& cancel) {
    std::vector<Token> out;
    uint32_t last_end = 0;
    auto o = facts_.occurrences.begin();
    if (within) {
      o = std::lower_bound(o, facts_.occurrences.end(), within->begin,
                           [](const Occurrence& a, size_t at) { return a.end <= at; });
    } else {
      out.reserve(facts_.occurrences.size());
    }
    for (size_t n = 0; o != facts_.occurrences.end(); ++o) {
      if (within && o->begin >= within->end) break;
      if ((++n & 0xFFF) == 0 && cancel.cancelled()) break;
      if (o->begin < last_end || o->end <= o->begin || o->end > text_.size()) continue;
      const auto kind = kind_of(*o);
      if (!kind) continue;
      if (text_.substr(o->begin, o->end - o->begin).find_first_of("\r\n") != std::string_view::npos)
        continue;
      out.push_back({o->begin, o->end, kind->type, kind->modifiers});
      last_end = o->end;
    }
    return out;
  }

 private:
  enum class Imported : uint8_t { no, name, module };

  std::optional<Kind> kind_of(const Occurrence& o) {
    if (o.role == Role::definition) {
      for (auto at = std::lower_bound(starts_.begin(), starts_.end(),
                                      std::pair<uint32_t, uint32_t>{o.begin, 0});
           at != starts_.end() && at->first == o.begin; ++at) {
        if (table_.name_of(at->second) != o.name && facts_.symbols[at->second].name_end != o.end)
          continue;
        auto kind = kind_of_symbol(at->second);
        if (!kind) return kind;
        kind->modifiers |= kDeclares;
        const Symbol& symbol = facts_.symbols[at->second];
        if (!symbol.is_declaration && !symbol.local) kind->modifiers |= kDefines;
        return kind;
      }
      return std::nullopt;
    }
    if (o.role == Role::import) return imported(o);
    return o.receiver != kNone ? member(o) : plain(o);
  }

  std::optional<Kind> kind_of_symbol(uint32_t s) {
    Known& known = known_[s];
    if (!known.looked) {
      known.looked = true;
      const Symbol& symbol = facts_.symbols[s];
      if (auto type = type_of(symbol.kind)) {
        const Declared declared = how_declared(facts_, s, text_);
        Kind kind{*type, declared.modifiers};
        if (kind.type == TokenType::variable && declared.is_parameter)
          kind.type = TokenType::parameter;
        if (kind.type == TokenType::method && declared.is_property) kind.type = TokenType::property;
        if (kind.type == TokenType::function && symbol.parent != kNone &&
            is_class(facts_.symbols[symbol.parent].kind)) {
          kind.type = TokenType::method;
        }
        known.kind = kind;
      }
    }
    return known.kind;
  }

  bool seen_from(const Symbol& symbol, const Occurrence& o) const {
    return !symbol.inside_only || (symbol.begin <= o.begin && o.begin < symbol.end);
  }

  // The symbol that a name without a receiver means in this file, or kNone.
  uint32_t in_scopes(const Occurrence& o) {
    uint32_t scope = o.scope;
    for (int up = 0; up < kMaxScopes; ++up) {
      const bool hidden = scope != kNone && scope != o.scope && explicit_self_ &&
                          is_class(facts_.symbols[scope].kind);
      if (!hidden) {
        uint32_t best = kNone;
        for (uint32_t s = table_.first(scope, o.name); s != kNone; s = table_.next(s)) {
          if (!seen_from(facts_.symbols[s], o)) continue;
          // Of several the last before the name, or the first.
          if (best == kNone || facts_.symbols[s].name_begin <= o.begin) best = s;
        }
        if (best != kNone) return best;
      }
      if (scope == kNone) return kNone;
      scope = facts_.symbols[scope].parent;
    }
    return kNone;
  }

  std::optional<Kind> plain(const Occurrence& o) {
    uint32_t symbol = in_scopes(o);
    if (symbol == kNone && !enum_members_.empty()) symbol = enum_members_[o.name];
    if (symbol != kNone) {
      auto kind = kind_of_symbol(symbol);
      // `x = Foo(...)` in a header reads like a prototype; what is called is no variable's doing.
      if (kind && o.role == Role::type && !is_type(kind->type) &&
          kind->type != TokenType::namespace_) {
        kind = Kind{TokenType::type, 0};
      }
      return kind;
    }
    if (imported_[o.name] == Imported::module && o.role != Role::call)
      return Kind{TokenType::namespace_, 0};
    if (auto kind = elsewhere(o.name); kind && fits(o.role, kind->type)) return kind;
    if (o.role == Role::type) return Kind{TokenType::type, 0};
    if (o.role == Role::call) {
      const bool python_class = by_imports_ && imported_[o.name] != Imported::no &&
                                isupper(static_cast<unsigned char>(facts_.names[o.name][0]));
      return Kind{python_class ? TokenType::class_ : TokenType::function, 0};
    }
    return std::nullopt;
  }

  static bool fits(Role role, TokenType type) {
    if (role == Role::type) return is_type(type) || type == TokenType::namespace_;
    if (role == Role::call) return type != TokenType::namespace_ && type != TokenType::property;
    return true;
  }

  std::optional<Kind> member(const Occurrence& o) {
    const std::string& receiver = facts_.names[o.receiver];
    // self.x: of the class around, if it has one of that name.
    if (contains_kind(language_.self_names, receiver)) {
      uint32_t scope = o.scope;
      for (int up = 0; up < kMaxScopes && scope != kNone; ++up) {
        if (is_class(facts_.symbols[scope].kind)) {
          const uint32_t found = table_.first(scope, o.name);
          if (found != kNone) return kind_of_symbol(found);
          break;
        }
        scope = facts_.symbols[scope].parent;
      }
    }
    // Color.RED, ns::name, module.name: when the receiver is a class or a namespace of this file.
    for (uint32_t s = table_.first(kNone, o.receiver); s != kNone; s = table_.next(s)) {
      const uint32_t found = table_.first(s, o.name);
      if (found != kNone) return kind_of_symbol(found);
    }
    if (o.role == Role::type) {
      auto kind = elsewhere(o.name);
      return kind && is_type(kind->type) ? kind : Kind{TokenType::type, 0};
    }
    if (imported_[o.receiver] == Imported::module) {
      if (auto kind = elsewhere(o.name); kind && fits(o.role, kind->type)) return kind;
    }
    if (o.role == Role::call) return Kind{TokenType::method, 0};
    return Kind{TokenType::property, 0};
  }

  std::optional<Kind> imported(const Occurrence& o) {
    const uint32_t symbol = in_scopes(o);
    if (symbol != kNone) return kind_of_symbol(symbol);
    if (imported_[o.name] == Imported::module) return Kind{TokenType::namespace_, 0};
    if (auto kind = elsewhere(o.name)) return kind;
    return imported_[o.name] == Imported::name ? std::nullopt
                                               : std::optional(Kind{TokenType::namespace_, 0});
  }

  // What all top-level definitions of that name in the repository are, if they agree.
  std::optional<Kind> elsewhere(uint32_t name) {
    Known& known = elsewhere_[name];
    if (known.looked) return known.kind;
    known.looked = true;
    if (view_.snapshot == nullptr || ++n_looked_up_ > kMaxLookedUp) return std::nullopt;
    if (by_imports_ && imported_[name] == Imported::no) return std::nullopt;
    size_t n = 0;
    bool agree = true;
    std::optional<TokenType> type;
    view_.snapshot->definitions(facts_.names[name], [&](const DefinitionRef& found) {
      if (!found.is_top_level) return ++n < kMaxElsewhere;
      const auto is = type_of(found.kind);
      if (!is || view_.snapshot->summary(*found.file).language.empty()) return ++n < kMaxElsewhere;
      if (type && *type != *is) agree = false;
      type = is;
      return agree && ++n < kMaxElsewhere;
    });
    if (type && agree) known.kind = Kind{*type, 0};
    return known.kind;
  }

  struct Known {
    bool looked = false;
    std::optional<Kind> kind;
  };
  const View& view_;
  const FileFacts& facts_;
  const std::string_view text_;
  const Language& language_;
  SymbolTable table_;
  std::vector<Known> known_;                           // by symbol
  std::vector<Known> elsewhere_;                       // by name
  std::vector<std::pair<uint32_t, uint32_t>> starts_;  // of names, with their symbols
  std::vector<uint32_t> enum_members_;  // by name; C's are seen outside of their enum
  std::vector<Imported> imported_;      // by name
  bool explicit_self_ = false;          // members are not seen without self
  bool by_imports_ = false;             // names of other files are imported one by one
  size_t n_looked_up_ = 0;
};

}  // namespace

std::vector<Token> semantic_tokens(const View& view, const SyntaxFile& file,
                                   std::optional<ByteRange> within, const CancelToken& cancel) {
  if (file.facts == nullptr || file.language == nullptr) return {};
  return Tokens(view, file).all(within, cancel);
}

}  // namespace engramd::repoindex
