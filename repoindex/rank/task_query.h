// repoindex/rank/task_query.h - an issue text as the words to look for. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "repoindex/rank/terms.h"

namespace engramd::repoindex {

struct TaskQuery {
  struct Item {
    Term term;
    double weight;  // more for repeated words, damped, and for those of the title
  };
  std::vector<Item> items;         // first seen first, so that sums are always added in one order
  std::vector<std::string> names;  // identifiers that look like code
  std::vector<Term> exact_names;   // exact_name() of each, in the same order
};
TaskQuery read_task(std::string_view task, TermTable& table);

}  // namespace engramd::repoindex
