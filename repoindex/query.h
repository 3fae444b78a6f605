// repoindex/query.h - the questions an editor or an agent asks of a View.
//
// Answers are ranked, best first, and say how sure they are; an empty answer is better than a
// guess sold as certain. All functions are pure readers: any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

enum class Confidence : uint8_t {
  certain,   // by scope or by a resolved import
  likely,    // the only definition of that name the file can see, or by a written type
  possible,  // same name, nothing else known
};

struct SymbolHit {
  Symbol symbol;
  Place place;  // of the name
  ByteRange full_range;
  LineColumn full_start, full_end;
  std::string container;  // enclosing definitions joined with '.', or empty
  Confidence confidence = Confidence::possible;
};

struct ReferenceHit {
  Place place;
  Role role = Role::reference;
  Confidence confidence = Confidence::possible;
};

// The name under (or ending at) a byte offset; nothing between names.
struct NameAt {
  std::string name;
  ByteRange range;
};
std::optional<NameAt> name_at(const View&, const std::string& path, size_t offset);

std::vector<SymbolHit> find_definitions(const View&, const std::string& path, size_t offset,
                                        size_t limit = 50);
std::vector<ReferenceHit> find_references(const View&, const std::string& path, size_t offset,
                                          bool include_definitions, size_t limit = 10000,
                                          const CancelToken& = {});
// The same, file by file as they are found: the file that was asked in first, then open documents.
// The visitor returns whether to go on.
void each_reference(const View&, const std::string& path, size_t offset, bool include_definitions,
                    const CancelToken&,
                    const std::function<bool(std::vector<ReferenceHit>&&)>& visit);
// In the same file only, definitions included: what else here is the thing at the offset.
std::vector<ReferenceHit> references_in_file(const View&, const std::string& path, size_t offset,
                                             size_t limit = 10000, const CancelToken& = {});
// By bare name, for `engramd query` and the agent.
std::vector<SymbolHit> definitions_of(const View&, std::string_view name, size_t limit = 50);
std::vector<ReferenceHit> references_of(const View&, std::string_view name, size_t limit = 10000);
std::vector<ReferenceHit> calls_of(const View&, std::string_view name, size_t limit = 10000);

// Definitions of one file in file order, without local variables and parameters; parent indexes
// point into the answer.
std::vector<SymbolHit> document_symbols(const View&, const std::string& path);
// Fuzzy (subsequence, camel and snake aware), best first.
std::vector<SymbolHit> workspace_symbols(const View&, std::string_view query, size_t limit = 200,
                                         const CancelToken& = {});

struct HoverInfo {
  NameAt at;
  std::string language;
  SymbolHit definition;
  size_t n_definitions = 1;
};
std::optional<HoverInfo> hover(const View&, const std::string& path, size_t offset);

struct TextHit {
  Place place;
  std::string line;                        // capped
  std::vector<std::string> before, after;  // lines around it, when asked for
};
// Literal search over the files of the view; repoindex/search/text.h has the whole of it.
std::vector<TextHit> search_text(const View&, std::string_view needle, size_t limit = 1000,
                                 const CancelToken& = {});

// The innermost function, method or class that contains the offset; nothing at the top level.
std::optional<SymbolHit> enclosing_symbol(const View&, const std::string& path, size_t offset);

}  // namespace engramd::repoindex
