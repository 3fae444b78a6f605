// repoindex/syntax/links.h - places in a file that lead somewhere else: addresses of the web,
// imports and includes of files in the repository, relative links in Markdown and HTML.
//
// A link to a file is given only when the file is there. In the order of the text, apart from each
// other; bounded. Any thread.
#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "repoindex/syntax/syntax_file.h"

namespace engramd::repoindex {

struct Link {
  ByteRange range;
  std::string url;   // of the web
  std::string path;  // else: of a file, relative to the root
};

std::vector<Link> links(const View& view, const SyntaxFile& file, size_t limit = 2000,
                        const CancelToken& cancel = {});

}  // namespace engramd::repoindex
