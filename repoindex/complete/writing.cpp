#include "repoindex/complete/writing.h"

namespace engramd::repoindex {

namespace {

using Words = std::vector<std::string_view>;

const Words kPythonNames = {
    "abs",           "all",        "any",          "bool",        "bytes",        "callable",
    "classmethod",   "dict",       "dir",          "enumerate",   "filter",       "float",
    "format",        "frozenset",  "getattr",      "hasattr",     "hash",         "id",
    "input",         "int",        "isinstance",   "issubclass",  "iter",         "len",
    "list",          "map",        "max",          "min",         "next",         "object",
    "open",          "ord",        "chr",          "print",       "property",     "range",
    "repr",          "reversed",   "round",        "set",         "setattr",      "slice",
    "sorted",        "staticmethod", "str",        "sum",         "super",        "tuple",
    "type",          "vars",       "zip",          "Exception",   "ValueError",   "TypeError",
    "KeyError",      "IndexError", "AttributeError", "RuntimeError", "NotImplementedError",
    "StopIteration", "OSError",    "ImportError",  "AssertionError", "NotImplemented",
    "DeprecationWarning", "UserWarning", "BaseException", "KeyboardInterrupt", "FileNotFoundError",
    "LookupError", "ZeroDivisionError", "OverflowError", "ArithmeticError", "UnicodeDecodeError",
    "PermissionError", "SystemExit", "GeneratorExit", "RecursionError", "TimeoutError",
    "FutureWarning", "RuntimeWarning", "Warning", "__name__", "__file__", "__doc__", "bytearray",
    "memoryview", "delattr", "divmod", "eval", "exec", "globals", "locals", "hex", "oct", "bin",
    "pow", "compile", "complex", "ascii", "breakpoint", "__import__", "NameError", "SyntaxError"};

const Words kScriptNames = {
    "Array",    "Boolean",  "console",    "Date",     "document",  "Error",   "fetch",
    "globalThis", "Infinity", "isNaN",    "JSON",     "Map",       "Math",    "module",
    "NaN",      "Number",   "Object",     "parseFloat", "parseInt", "process", "Promise",
    "Proxy",    "RangeError", "Reflect",  "RegExp",   "require",   "Set",     "setTimeout",
    "setInterval", "clearTimeout", "clearInterval", "String", "Symbol", "SyntaxError", "TypeError",
    "undefined", "URL",     "WeakMap",    "WeakSet",  "window",    "Buffer",  "BigInt", "exports",
    "arguments", "encodeURIComponent", "decodeURIComponent", "queueMicrotask", "Uint8Array",
    "ArrayBuffer", "Iterator", "AbortController", "Intl", "structuredClone", "EvalError"};

const Words kTypeScriptNames = [] {
  Words w = kScriptNames;
  for (std::string_view more :
       {"Partial", "Readonly", "ReadonlyArray", "Record", "Pick", "Omit", "Exclude", "Extract",
        "NonNullable", "Parameters", "ReturnType", "Required", "Awaited", "PromiseLike",
        "ReadonlyMap", "ReadonlySet", "Iterable", "IterableIterator", "InstanceType"}) {
    w.push_back(more);
  }
  return w;
}();

const Words kCNames = {
    "NULL",    "size_t",  "ssize_t", "int8_t",  "int16_t", "int32_t", "int64_t", "uint8_t",
    "uint16_t", "uint32_t", "uint64_t", "uintptr_t", "intptr_t", "ptrdiff_t", "FILE", "va_list",
    "malloc",  "calloc",  "realloc", "free",    "memcpy",  "memmove", "memset",  "memcmp",
    "memchr",  "strlen",  "strcmp",  "strncmp", "strcasecmp", "strncasecmp", "strcpy", "strncpy",
    "strchr",  "strrchr", "strstr",  "strdup",  "strtol",  "strtoll", "strtoul", "strtoull",
    "strtod",  "strerror", "printf", "fprintf", "sprintf", "snprintf", "vsnprintf", "puts",
    "fputs",   "fopen",   "fclose",  "fread",   "fwrite",  "fflush",  "fseek",   "ftell",
    "fgets",   "sscanf",  "stdout",  "stderr",  "stdin",   "errno",   "exit",    "abort",
    "assert",  "atoi",    "atoll",   "qsort",   "isdigit", "isspace", "isalpha", "isalnum",
    "tolower", "toupper", "va_start", "va_end", "va_arg",  "va_copy", "time",    "gettimeofday",
    "usleep",  "open",    "close",   "read",    "write",   "fsync",   "unlink",  "rename",
    "getpid",  "fork",    "signal",  "INT_MAX", "LONG_MAX", "LLONG_MAX", "UINT64_MAX", "EOF",
    "EAGAIN",  "EINTR",   "ENOENT",  "bool",    "true",    "false",   "sizeof",  "offsetof"};

const Words kCppNames = [] {
  Words w = kCNames;
  w.push_back("std");
  return w;
}();

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
                 .predefined = kPythonNames,
                 .more_keywords = {"True", "False", "None"}});
    Writing c = {.language = "c",
                 .line_comments = {"//"},
                 .block_open = "/*",
                 .block_close = "*/",
                 .quotes = "\"'",
                 .member_operators = {".", "->"},
                 .parameters = ParameterStyle::type_first,
                 .predefined = kCNames,
                 .more_keywords = {"int", "char", "void", "double", "float", "long", "short",
                                   "unsigned", "signed", "#include", "#define", "#ifdef"}};
    r.push_back(c);
    Writing cpp = c;
    cpp.language = "cpp";
    cpp.characters = true;
    cpp.member_operators = {".", "->", "::"};
    cpp.members_by_bare_name = true;
    cpp.construct_keyword = "new";
    cpp.predefined = kCppNames;
    cpp.more_keywords.insert(cpp.more_keywords.end(), {"auto", "bool", "this", "nullptr", "true",
                                                       "false"});
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
                  .predefined = kScriptNames,
                  .more_keywords = {"true", "false", "null", "this", "super"}};
    r.push_back(js);
    js.implicit_parameters = {"this"};
    for (std::string_view name : {"typescript", "tsx"}) {
      js.language = name;
      js.predefined = kTypeScriptNames;
      js.more_keywords = {"true", "false", "null", "this", "super", "string", "number", "boolean",
                          "any", "void", "unknown", "never"};
      r.push_back(js);
    }
    r.push_back({.language = "go",
                 .line_comments = {"//"},
                 .block_open = "/*",
                 .block_close = "*/",
                 .quotes = "\"",
                 .long_quotes = "`",
                 .characters = true,
                 .predefined = {"append", "cap", "close", "copy", "delete", "len", "make", "new",
                                "panic", "print", "println", "recover", "bool", "byte", "error",
                                "float32", "float64", "int", "int8", "int16", "int32", "int64",
                                "rune", "string", "uint", "uint8", "uint16", "uint32", "uint64",
                                "uintptr", "any", "min", "max", "clear"},
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
                 .predefined = {"Some", "None", "Ok", "Err", "Vec", "String", "Option", "Result",
                                "Box", "println", "format", "vec", "assert", "assert_eq", "panic",
                                "Default", "Clone", "Copy", "Debug", "Iterator", "IntoIterator",
                                "From", "Into", "Send", "Sync", "Drop", "Fn", "FnMut", "FnOnce",
                                "ToString", "bool", "char", "str", "u8", "u16", "u32", "u64",
                                "usize", "i8", "i16", "i32", "i64", "isize", "f32", "f64", "drop",
                                "unreachable", "unimplemented", "todo", "write", "writeln",
                                "eprintln", "matches", "debug_assert", "assert_ne"},
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
                    .predefined = {"String", "Object", "Integer", "Long", "Boolean", "Double",
                                   "System", "Math", "Exception", "RuntimeException", "Override",
                                   "IllegalArgumentException", "IllegalStateException", "Thread",
                                   "Iterable", "Comparable", "Runnable", "StringBuilder", "Class",
                                   "Character", "Number", "Throwable", "Deprecated",
                                   "NullPointerException", "UnsupportedOperationException"},
                    .more_keywords = {"true", "false", "null", "this", "super", "int", "long",
                                      "boolean", "void", "double", "float", "char", "byte"}};
    r.push_back(java);
    java.language = "csharp";
    java.extra_letters = "";
    java.member_operators = {".", "?.", "::"};
    java.prefix_interpolates = "$";
    java.argument_name_end = ":";
    java.predefined = {"String", "Object", "Console", "Math", "Exception", "Task", "List",
                       "Dictionary", "IEnumerable", "Func", "Action", "ArgumentException",
                       "ArgumentNullException", "InvalidOperationException", "Guid", "DateTime"};
    java.more_keywords = {"true", "false", "null", "this", "base", "var", "int", "string", "bool",
                          "void", "object", "nameof"};
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
                 .predefined = {"String", "Int", "Long", "Boolean", "List", "Map", "Set", "listOf",
                                "mapOf", "setOf", "mutableListOf", "mutableMapOf", "println", "Any",
                                "Unit", "Double", "require", "check", "error", "lazy", "let", "run",
                                "emptyList", "Pair", "Exception", "arrayOf"},
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
                 .predefined = {"String", "Int", "Long", "Boolean", "List", "Map", "Set", "Option",
                                "Some", "None", "Seq", "Either", "Left", "Right", "println", "Nil",
                                "Unit", "Double", "Any", "Vector", "Future", "Try"},
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
                 .predefined = {"String", "Int", "Bool", "Double", "Array", "Dictionary", "Set",
                                "Optional", "print", "Error", "Character", "Float", "UInt8", "Void",
                                "fatalError", "precondition", "assert", "Codable", "Equatable",
                                "Hashable"},
                 .more_keywords = {"true", "false", "nil", "self", "super", "Self"}});
    r.push_back({.language = "php",
                 .line_comments = {"//", "#"},
                 .block_open = "/*",
                 .block_close = "*/",
                 .long_quotes = "\"'",
                 .member_operators = {"->", "?->", "::"},
                 .extra_letters = "$",
                 .parameters = ParameterStyle::type_first,
                 .argument_name_end = ":",
                 .construct_keyword = "new",
                 .predefined = {"array_map", "array_filter", "array_merge", "array_keys",
                                "array_values", "count", "implode", "explode", "in_array", "isset",
                                "strlen", "str_replace", "sprintf", "substr", "strpos", "trim",
                                "Exception", "InvalidArgumentException", "RuntimeException",
                                "json_encode", "json_decode", "is_array", "is_string", "is_null",
                                "preg_match", "strtolower", "strtoupper", "empty", "usort"},
                 .more_keywords = {"true", "false", "null", "self", "parent", "static"}});
    r.push_back({.language = "ruby",
                 .line_comments = {"#"},
                 .quotes = "\"'",
                 .interpolation = "#{",
                 .member_operators = {".", "&.", "::"},
                 .extra_letters = "@?!$",
                 .members_by_bare_name = true,
                 .argument_name_end = ":",
                 .predefined = {"puts", "require", "require_relative", "attr_accessor",
                                "attr_reader", "attr_writer", "raise", "lambda", "proc", "loop",
                                "format", "private", "protected", "public", "include", "extend",
                                "Array", "Hash", "String", "Integer", "Float", "StandardError",
                                "ArgumentError", "Struct", "Time", "File", "Dir", "Kernel",
                                "NotImplementedError", "freeze", "Comparable", "Enumerable"},
                 .more_keywords = {"true", "false", "nil", "self"}});
    r.push_back({.language = "lua",
                 .line_comments = {"--"},
                 .block_open = "--[[",
                 .block_close = "]]",
                 .quotes = "\"'",
                 .member_operators = {".", ":"},
                 .predefined = {"print", "pairs", "ipairs", "require", "setmetatable", "string",
                                "table", "math", "type", "tostring", "tonumber", "error", "pcall",
                                "assert", "select", "unpack", "next", "rawget", "rawset", "io",
                                "os", "getmetatable", "coroutine"},
                 .more_keywords = {"true", "false", "nil", "self"}});
    r.push_back({.language = "elixir",
                 .line_comments = {"#"},
                 .quotes = "\"'",
                 .triple_quotes = true,
                 .interpolation = "#{",
                 .extra_letters = "?!@",
                 .argument_name_end = ":",
                 .predefined = {"Enum", "Map", "String", "IO", "List", "Keyword", "def", "defp",
                                "defmodule", "is_nil", "raise", "length", "GenServer", "Process"},
                 .more_keywords = {"true", "false", "nil"}});
    r.push_back({.language = "zig",
                 .line_comments = {"//"},
                 .quotes = "\"",
                 .characters = true,
                 .more_keywords = {"true", "false", "null", "undefined", "self"}});
    r.push_back({.language = "bash",
                 .line_comments = {"#"},
                 .long_quotes = "\"'",
                 .member_operators = {}});
    r.push_back({.language = "sql",
                 .line_comments = {"--"},
                 .block_open = "/*",
                 .block_close = "*/",
                 .long_quotes = "'"});
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
