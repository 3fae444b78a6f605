#include "repoindex/parse/words.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "repoindex/parse/compiled_language.h"

namespace engramd::repoindex {

const std::vector<std::string_view>& grammar_keywords(std::string_view language) {
  // One list per row of the language table, made when it is first asked for; rows are constants, so
  // what is handed out stays.
  static std::mutex mutex;
  static std::map<const Language*, std::vector<std::string_view>> lists;
  static const std::vector<std::string_view> kNone_;
  const Language* row = find_language(language);
  if (row == nullptr || row->grammar == nullptr) return kNone_;
  std::lock_guard lock(mutex);
  auto [it, added] = lists.try_emplace(row);
  if (added) {
    for (std::string_view word : compiled(*row).keywords) {
      const bool plain = word.size() > 1 && std::all_of(word.begin(), word.end(), [](char c) {
                           return isalpha(static_cast<unsigned char>(c)) || c == '_';
                         });
      if (plain && word.substr(0, 2) != "__" && word[0] != '_') it->second.push_back(word);
    }
    std::sort(it->second.begin(), it->second.end());
  }
  return it->second;
}

}  // namespace engramd::repoindex
