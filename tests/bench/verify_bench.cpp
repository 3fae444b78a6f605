// Seeded mistakes, and what catches them right after the edit: the parser, the language server, the
// nearest tests.
//   verify_bench FOLDER   one sub-folder a language, each a project with mistakes.txt:
//     name | path | search | replace
// One line a mistake; \n in search and replace is a line end. Prints a table.
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "agent/tools/tool.h"
#include "agent/verify/verifier.h"
#include "base/file.h"
#include "base/text.h"
#include "daemon/lsp_client/sandboxed_server.h"

using namespace engramd;
using namespace engramd::agent;

namespace {

struct Mistake {
  std::string name, path, search, replace;
};

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\\n") {
      out += '\n';
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<Mistake> read_mistakes(const std::filesystem::path& file) {
  std::vector<Mistake> out;
  const auto text = read_file(file);
  if (!text) return out;
  for (const std::string_view line : split_lines(*text)) {
    std::vector<std::string> parts;
    size_t begin = 0;
    for (size_t bar = line.find(" | "); bar != std::string_view::npos;
         bar = line.find(" | ", begin)) {
      parts.emplace_back(line.substr(begin, bar - begin));
      begin = bar + 3;
    }
    parts.emplace_back(line.substr(begin));
    if (parts.size() == 4)
      out.push_back({parts[0], parts[1], unescaped(parts[2]), unescaped(parts[3])});
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: verify_bench FOLDER\n");
    return 2;
  }
  const CancelToken cancel;
  std::printf("| language | mistake | parse | server | nearest tests | said first |\n");
  std::printf("|---|---|---|---|---|---|\n");
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
    if (entry.is_directory()) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  for (const auto& folder : folders) {
    for (const Mistake& mistake : read_mistakes(folder / "mistakes.txt")) {
      std::string parse = "-", server = "-", tests = "-", said;
      for (const bool with_server : {true, false}) {
        VerifyOptions options;
        options.diagnostics = with_server;
        options.tests = !with_server;
        options.lint = false;
        options.diagnostics_ms = options.server_start_ms = options.tests_ms = 60'000;
        options.diagnostics_source = daemon::language_server_factory();
        auto bench = Workbench::open(folder, {.verify = options}, cancel);
        if (!bench) {
          std::fprintf(stderr, "%s\n", bench.error().message.c_str());
          return 3;
        }
        const auto text = (*bench)->read(mistake.path);
        const size_t at = text ? text->find(mistake.search) : std::string::npos;
        if (at == std::string::npos) {
          std::fprintf(stderr, "%s: %s is not in %s\n", folder.c_str(), mistake.search.c_str(),
                       mistake.path.c_str());
          return 2;
        }
        std::string edited = *text;
        edited.replace(at, mistake.search.size(), mistake.replace);
        if (Status done = (*bench)->write(mistake.path, edited); !done) {
          parse = "caught";
          said = done.error().message;
          break;
        }
        const Feedback feedback = (*bench)->verifier()->after_edit({mistake.path}, cancel);
        if (with_server) {
          if (feedback.errors) server = "caught";
          if (!feedback.text.empty() && feedback.errors) said = feedback.text;
        } else if (feedback.errors) {
          tests = "caught";
          if (said.empty()) said = feedback.text;
        }
        if (said.empty()) said = feedback.text;
      }
      // Its first telling line.
      std::string line;
      for (const std::string_view one : split_lines(said))
        if (!trim(one).empty() && one.find("new since") == std::string_view::npos) {
          line = one.substr(0, 90);
          break;
        }
      for (size_t bar = line.find('|'); bar != std::string::npos; bar = line.find('|', bar + 2))
        line.insert(bar, "\\");
      std::printf("| %s | %s | %s | %s | %s | %s |\n", folder.filename().c_str(),
                  mistake.name.c_str(), parse.c_str(), server.c_str(), tests.c_str(), line.c_str());
      std::fflush(stdout);
    }
  }
  return 0;
}
