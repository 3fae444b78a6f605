// repoindex/hierarchy.h - who calls whom, which type derives from which, and what else belongs to
// a name: its declaration, its type, what implements it.
//
// Answers are of what is certain or likely; what merely has the same name is left out. All
// functions are pure readers, bounded: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "repoindex/query.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

// A definition as it can be found again after the file was edited: by what it is called and where
// it belongs, and only then by where it stood. Comes back from editors: nothing in it is trusted.
struct SymbolKey {
  std::string path;
  std::string name;
  std::string container;  // as SymbolHit has it
  SymbolKind kind = SymbolKind::function;
  uint32_t nth = 0;  // of those in the file that are alike in all of the above
  bool operator==(const SymbolKey&) const = default;
};
SymbolKey key_of(const View&, const SymbolHit&);
// Nothing when the file has no such definition any more.
std::optional<SymbolHit> symbol_of(const View&, const SymbolKey&);

// C and C++: prototypes and headers; elsewhere the import that gives the name to the file, and the
// method that a method overrides. The definition itself when there is nothing else.
std::vector<SymbolHit> find_declarations(const View&, const std::string& path, size_t offset);
// The class of a value, of what a function gives; of a class, itself.
std::vector<SymbolHit> find_type_definitions(const View&, const std::string& path, size_t offset);
// Of a class or interface what derives from it, directly or not; of a method what overrides it; of
// what is only declared its bodies; the definition of any other function.
std::vector<SymbolHit> find_implementations(const View&, const std::string& path, size_t offset,
                                            size_t limit = 1000, const CancelToken& = {});

// The functions and classes that a name means.
std::vector<SymbolHit> callables_at(const View&, const std::string& path, size_t offset);

struct CallHit {
  SymbolHit symbol;              // who calls, or what is called; kind file: outside all functions
  std::vector<ReferenceHit> at;  // the calls, all in the caller's file
};
std::vector<CallHit> incoming_calls(const View&, const SymbolKey&, size_t limit = 2000,
                                    const CancelToken& = {});
std::vector<CallHit> outgoing_calls(const View&, const SymbolKey&, const CancelToken& = {});

// The classes that a name means, or of which its value is an instance.
std::vector<SymbolHit> types_at(const View&, const std::string& path, size_t offset);
std::vector<SymbolHit> supertypes(const View&, const SymbolKey&, const CancelToken& = {});
std::vector<SymbolHit> subtypes(const View&, const SymbolKey&, const CancelToken& = {});

}  // namespace engramd::repoindex
