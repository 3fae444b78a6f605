// repoindex/query/lineage.h - which classes derive from which, and which methods override which.
// Inside query/ only.
//
// By the bases that classes write; in Rust by impl blocks; in Go by the methods an interface asks
// for. Direct and by what is known of the repository: a base from outside it is not answered.
// Bounded: see the constants. One question, one thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

class Lineage {
 public:
  static constexpr size_t kMaxTypes = 2000;       // of one answer
  static constexpr size_t kMaxFilesRead = 5000;   // of one name
  static constexpr size_t kMaxMethods = 200;      // of a Go interface or type
  static constexpr size_t kMaxImplHeader = 400;   // bytes from `impl` to the type's name
  static constexpr size_t kMaxFolderFiles = 300;  // of a Go package

  Lineage(const View& view, Resolver& resolver, CancelToken cancel = {})
      : view_(view), resolver_(resolver), cancel_(std::move(cancel)) {}

  std::vector<Found> supertypes(const Found& type);      // direct ones
  std::vector<Found> subtypes(const Found& type);        // direct ones
  std::vector<Found> all_supertypes(const Found& type);  // nearest first
  std::vector<Found> all_subtypes(const Found& type);    // nearest first
  // A base is written that is not of this repository.
  bool has_foreign_base(const Found& type);

  // The class a method belongs to; nothing for a function.
  std::optional<Found> class_of(const Found& method);
  std::vector<Found> overridden(const Found& method);  // in supertypes, nearest first
  std::vector<Found> overriding(const Found& method);  // in subtypes

 private:
  // impl Trait for Type {...}
  struct Impl {
    std::string path;
    FileFactsPtr facts;
    const Occurrence* trait = nullptr;
    const Occurrence* type = nullptr;
    ByteRange block;
  };
  std::vector<Found> classes_deriving(const Found& type);
  std::vector<Impl> impls_with(const std::string& name, const std::string& path);
  std::vector<Found> class_meant(const Impl& impl, const Occurrence& written);
  bool contains_trait(const Impl& impl, const Found& trait);
  std::vector<Found> methods_in_impls(const Found& trait, std::string_view name);
  // Methods of this name that the type itself has.
  void add_methods(const Found& type, const std::string& name, std::vector<Found>& out);

  using Methods = std::map<std::string, Found, std::less<>>;
  const Methods& methods_of(const Found& go_type, int depth = 0);
  bool satisfies(const Methods& has, const Methods& asked) const;
  std::vector<Found> go_implementers(const Found& interface_);
  std::vector<Found> go_interfaces(const Found& type);
  std::vector<Found> go_embedded(const Found& type);
  std::vector<Found> go_types_with(std::string_view method, bool interfaces);

  template <class Step>
  std::vector<Found> closure(const Found& type, Step step);

  const View& view_;
  Resolver& resolver_;
  const CancelToken cancel_;
  std::map<std::pair<std::string, uint32_t>, Methods> go_methods_;
};

}  // namespace engramd::repoindex
