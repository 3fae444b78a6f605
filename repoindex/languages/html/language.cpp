#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_html();

namespace engramd::repoindex {

namespace {

// The value of an attribute of a start tag, without its quotes.
std::string_view attribute(SyntaxNode tag, std::string_view name, std::string_view text) {
  for (SyntaxNode child : tag.named_children()) {
    if (child.kind() != "attribute" || child.named_child(0).text(text) != name) continue;
    SyntaxNode value = child.named_child(1);
    if (value.kind() == "quoted_attribute_value") value = value.named_child(0);
    return value.text(text);
  }
  return {};
}

// <script src="a.js"> and <link rel="stylesheet" href="a.css">
void html_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  std::string_view tag = node.named_child(0).text(text);
  if (tag != "script" && tag != "link") return;
  std::string_view target = attribute(node, tag == "script" ? "src" : "href", text);
  if (target.empty() || target.find("://") != std::string_view::npos) return;
  Import import;
  import.begin = node.begin();
  import.end = node.end();
  import.target = std::string(target);
  import.name = "*";
  out.push_back(std::move(import));
}

std::string script_language(SyntaxNode node, std::string_view text) {
  SyntaxNode tag = node.named_child(0);
  std::string_view said = attribute(tag, "lang", text);
  if (said.empty()) said = attribute(tag, "type", text);
  if (said.empty() || said == "module" || said.find("javascript") != std::string_view::npos) {
    return "javascript";
  }
  if (said.find("json") != std::string_view::npos || said == "importmap") return "json";
  size_t slash = said.rfind('/');  // text/typescript
  return std::string(slash == std::string_view::npos ? said : said.substr(slash + 1));
}

std::string style_language(SyntaxNode, std::string_view) {
  return "css";
}

// onclick="save()"
std::string handler_language(SyntaxNode node, std::string_view text) {
  return node.named_child(0).text(text).substr(0, 2) == "on" ? "javascript" : "";
}

}  // namespace

namespace rows {
extern const Language html = {
    .name = "html",
    .extensions = {"html", "htm", "xhtml"},
    .grammar = tree_sitter_html,
    .name_only = {"attribute_value"},
    .comments = {"comment"},
    // id="x" names its element; class="x y" mentions what a style sheet defines.
    .bindings = {{.slot = {"attribute", "<quoted_attribute_value|attribute_value>"},
                  .kind = SymbolKind::key,
                  .whole_up = 2,
                  .when = {.child = "<attribute_name>", .text = "id"}}},
    .through = {{.slot = {"quoted_attribute_value", "<attribute_value>"}}},
    .words = {{.node = "attribute_value",
               .when = {.up = 2,
                        .child = "<attribute_name>",
                        .text = "class|for|headers|list|aria-controls|aria-labelledby|"
                                "aria-describedby"}}},
    .embedded = {{.node = "script_element", .content = "<raw_text>", .language = script_language},
                 {.node = "style_element", .content = "<raw_text>", .language = style_language},
                 {.node = "attribute",
                  .content = "<quoted_attribute_value>/<attribute_value>",
                  .language = handler_language}},
    .doc = DocStyle::none,
    .max_symbols = 4000,
    .import_nodes = {"start_tag", "self_closing_tag"},
    .imports = html_imports,
    .edit = {.string = {"quoted_attribute_value"}},
    .folds = {"element", "script_element", "style_element"},
    .tags = {{"element", "start_tag", "end_tag"},
             {"script_element", "start_tag", "end_tag"},
             {"style_element", "start_tag", "end_tag"}},
};
}  // namespace rows

}  // namespace engramd::repoindex
