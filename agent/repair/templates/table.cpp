// The template families, one row each.
#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

constexpr TemplateFamily kFamilies[] = {
    {"operators", propose_operators},          // < for <=, + for -, and for or
    {"constants", propose_constants},          // 0 for 1, True for False
    {"conditions", propose_conditions},        // negate, strengthen, weaken, null or empty
    {"names", propose_names},                  // another variable, member, or function
    {"calls", propose_calls},                  // without the call, its receiver, its result
    {"arguments", propose_arguments},          // swap, drop, add
    {"collections", propose_collections},      // elements, indexes, slices
    {"expressions", propose_expressions},      // wrap, off by one, donors of the function
    {"assignments", propose_assignments},      // accumulate, keep the extreme
    {"statements", propose_statements},        // delete, swap, move, insert
    {"guards", propose_guards},                // leave early when something is null or empty
    {"strings", propose_strings},              // case, ends, format, another literal
    {"regexes", propose_regexes},              // quantifiers, anchors, flags
    {"exceptions", propose_exceptions},        // another type, one more, a try around
    {"missing words", propose_missing_words},  // return, await, self, break
    {"library", propose_library},              // dict.get, encoding, copies, optional chaining
    {"definitions", propose_definitions},      // default arguments
    {"branches", propose_branches},            // an else that is missing, or always meant
    {"presence", propose_presence},            // ask whether something is there
    {"rows", propose_rows},                    // what other rows of a table have, their order
    {"donors", propose_donors},                // what other code and the history have here
};

}  // namespace

std::span<const TemplateFamily> template_families() {
  return kFamilies;
}

}  // namespace engramd::agent
