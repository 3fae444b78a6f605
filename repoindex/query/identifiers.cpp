// What may be a name in each language: its letters and the words that it keeps for itself.
#include <algorithm>
#include <array>

#include "repoindex/rename.h"

namespace engramd::repoindex {

namespace {

struct Words {
  std::string_view language;
  std::string_view keywords;      // separated and enclosed by blanks
  std::string_view more_letters;  // besides letters, digits and _
  bool ends_with_mark = false;    // Ruby's empty? and save!
};

constexpr std::string_view kC =
    " auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while _Bool _Complex _Imaginary _Alignas _Alignof _Atomic "
    "_Generic _Noreturn _Static_assert _Thread_local ";
constexpr std::string_view kCpp =
    " alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t "
    "char32_t class compl concept const consteval constexpr constinit const_cast continue co_await "
    "co_return co_yield decltype default delete do double dynamic_cast else enum explicit export "
    "extern false float for friend goto if inline int long mutable namespace new noexcept not "
    "not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires "
    "return short signed sizeof static static_assert static_cast struct switch template this "
    "thread_local throw true try typedef typeid typename union unsigned using virtual void "
    "volatile wchar_t while xor xor_eq ";
constexpr std::string_view kScript =
    " arguments await break case catch class const continue debugger default delete do else enum "
    "eval export extends false finally for function if implements import in instanceof interface "
    "let new null package private protected public return static super switch this throw true try "
    "typeof var void while with yield ";
constexpr std::string_view kJava =
    " abstract assert boolean break byte case catch char class const continue default do double "
    "else enum extends false final finally float for goto if implements import instanceof int "
    "interface long native new null package private protected public return short static strictfp "
    "super switch synchronized this throw throws transient true try void volatile while _ ";

constexpr Words kWords[] = {
    {"python",
     " False None True and as assert async await break class continue def del elif else except "
     "finally for from global if import in is lambda nonlocal not or pass raise return try while "
     "with yield ",
     ""},
    {"c", kC, ""},
    {"cpp", kCpp, ""},
    {"cuda", kCpp, ""},
    {"javascript", kScript, "$"},
    {"typescript", kScript, "$"},
    {"tsx", kScript, "$"},
    {"go",
     " break case chan const continue default defer else fallthrough for func go goto if import "
     "interface map package range return select struct switch type var ",
     ""},
    {"rust",
     " Self abstract as async await become box break const continue crate do dyn else enum extern "
     "false final fn for if impl in let loop macro match mod move mut override priv pub ref return "
     "self static struct super trait true try type typeof unsafe unsized use virtual where while "
     "yield ",
     ""},
    {"java", kJava, "$"},
    {"csharp",
     " abstract as base bool break byte case catch char checked class const continue decimal "
     "default delegate do double else enum event explicit extern false finally fixed float for "
     "foreach goto if implicit in int interface internal is lock long namespace new null object "
     "operator out override params private protected public readonly ref return sbyte sealed short "
     "sizeof stackalloc static string struct switch this throw true try typeof uint ulong "
     "unchecked "
     "unsafe ushort using virtual void volatile while ",
     ""},
    {"ruby",
     " BEGIN END alias and begin break case class def defined? do else elsif end ensure false for "
     "if in module next nil not or redo rescue retry return self super then true undef unless "
     "until "
     "when while yield __FILE__ __LINE__ ",
     "", true},
    {"php",
     " abstract and array as break callable case catch class clone const continue declare default "
     "do echo else elseif empty enddeclare endfor endforeach endif endswitch endwhile enum eval "
     "exit extends final finally fn for foreach function global goto if implements include "
     "include_once instanceof insteadof interface isset list match namespace new or print private "
     "protected public readonly require require_once return static switch throw trait try unset "
     "use "
     "var while xor yield this self parent true false null ",
     ""},
    {"kotlin",
     " as break class continue do else false for fun if in interface is null object package return "
     "super this throw true try typealias typeof val var when while ",
     ""},
    {"scala",
     " abstract case catch class def do else enum export extends false final finally for given if "
     "implicit import lazy match new null object override package private protected return sealed "
     "super then this throw trait true try type val var while with yield ",
     "$"},
    {"swift",
     " Any Self actor as associatedtype async await break case catch class continue default defer "
     "deinit do else enum extension fallthrough false fileprivate for func guard if import in init "
     "inout internal is let nil operator private protocol public repeat rethrows return self "
     "static "
     "struct subscript super switch throw throws true try typealias var where while ",
     ""},
    {"lua",
     " and break do else elseif end false for function goto if in local nil not or repeat return "
     "then true until while ",
     ""},
    {"bash",
     " if then else elif fi case esac for select while until do done in function time coproc ", ""},
    {"elixir",
     " after and catch do else end false fn in nil not or rescue true when __MODULE__ __ENV__ ", "",
     true},
    {"zig",
     " addrspace align allowzero and anyframe anytype asm async await break callconv catch "
     "comptime "
     "const continue defer else enum errdefer error export extern fn for if inline linksection "
     "noalias noinline nosuspend opaque or orelse packed pub resume return struct suspend switch "
     "test threadlocal try union unreachable usingnamespace var volatile while ",
     ""},
};

const Words* words_of(std::string_view language) {
  const auto* at = std::find_if(std::begin(kWords), std::end(kWords),
                                [&](const Words& w) { return w.language == language; });
  return at == std::end(kWords) ? nullptr : at;
}

bool is_letter(char c, const Words& words) {
  const auto byte = static_cast<unsigned char>(c);
  return isalnum(byte) || c == '_' || byte >= 0x80 ||
         words.more_letters.find(c) != std::string_view::npos;
}

}  // namespace

bool is_keyword(std::string_view language, std::string_view word) {
  const Words* words = words_of(language);
  if (words == nullptr || word.empty() || word.find(' ') != std::string_view::npos) return false;
  return words->keywords.find(" " + std::string(word) + " ") != std::string_view::npos;
}

Status check_identifier(std::string_view language, std::string_view name, std::string_view prefix) {
  constexpr size_t kMaxBytes = 1000;
  const Words* words = words_of(language);
  const std::string shown = "'" + std::string(name.substr(0, 80)) + "'";
  if (words == nullptr) {
    return fail(ErrorCode::unsupported,
                "names in " + std::string(language) + " files are not renamed");
  }
  if (is_keyword(language, name)) {
    return fail(ErrorCode::unsupported, shown + " is a keyword of " + std::string(language));
  }
  std::string_view rest = name;
  if (rest.substr(0, prefix.size()) != prefix) {
    return fail(ErrorCode::unsupported,
                shown + " does not begin with '" + std::string(prefix) + "' as the old name does");
  }
  rest.remove_prefix(prefix.size());
  if (words->ends_with_mark && rest.size() > 1 && (rest.back() == '?' || rest.back() == '!')) {
    rest.remove_suffix(1);
  }
  bool ok = !rest.empty() && rest.size() <= kMaxBytes && utf8_valid(rest) &&
            !isdigit(static_cast<unsigned char>(rest[0])) &&
            std::all_of(rest.begin(), rest.end(), [&](char c) { return is_letter(c, *words); });
  if (!ok) {
    return fail(ErrorCode::unsupported, shown + " is no name in " + std::string(language));
  }
  return {};
}

}  // namespace engramd::repoindex
