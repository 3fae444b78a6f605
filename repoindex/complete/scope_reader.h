// repoindex/complete/scope_reader.h - what can be seen from a place in a file: the names in its
// scopes, and the members of what an expression gives.
//
// The resolver goes from a written name to its definition; this goes the other way, with the
// resolver's own means, for text that is still being written. One object per question. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "repoindex/complete/standing.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

// What stands before the dot.
struct Receiver {
  std::vector<Found> classes;  // of which it is an instance, or which it names
  std::vector<Found> modules;  // files (symbol == kNone), or namespaces and the like
  bool is_type = false;        // it names the class itself
  bool is_own = false;         // self, this, super
  // It has a type or is a module, but not of this repository.
  bool is_foreign = false;
  bool known() const { return !classes.empty() || !modules.empty(); }
};

struct Visible {
  Found found;
  std::string name;        // in the place that was asked about; an import may rename
  int distance = 0;        // scopes or base classes that lie between
  bool is_import = false;  // bound by an import; found is what it leads to, if that is known
};

class ScopeReader {
 public:
  ScopeReader(const View& view, const std::string& path, FileFactsPtr facts, std::string_view text);

  // The innermost definition whose body holds the offset.
  uint32_t scope_at(size_t offset) const;
  Receiver receiver(const std::vector<ExpressionStep>& steps, size_t offset);
  // C's `{.name = ...}`: what is initialized, when a designator stands at the offset.
  Receiver initialized(size_t offset);
  // What is called by an expression: functions, or classes.
  std::vector<Found> called(const std::vector<ExpressionStep>& steps, size_t offset);

  // Functions and classes of that name wherever they are; members, or what is at the top level.
  std::vector<Found> of_name(std::string_view name, size_t limit, bool members);

  // Bounded by kMaxVisible; a hidden name (in a base, in an outer scope) is left out.
  std::vector<Visible> members(const Receiver& receiver);
  std::vector<Visible> in_scope(size_t offset);
  std::vector<Visible> of_module(const Found& module) { return of_module(module, 0); }
  std::vector<Found> constructors_of(const Found& class_);

  // The file of the question sees what that file defines through its includes.
  bool includes(const FileEntry& file);

  static constexpr size_t kMaxVisible = 5000;

 private:
  struct Value {
    Found found;
    enum class Is { instance, type, module, function } is = Is::instance;
  };
  std::vector<Value> first_value(const ExpressionStep& step, uint32_t scope, size_t offset);
  std::vector<Value> after(std::vector<Value> values, const ExpressionStep& step);
  std::vector<Value> evaluate(const std::vector<ExpressionStep>& steps, size_t offset);
  void add_value(const Found& found, std::vector<Value>& values);
  std::vector<Value> in_module_value(const Found& module, std::string_view name);
  std::vector<Found> imported_module(std::string_view name);
  std::vector<Value> written_path(const std::vector<ExpressionStep>& steps, uint32_t scope,
                                  size_t offset, size_t* n_used);
  std::vector<Visible> of_module(const Found& module, int depth);
  void add_own_members(const Found& class_, int distance, std::vector<Visible>& out);
  std::vector<Value> instances(std::vector<Found> classes);

  const View& view_;
  const std::string& path_;
  FileFactsPtr facts_;
  std::string_view text_;
  const Writing& writing_;
  Resolver resolver_;
  size_t n_reexporting_ = 0;  // files that the question has gone on to
};

}  // namespace engramd::repoindex
