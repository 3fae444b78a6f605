#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_markdown();

namespace engramd::repoindex {

namespace {

// ```python: by name, or by what a file of it would end in.
std::string fence_language(SyntaxNode node, std::string_view text) {
  std::string said;
  for (SyntaxNode child : node.named_children()) {
    if (child.kind() != "info_string") continue;
    for (char c : child.named_child(0).text(text)) {
      said += static_cast<char>(tolower(static_cast<unsigned char>(c)));
    }
  }
  if (said.empty() || said.size() > 40) return {};
  if (find_language(said) != nullptr) return said;
  const Language* by_extension = language_for_path("x." + said);
  return by_extension != nullptr ? by_extension->name : std::string();
}

std::string html(SyntaxNode, std::string_view) {
  return "html";
}
std::string yaml(SyntaxNode, std::string_view) {
  return "yaml";
}
std::string toml(SyntaxNode, std::string_view) {
  return "toml";
}

}  // namespace

namespace rows {
// The grammar's block half only: headings with # make sections, and sections nest; underlined ones
// are headings without a section.
extern const Language markdown = {
    .name = "markdown",
    .other_names = {"md"},
    .extensions = {"md", "markdown", "mdown", "mkd"},
    .grammar = tree_sitter_markdown,
    .name_only = {"inline"},
    .definitions = {{.node = "section",
                     .kind = SymbolKind::heading,
                     .name_field = "first:<atx_heading>",
                     .body_field = "",
                     .if_field = "first:<atx_heading>"},
                    {.node = "setext_heading",
                     .kind = SymbolKind::heading,
                     .name_field = "heading_content",
                     .body_field = "",
                     .opens_scope = false}},
    .through = {{.slot = {"atx_heading", "heading_content"}}, {.slot = {"paragraph", "<inline>"}}},
    .embedded = {{.node = "fenced_code_block",
                  .content = "<code_fence_content>",
                  .skip = "block_continuation",
                  .language = fence_language,
                  .example = true},
                 {.node = "html_block", .language = html},
                 {.node = "minus_metadata", .language = yaml},
                 {.node = "plus_metadata", .language = toml}},
    .doc = DocStyle::none,
    .max_symbols = 4000,
    .edit = {.string = {"code_fence_content"}},
    .folds = {"section", "fenced_code_block"},
    .errors = ErrorTrust::none,
};
}  // namespace rows

}  // namespace engramd::repoindex
