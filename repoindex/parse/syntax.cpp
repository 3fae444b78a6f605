#include "repoindex/parse/syntax.h"

#include <algorithm>

#include "repoindex/languages/language.h"
#include "repoindex/parse/macro_mask.h"
#include "repoindex/parse/syntax_access.h"
#include "repoindex/parse/tree_memory.h"

namespace engramd::repoindex {

namespace {
TSNode raw(const SyntaxNode& node) {
  return SyntaxAccess::unwrap(node);
}

// Small pieces, so that a scanner that runs to the end of the text from each of its bytes is seen:
// the runtime calls should_stop() only between its own steps, and one step of a scanner may be a
// walk over megabytes.
constexpr size_t kPieceBytes = 4096;
// Code is read about twice; what is read this often is not code. (70,000 zero bytes took Bash's
// scanner 22 s.)
constexpr uint64_t kMaxReadings = 60, kFreePieces = 4096;

struct Watch {
  std::string_view text;
  Clock::time_point deadline;
  const CancelToken* cancel;
  ParseBudget* budget;
  uint64_t max_pieces;
  bool stopped = false;
  uint32_t piece_end = 0;  // of the last piece of text that was handed out
};

bool should_stop(TSParseState* state) {
  auto* watch = static_cast<Watch*>(state->payload);
  watch->stopped |= ++watch->budget->steps > watch->budget->max_steps ||
                    Clock::now() > watch->deadline || watch->cancel->cancelled();
  return watch->stopped;
}

const char* read_text(void* payload, uint32_t byte, TSPoint, uint32_t* n_read) {
  auto* watch = static_cast<Watch*>(payload);
  watch->stopped |= ++watch->budget->pieces > watch->max_pieces;
  // The text ends here for a parser that must stop; its tree is thrown away. But when a piece ends
  // inside a character the runtime asks for that character again and decodes what it gets even if
  // that is nothing, at a null pointer: then it gets a blank.
  if (watch->stopped && byte < watch->piece_end && watch->piece_end - byte < 4) {
    *n_read = 1;
    return " ";
  }
  if (byte >= watch->text.size() || watch->stopped) {
    *n_read = 0;
    return "";
  }
  *n_read = static_cast<uint32_t>(std::min(watch->text.size() - byte, kPieceBytes));
  watch->piece_end = byte + *n_read;
  return watch->text.data() + byte;
}
}  // namespace

TreePtr parse_within(TSParser* parser, const TSTree* old_tree, std::string_view text,
                     ParseBudget& budget, const CancelToken& cancel) {
  Watch watch{text, Clock::now() + std::chrono::milliseconds(budget.time_ms), &cancel, &budget,
              kFreePieces + kMaxReadings * (text.size() / kPieceBytes + 1)};
  TSParseOptions options{};
  options.payload = &watch;
  options.progress_callback = should_stop;
  TSInput input{};
  input.payload = &watch;
  input.read = read_text;
  input.encoding = TSInputEncodingUTF8;
  TreePtr tree(ts_parser_parse_with_options(parser, old_tree, input, options));
  if (tree == nullptr) ts_parser_reset(parser);  // or the next text would resume this one
  if (watch.stopped) return nullptr;
  return tree;
}

std::string_view SyntaxNode::kind() const {
  return valid() ? ts_node_type(raw(*this)) : "";
}
bool SyntaxNode::is_named() const {
  return valid() && ts_node_is_named(raw(*this));
}
bool SyntaxNode::is_error() const {
  return valid() && ts_node_is_error(raw(*this));
}
bool SyntaxNode::is_missing() const {
  return valid() && ts_node_is_missing(raw(*this));
}
bool SyntaxNode::has_error() const {
  return valid() && ts_node_has_error(raw(*this));
}
uint32_t SyntaxNode::end() const {
  return valid() ? ts_node_end_byte(raw(*this)) : 0;
}

std::string_view SyntaxNode::text(std::string_view source) const {
  if (!valid() || end() > source.size() || begin() > end()) return {};
  return source.substr(begin(), end() - begin());
}

uint32_t SyntaxNode::child_count() const {
  return valid() ? ts_node_child_count(raw(*this)) : 0;
}
SyntaxNode SyntaxNode::child(uint32_t index) const {
  return valid() ? SyntaxAccess::wrap(ts_node_child(raw(*this), index)) : SyntaxNode();
}
uint32_t SyntaxNode::named_child_count() const {
  return valid() ? ts_node_named_child_count(raw(*this)) : 0;
}
SyntaxNode SyntaxNode::named_child(uint32_t index) const {
  return valid() ? SyntaxAccess::wrap(ts_node_named_child(raw(*this), index)) : SyntaxNode();
}

namespace {
template <class Accept>
std::vector<SyntaxNode> collect_children(const SyntaxNode& node, Accept accept) {
  std::vector<SyntaxNode> out;
  if (!node.valid()) return out;
  TSTreeCursor cursor = ts_tree_cursor_new(raw(node));
  for (bool more = ts_tree_cursor_goto_first_child(&cursor); more;
       more = ts_tree_cursor_goto_next_sibling(&cursor)) {
    if (accept(cursor)) out.push_back(SyntaxAccess::wrap(ts_tree_cursor_current_node(&cursor)));
  }
  ts_tree_cursor_delete(&cursor);
  return out;
}
}  // namespace

std::vector<SyntaxNode> SyntaxNode::children() const {
  return collect_children(*this, [](TSTreeCursor&) { return true; });
}
std::vector<SyntaxNode> SyntaxNode::named_children() const {
  return collect_children(
      *this, [](TSTreeCursor& c) { return ts_node_is_named(ts_tree_cursor_current_node(&c)); });
}
SyntaxNode SyntaxNode::child_by_field(std::string_view field) const {
  if (!valid()) return {};
  return SyntaxAccess::wrap(
      ts_node_child_by_field_name(raw(*this), field.data(), static_cast<uint32_t>(field.size())));
}
std::vector<SyntaxNode> SyntaxNode::children_by_field(std::string_view field) const {
  return collect_children(*this, [field](TSTreeCursor& c) {
    const char* name = ts_tree_cursor_current_field_name(&c);
    return name != nullptr && field == name;
  });
}
std::string_view SyntaxNode::field_of_child(uint32_t index) const {
  if (!valid()) return {};
  const char* name = ts_node_field_name_for_child(raw(*this), index);
  return name != nullptr ? name : std::string_view();
}

SyntaxNode SyntaxNode::parent() const {
  return valid() ? SyntaxAccess::wrap(ts_node_parent(raw(*this))) : SyntaxNode();
}
SyntaxNode SyntaxNode::next_sibling() const {
  return valid() ? SyntaxAccess::wrap(ts_node_next_sibling(raw(*this))) : SyntaxNode();
}
SyntaxNode SyntaxNode::previous_sibling() const {
  return valid() ? SyntaxAccess::wrap(ts_node_prev_sibling(raw(*this))) : SyntaxNode();
}
std::string_view SyntaxNode::field_name() const {
  SyntaxNode above = parent();
  if (!above) return {};
  TSTreeCursor cursor = ts_tree_cursor_new(raw(above));
  std::string_view found;
  for (bool more = ts_tree_cursor_goto_first_child(&cursor); more;
       more = ts_tree_cursor_goto_next_sibling(&cursor)) {
    TSNode node = ts_tree_cursor_current_node(&cursor);
    if (!ts_node_eq(node, raw(*this))) continue;
    if (const char* name = ts_tree_cursor_current_field_name(&cursor)) found = name;
    break;
  }
  ts_tree_cursor_delete(&cursor);
  return found;
}

struct SyntaxTree::Impl {
  std::shared_ptr<const std::string> text;
  const Language* language = nullptr;
  TreePtr tree;
};

SyntaxTree::SyntaxTree(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SyntaxTree::SyntaxTree(SyntaxTree&&) noexcept = default;
SyntaxTree& SyntaxTree::operator=(SyntaxTree&&) noexcept = default;
SyntaxTree::~SyntaxTree() = default;

Result<SyntaxTree> SyntaxTree::parse(std::string text, std::string_view language,
                                     const ParseLimits& limits, const CancelToken& cancel) {
  return parse(std::make_shared<const std::string>(std::move(text)), language, limits, cancel);
}

Result<SyntaxTree> SyntaxTree::parse(std::shared_ptr<const std::string> text,
                                     std::string_view language, const ParseLimits& limits,
                                     const CancelToken& cancel) {
  const Language* row = find_language(language);
  if (row == nullptr) {
    return fail(ErrorCode::not_found,
                "no grammar for the language \"" + std::string(language) + "\"");
  }
  if (text->size() > limits.max_bytes) {
    return fail(ErrorCode::exhausted, "the text has " + std::to_string(text->size()) +
                                          " bytes, the limit for parsing is " +
                                          std::to_string(limits.max_bytes));
  }
  ParserPtr parser = new_parser();
  if (!ts_parser_set_language(parser.get(), row->grammar())) {
    return fail(ErrorCode::internal, "the grammar of " + row->name + " has an unknown ABI");
  }
  ParseBudget budget{.time_ms = limits.time_ms};
  const MaskedText masked(row->grammar(), *text);
  TreePtr tree = parse_within(parser.get(), nullptr, masked.shown(), budget, cancel);
  if (tree == nullptr) {
    ENGRAMD_CHECK(cancel.check());
    return fail(ErrorCode::exhausted,
                "parsing took longer than " + std::to_string(limits.time_ms) + " ms");
  }
  return SyntaxAccess::tree_of(std::move(text), *row, std::move(tree));
}

SyntaxTree SyntaxAccess::tree_of(std::shared_ptr<const std::string> text, const Language& language,
                                 TreePtr tree) {
  auto impl = std::make_unique<SyntaxTree::Impl>();
  impl->text = std::move(text);
  impl->language = &language;
  impl->tree = std::move(tree);
  return SyntaxTree(std::move(impl));
}

Result<SyntaxTree> SyntaxTree::parse_path(const std::string& path, std::string text,
                                          const ParseLimits& limits, const CancelToken& cancel) {
  const Language* row = language_for_path(path, text);
  if (row == nullptr) return fail(ErrorCode::not_found, "no grammar for the file " + path);
  return parse(std::move(text), row->name, limits, cancel);
}

SyntaxNode SyntaxTree::root() const {
  return SyntaxAccess::wrap(ts_tree_root_node(impl_->tree.get()));
}
bool SyntaxTree::has_error() const {
  return root().has_error();
}
const std::string& SyntaxTree::text() const {
  return *impl_->text;
}
const std::string& SyntaxTree::language() const {
  return impl_->language->name;
}

SyntaxNode SyntaxTree::node_at(ByteRange range) const {
  return SyntaxAccess::wrap(ts_node_named_descendant_for_byte_range(
      ts_tree_root_node(impl_->tree.get()), static_cast<uint32_t>(range.begin),
      static_cast<uint32_t>(range.end)));
}

std::vector<SyntaxNode> SyntaxTree::path_to(uint32_t offset) const {
  std::vector<SyntaxNode> out;
  TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(impl_->tree.get()));
  do {
    TSNode node = ts_tree_cursor_current_node(&cursor);
    if (ts_node_start_byte(node) > offset || ts_node_end_byte(node) <= offset) {
      if (!out.empty()) break;
    }
    out.push_back(SyntaxAccess::wrap(node));
  } while (out.size() < kMaxPath && ts_tree_cursor_goto_first_child_for_byte(&cursor, offset) >= 0);
  ts_tree_cursor_delete(&cursor);
  return out;
}

std::optional<uint32_t> SyntaxTree::first_error() const {
  std::optional<uint32_t> found;
  walk(root(), [&](const Visit& visit) {
    if (found || !visit.node.has_error()) return false;
    if (visit.node.is_error() || visit.node.is_missing()) {
      found = visit.node.begin();
      return false;
    }
    return true;
  });
  return found;
}

bool walk(SyntaxNode root, const std::function<bool(const Visit&)>& visitor, size_t max_nodes) {
  if (!root) return true;
  TSTreeCursor cursor = ts_tree_cursor_new(raw(root));
  uint32_t depth = 0;
  bool complete = true;
  for (size_t n = 0;; ++n) {
    if (n >= max_nodes) {
      complete = false;
      break;
    }
    Visit visit;
    visit.node = SyntaxAccess::wrap(ts_tree_cursor_current_node(&cursor));
    if (depth > 0) {
      if (const char* field = ts_tree_cursor_current_field_name(&cursor)) visit.field = field;
    }
    visit.depth = depth;
    if (visitor(visit) && ts_tree_cursor_goto_first_child(&cursor)) {
      ++depth;
      continue;
    }
    while (depth > 0 && !ts_tree_cursor_goto_next_sibling(&cursor)) {
      ts_tree_cursor_goto_parent(&cursor);
      --depth;
    }
    if (depth == 0) break;
  }
  ts_tree_cursor_delete(&cursor);
  return complete;
}

}  // namespace engramd::repoindex
