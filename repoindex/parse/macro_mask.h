// repoindex/parse/macro_mask.h - macros of C and C++ that stand where the grammar has no place for
// them and make it misread what is around: `class EXPORT_API Foo {`, `int x_ GUARDED_BY(mutex_);`,
// `LIB_CONSTEXPR void f();`, `LIB_BEGIN_NAMESPACE` alone on its line.
//
// The parser is shown blanks in their place, so every offset stays; the names in them are noted as
// references afterwards. By the look of the text alone: a macro is recognised by its capitals and
// by what stands around it. Inside parse/ only. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"

struct TSLanguage;

namespace engramd::repoindex {

bool may_hold_macros(const TSLanguage* grammar);
// In order, apart from each other.
std::vector<ByteRange> misplaced_macros(std::string_view text);
std::string with_blanks(std::string_view text, const std::vector<ByteRange>& ranges);

// A text as its parser is to be shown it. Refers to the text.
class MaskedText {
 public:
  MaskedText(const TSLanguage* grammar, std::string_view text) : text_(text) {
    if (!may_hold_macros(grammar)) return;
    macros_ = misplaced_macros(text);
    if (!macros_.empty()) blanked_ = with_blanks(text, macros_);
  }
  std::string_view shown() const { return macros_.empty() ? text_ : std::string_view(blanked_); }
  const std::vector<ByteRange>& macros() const { return macros_; }
  // What is shown, where that is not the text; the object is good for macros() only afterwards.
  std::string take_blanked() { return std::move(blanked_); }

 private:
  std::string_view text_;
  std::vector<ByteRange> macros_;
  std::string blanked_;
};

}  // namespace engramd::repoindex
