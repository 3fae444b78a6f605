// Rust's impl blocks: facts have no symbol for them, so the text between `impl` and the brace is
// read where a name of a trait or a type stands.
#include <algorithm>

#include "repoindex/query/lineage.h"

namespace engramd::repoindex {

namespace {

bool is_word(char c) {
  return isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Behind "<…>" that opens at `at`; where it was when none opens.
size_t skip_generics(std::string_view text, size_t at) {
  if (at >= text.size() || text[at] != '<') return at;
  int depth = 0;
  for (size_t i = at; i < text.size() && i < at + Lineage::kMaxImplHeader; ++i) {
    if (text[i] == '<') ++depth;
    if (text[i] == '>' && (i == 0 || text[i - 1] != '-') && --depth == 0) return i + 1;
  }
  return at;
}

size_t skip_blanks(std::string_view text, size_t at) {
  while (at < text.size() && isspace(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

// The last name of a path a::b::Name<…> that begins at `at`, and where what follows begins.
struct PathEnd {
  size_t name = std::string_view::npos, after = 0;
};
PathEnd path_end(std::string_view text, size_t at) {
  PathEnd out;
  at = skip_blanks(text, at);
  while (at < text.size() && (text[at] == '&' || text[at] == '\'')) {  // &'a mut T
    ++at;
    while (text[at - 1] == '\'' && at < text.size() && is_word(text[at])) ++at;
    at = skip_blanks(text, at);
  }
  for (std::string_view word : {"mut ", "dyn ", "?"}) {
    if (text.substr(at, word.size()) == word) at = skip_blanks(text, at + word.size());
  }
  while (at < text.size() && is_word(text[at])) {
    out.name = at;
    while (at < text.size() && is_word(text[at])) ++at;
    at = skip_generics(text, at);
    if (text.substr(at, 2) != "::") break;
    at += 2;
  }
  out.after = at;
  return out;
}

struct Header {
  size_t trait = 0, type = 0;
  ByteRange block;
};

// The header whose `impl` is the nearest before `near`.
std::optional<Header> header_around(std::string_view text, size_t near) {
  size_t from = near > Lineage::kMaxImplHeader ? near - Lineage::kMaxImplHeader : 0;
  std::string_view before = text.substr(from, near - from);
  size_t at = before.size();
  while (true) {
    at = at == 0 ? std::string_view::npos : before.rfind("impl", at - 1);
    if (at == std::string_view::npos) return std::nullopt;
    bool word =
        (at == 0 || !is_word(before[at - 1])) && at + 4 < before.size() && !is_word(before[at + 4]);
    if (word) break;
  }
  if (before.find_first_of("{};", at) != std::string_view::npos) return std::nullopt;
  size_t next = skip_blanks(text, from + at + 4);
  next = skip_generics(text, next);
  PathEnd trait = path_end(text, next);
  if (trait.name == std::string_view::npos) return std::nullopt;
  next = skip_blanks(text, trait.after);
  if (text.substr(next, 4) != "for ") return std::nullopt;  // impl Type {...}
  PathEnd type = path_end(text, next + 4);
  if (type.name == std::string_view::npos) return std::nullopt;
  size_t open = text.find('{', type.after);
  if (open == std::string_view::npos || open > type.after + 4000) return std::nullopt;
  Header out{trait.name, type.name, {open, text.size()}};
  return out;
}

const Occurrence* occurrence_from(const FileFacts& facts, size_t begin) {
  auto it = std::lower_bound(facts.occurrences.begin(), facts.occurrences.end(), begin,
                             [](const Occurrence& o, size_t at) { return o.begin < at; });
  return it != facts.occurrences.end() && it->begin == begin ? &*it : nullptr;
}

// Braces in strings and comments are counted too: a block may come out too short or too long, and
// its methods are then looked for by their qualifier all the same.
size_t end_of_block(std::string_view text, size_t open) {
  int depth = 0;
  for (size_t i = open; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i + 1;
  }
  return text.size();
}

}  // namespace

std::vector<Lineage::Impl> Lineage::impls_with(const std::string& name, const std::string& path) {
  std::vector<Impl> out;
  size_t n_files = 0;
  auto look = [&](const std::string& file, const FileFactsPtr& facts) {
    if (cancel_.cancelled() || out.size() >= kMaxTypes || ++n_files > kMaxFilesRead) return false;
    if (facts->language != "rust") return true;
    for (const Occurrence& o : facts->occurrences) {
      if (facts->names[o.name] != name || (o.role != Role::type && o.role != Role::reference)) {
        continue;
      }
      bool outside = o.scope == kNone || facts->symbols[o.scope].kind == SymbolKind::module;
      if (!outside) continue;
      const std::string& text = resolver_.text(file);
      std::optional<Header> header = header_around(text, o.begin);
      if (!header || (header->trait != o.begin && header->type != o.begin)) continue;
      const Occurrence* trait = occurrence_from(*facts, header->trait);
      const Occurrence* type = occurrence_from(*facts, header->type);
      if (trait == nullptr || type == nullptr) continue;
      header->block.end = end_of_block(text, header->block.begin);
      out.push_back({file, facts, trait, type, header->block});
    }
    return true;
  };
  FileFactsPtr own = view_.facts(path);
  if (own != nullptr && !look(path, own)) return out;
  bool more = true;
  if (view_.overlay != nullptr) {
    for (const auto& [file, document] : *view_.overlay) {
      if (document.facts == nullptr || file == path || !more) continue;
      more = look(file, document.facts);
    }
  }
  if (view_.snapshot == nullptr || !more) return out;
  view_.snapshot->files_with_name(name, [&](const FileEntry& file) {
    if (file.path == path) return true;
    if (view_.overlay != nullptr && view_.overlay->count(file.path) != 0) return true;
    if (view_.snapshot->summary(file).language != "rust") return true;
    FileFactsPtr facts = view_.snapshot->facts(file);
    return facts == nullptr || look(file.path, facts);
  });
  return out;
}

std::vector<Found> Lineage::class_meant(const Impl& impl, const Occurrence& written) {
  std::vector<Found> out;
  for (Found& f : resolver_.resolve(impl.path, impl.facts, written)) {
    if (f.confidence == Confidence::possible || f.symbol == kNone) continue;
    if (is_class_like(f.get().kind)) {
      append_new(out, {std::move(f)});
    } else {
      append_new(out, resolver_.classes_of(f, 1));
    }
  }
  return out;
}

std::vector<Found> Lineage::methods_in_impls(const Found& trait, std::string_view name) {
  std::vector<Found> out;
  for (const Impl& impl : impls_with(trait.get().name, trait.path)) {
    if (impl.facts->names[impl.trait->name] != trait.get().name) continue;
    bool known = false, meant = false;
    for (uint32_t s = 0; s < impl.facts->symbols.size(); ++s) {
      const Symbol& symbol = impl.facts->symbols[s];
      if (symbol.name != name || symbol.qualifier.empty()) continue;
      if (!impl.block.contains(symbol.begin)) continue;
      if (!known) meant = contains_trait(impl, trait);
      known = true;
      if (meant) append_new(out, {{impl.path, impl.facts, s, Confidence::likely}});
    }
  }
  return out;
}

bool Lineage::contains_trait(const Impl& impl, const Found& trait) {
  std::vector<Found> meant = class_meant(impl, *impl.trait);
  return std::any_of(meant.begin(), meant.end(), [&](const Found& f) { return f.same(trait); });
}

}  // namespace engramd::repoindex
