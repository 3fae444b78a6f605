// repoindex/query/references.h - the uses of one or several definitions in all files. Inside query/
// only.
//
// Files that contain the name at all are looked at one after another, so that answers can be had
// before the last file is read. One question, one thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

// The occurrence that contains the offset or ends at it; the containing one wins.
const Occurrence* occurrence_at(const FileFacts& facts, size_t offset);
// Inside the quotes of an import there is no name: the files that are meant.
std::vector<Found> imported_file_at(Resolver& resolver, const View& view, const std::string& path,
                                    const FileFacts& facts, size_t offset);

// What the uses are sought of.
struct Sought {
  std::string name;          // as it is written where the question was asked: may be an alias
  std::vector<Found> meant;  // not empty; a use of any of them counts
  std::string path;          // the file that was asked in
  bool with_definitions = false;
};

// What an occurrence means, without what is only possible beside something better known.
std::vector<Found> meant_by(Resolver& resolver, const std::string& path, const FileFactsPtr& facts,
                            const Occurrence& occurrence);

// Hits of one file by offset; false ends the search.
using VisitHits = std::function<bool(std::vector<ReferenceHit>&&)>;
// The file that was asked in comes first, then open documents, then the snapshot's files. Whether
// every place was looked at: not when the visitor or the token ended it, nor past a bound.
bool for_each_use(const View& view, const Sought& sought, const CancelToken& cancel,
                  const VisitHits& visit);

}  // namespace engramd::repoindex
