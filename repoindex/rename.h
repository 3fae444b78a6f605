// repoindex/rename.h - what has to be edited for a definition to get another name.
//
// Refuses with a sentence for the user what cannot be done rightly: keywords, text that is no
// name, names from outside the repository, a new name that is taken. Every edit says how sure it
// is; what is only possible is for the user to judge. Pure readers: any thread.
#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/query.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

// The name that would be renamed, with its range in the asked file.
Result<NameAt> prepare_rename(const View&, const std::string& path, size_t offset);

struct RenameEdit {
  Place place;
  std::string new_text;  // more than the new name where it has to be: { old } becomes { old: new }
  Confidence confidence = Confidence::certain;
};
struct RenamePlan {
  std::string old_name;
  std::vector<RenameEdit> edits;  // by path and offset
  // A method that may override one of a base class from outside the repository: all edits are for
  // the user to judge.
  bool may_override_foreign = false;
};
Result<RenamePlan> rename(const View&, const std::string& path, size_t offset,
                          const std::string& new_name, const CancelToken& = {});

// Whether a language takes the word as the name of something that a program defines; an error says
// why not. prefix is what its names of this kind begin with ("@" of a Ruby field), or empty.
Status check_identifier(std::string_view language, std::string_view name,
                        std::string_view prefix = {});
bool is_keyword(std::string_view language, std::string_view word);

}  // namespace engramd::repoindex
