// agent/repair/offer.h - what code can be written with the names and expressions that are at hand.
//
//   Scope    one outermost function: its variables, calls, small expressions and conditions
//   Offer    the file: members, callees, literals, exceptions
//   Hints    what the failure says: names, texts, numbers and exceptions in messages and red tests
//   Donors   other files of the repository and the file's history
// Plain data, every list bounded and the likeliest first.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/repair/code_view.h"
#include "agent/repair/text_changes.h"

namespace engramd::agent {

struct Scope {
  std::vector<std::string> variables;  // most used first
  std::vector<std::string> callees;    // plain names that are called
  std::vector<std::string> donors;     // small expressions, no plain names or literals
  std::vector<std::string> conditions;
  std::vector<std::pair<std::string, std::string>> inserts;  // receiver, method of `x.m(y)`
  std::vector<std::string> statements;  // short ones, without what ends them; most often first
  std::vector<std::string> returned;    // what its returns give
  std::vector<std::string> parameters;
  std::vector<std::string> unused;     // made or given, and never read: probably meant somewhere
  std::vector<std::string> read_once;  // in a single place: without it they would be unused
  std::vector<std::string> methods;    // "self.clean": called with one argument
};

struct Offer {
  std::vector<std::string> members, callees, methods_without_arguments;
  std::map<std::string, std::vector<std::string>> members_of;  // by receiver's text
  std::map<std::string, std::vector<std::string>> values_of;   // assigned, by target
  std::vector<std::string> methods_of_one;  // "self.clean", called with one argument
  std::vector<std::string> keywords;        // "name=value" of any callee
  std::vector<std::string> common_members;  // of the repository's files, most used first
  std::map<std::string, std::vector<std::string>> keywords_of;  // "name=value" by callee
  std::vector<std::string> strings;                             // literals with their quotes
  std::vector<std::string> exceptions, types;
};

struct Hints {
  std::vector<std::string> names, strings, exceptions;  // strings without quotes
  std::vector<long long> numbers;
  std::vector<TextChange> changes;  // between texts that were expected and texts that came
};

struct Donors {
  std::map<std::string, std::vector<std::string>> arguments_of;  // "(a, b=1)" by callee
  std::map<std::string, std::vector<std::string>> members_of;    // by receiver's text
  std::map<std::string, std::vector<std::string>> old_lines;     // by path: removed lately
  std::vector<std::string> statements;                           // one line each
  std::map<std::string, size_t> n_members;                       // how often each is read
};

Scope collect_scope(const CodeView& code, size_t function, size_t max_donors);
Offer collect_offer(const CodeView& code, const Donors& donors);
void collect_donors(const CodeView& code, Donors& donors);  // adds, within its bounds
// From the text of failure reports and of the red tests.
Hints read_hints(std::string_view failure);

// The functions that any template may need.
size_t edit_distance(std::string_view a, std::string_view b, size_t cap);

}  // namespace engramd::agent
