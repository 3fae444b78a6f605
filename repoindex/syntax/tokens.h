// repoindex/syntax/tokens.h - what kind of thing each name of a file is, for colouring.
//
// From the facts of the file, which an open document keeps up to date key by key: no parse, no
// walk over a tree. A name is resolved in the scopes of its file, and an imported one by what the
// repository defines under that name; a name of which nothing is known gets no token and keeps the
// editor's own colour. Keywords, comments, strings and numbers are the editor's grammar's. Any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/cancel.h"
#include "repoindex/syntax/syntax_file.h"

namespace engramd::repoindex {

enum class TokenType : uint8_t {
  namespace_,
  class_,
  enum_,
  interface_,
  struct_,
  type,
  parameter,
  variable,
  property,
  enum_member,
  function,
  method,
  macro,
};
inline constexpr size_t kTokenTypes = 13;

// Bits of Token::modifiers.
enum TokenModifier : uint8_t {
  kDeclares = 1,  // its declaration or definition
  kDefines = 2,   // with a body
  kReadonly = 4,
  kStatic = 8,
  kAbstract = 16,
  kAsync = 32,
  kDeprecated = 64,
};
inline constexpr size_t kTokenModifiers = 7;

struct Token {
  uint32_t begin = 0, end = 0;  // on one line
  TokenType type = TokenType::variable;
  uint8_t modifiers = 0;
};

// In order, apart from each other; those that touch `within` when it is given.
std::vector<Token> semantic_tokens(const View& view, const SyntaxFile& file,
                                   std::optional<ByteRange> within = {},
                                   const CancelToken& cancel = {});

}  // namespace engramd::repoindex
