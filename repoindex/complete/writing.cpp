#include "repoindex/complete/writing.h"

#include "repoindex/complete/predefined.h"

namespace engramd::repoindex {

namespace {

const std::vector<Writing>& rows() {
  static const std::vector<Writing> kRows = [] {
    std::vector<Writing> r;
    r.push_back({.language = "python",
                 .line_comments = {"#"},
                 .quotes = "\"'",
                 .triple_quotes = true,
                 .prefix_interpolates = "f",
                 .indented = true,
                 .argument_name_end = "=",
                 .implicit_parameters = {"self", "cls"},
                 .more_keywords = {"True", "False", "None"}});
    Writing c = {.language = "c",
                 .line_comments = {"//"},
                 .block_open = "/*",
                 .block_close = "*/",
                 .quotes = "\"'",
                 .member_operators = {".", "->"},
                 .parameters = ParameterStyle::type_first,
                 .more_keywords = {"int", "char", "void", "double", "float", "long", "short",
                                   "unsigned", "signed", "#include", "#define", "#ifdef"}};
    r.push_back(c);
    Writing cpp = c;
    cpp.language = "cpp";
    cpp.characters = true;
    cpp.member_operators = {".", "->", "::"};
    cpp.members_by_bare_name = true;
    cpp.construct_keyword = "new";
    cpp.more_keywords.insert(cpp.more_keywords.end(),
                             {"auto", "bool", "this", "nullptr", "true", "false"});
    r.push_back(cpp);
    cpp.language = "cuda";
    r.push_back(cpp);
    Writing js = {.language = "javascript",
                  .line_comments = {"//"},
                  .block_open = "/*",
                  .block_close = "*/",
                  .quotes = "\"'",
                  .long_quotes = "`",
                  .interpolation = "${",
                  .member_operators = {".", "?."},
                  .extra_letters = "$",
                  .construct_keyword = "new",
                  .more_keywords = {"true", "false", "null", "this", "super"}};
    r.push_back(js);
    js.implicit_parameters = {"this"};
    for (std::string_view name : {"typescript", "tsx"}) {
      js.language = name;
      js.more_keywords = {"true",   "false",   "null", "this", "super",   "string",
                          "number", "boolean", "any",  "void", "unknown", "never"};
      r.push_back(js);
    }
    r.push_back({.language = "go",
                 .line_comments = {"//"},
                 .block_open = "/*",
                 .block_close = "*/",
                 .quotes = "\"",
                 .long_quotes = "`",
                 .characters = true,
                 .more_keywords = {"true", "false", "nil", "iota"}});
    r.push_back({.language = "rust",
                 .line_comments = {"//"},
                 .block_open = "/*",
                 .block_close = "*/",
                 .nested_blocks = true,
                 .long_quotes = "\"",
                 .characters = true,
                 .member_operators = {".", "::"},
                 .argument_name_end = "",
                 .implicit_parameters = {"self", "&self", "&mut self", "mut self"},
                 .more_keywords = {"true", "false", "self", "Self", "crate", "super"}});
    Writing java = {.language = "java",
                    .line_comments = {"//"},
                    .block_open = "/*",
                    .block_close = "*/",
                    .triple_quotes = true,
                    .characters = true,
                    .member_operators = {".", "::"},
                    .extra_letters = "$",
                    .members_by_bare_name = true,
                    .parameters = ParameterStyle::type_first,
                    .construct_keyword = "new",
                    .more_keywords = {"true", "false", "null", "this", "super", "int", "long",
                                      "boolean", "void", "double", "float", "char", "byte"}};
    r.push_back(java);
    java.language = "csharp";
    java.extra_letters = "";
    java.member_operators = {".", "?.", "::"};
    java.prefix_interpolates = "$";
    java.argument_name_end = ":";
    java.more_keywords = {"true", "false",  "null", "this", "base",   "var",
                          "int",  "string", "bool", "void", "object", "nameof"};
    r.push_back(java);
    r.push_back({.language = "kotlin",
                 .line_comments = {"//"},
                 .block_open = "/*",
                 .block_close = "*/",
                 .nested_blocks = true,
                 .triple_quotes = true,
                 .characters = true,
                 .interpolation = "${",
                 .member_operators = {".", "?.", "::"},
                 .members_by_bare_name = true,
                 .argument_name_end = "=",
                 .more_keywords = {"true", "false", "null", "this", "super"}});
    r.push_back({.language = "scala",
                 .line_comments = {"//"},
                 .block_open = "/*",
                 .block_close = "*/",
                 .nested_blocks = true,
                 .triple_quotes = true,
                 .characters = true,
                 .members_by_bare_name = true,
                 .argument_name_end = "=",
                 .construct_keyword = "new",
                 .more_keywords = {"true", "false", "null", "this", "super"}});
    r.push_back({.language = "swift",
                 .line_comments = {"//"},
                 .block_open = "/*",
                 .block_close = "*/",
                 .nested_blocks = true,
                 .triple_quotes = true,
                 .interpolation = "\\(",
                 .member_operators = {".", "?."},
                 .members_by_bare_name = true,
                 .argument_name_end = ":",
                 .more_keywords = {"true", "false", "nil", "self", "super", "Self"}});
    r.push_back({.language = "php",
                 .line_comments = {"//", "#"},
                 .block_open = "/*",
                 .block_close = "*/",
                 .long_quotes = "\"'",
                 .member_operators = {"->", "?->", "::"},
                 .parameters = ParameterStyle::type_first,
                 .argument_name_end = ":",
                 .construct_keyword = "new",
                 .more_keywords = {"true", "false", "null", "self", "parent", "static"}});
    r.push_back({.language = "ruby",
                 .line_comments = {"#"},
                 .quotes = "\"'",
                 .interpolation = "#{",
                 .member_operators = {".", "&.", "::"},
                 .extra_letters = "@?!$",
                 .members_by_bare_name = true,
                 .argument_name_end = ":",
                 .more_keywords = {"true", "false", "nil", "self"}});
    r.push_back({.language = "lua",
                 .line_comments = {"--"},
                 .block_open = "--[[",
                 .block_close = "]]",
                 .quotes = "\"'",
                 .member_operators = {".", ":"},
                 .more_keywords = {"true", "false", "nil", "self"}});
    r.push_back({.language = "elixir",
                 .line_comments = {"#"},
                 .quotes = "\"'",
                 .triple_quotes = true,
                 .interpolation = "#{",
                 .extra_letters = "?!@",
                 .argument_name_end = ":",
                 .more_keywords = {"true", "false", "nil"}});
    r.push_back({.language = "zig",
                 .line_comments = {"//"},
                 .quotes = "\"",
                 .characters = true,
                 .more_keywords = {"true", "false", "null", "undefined", "self"}});
    for (Writing& row : r) {
      // Functions are values that are handed on as often, or calls need no brackets.
      row.call_snippets = row.language != "python" && row.language != "ruby" &&
                          row.language != "elixir" && row.language != "lua";
    }
    r.push_back(
        {.language = "bash", .line_comments = {"#"}, .long_quotes = "\"'", .member_operators = {}});
    r.push_back({.language = "sql",
                 .line_comments = {"--"},
                 .block_open = "/*",
                 .block_close = "*/",
                 .long_quotes = "'"});
    for (Writing& row : r) row.predefined = predefined_names(row.language);
    return r;
  }();
  return kRows;
}

}  // namespace

const Writing& writing_of(std::string_view language) {
  static const Writing kPlain = {.language = "", .member_operators = {}};
  for (const Writing& row : rows()) {
    if (row.language == language) return row;
  }
  return kPlain;
}

}  // namespace engramd::repoindex
