#include <algorithm>
#include <cstring>

#include "repoindex/parse/walker.h"

namespace engramd::repoindex {

namespace {

// make_unique<Foo>, static_cast<Foo*>, x.Cast<Foo>: what is written between the angles is what the
// call gives. Empty for other calls.
std::string type_argument_of_maker(std::string_view written) {
  if (written.size() < 3 || written.size() > 400 || written.back() != '>') return {};
  int depth = 0;
  size_t open = written.size();
  while (open > 0) {
    char c = written[--open];
    if (c == '>') ++depth;
    if (c == '<' && --depth == 0) break;
  }
  size_t begin = open;
  while (begin > 0 &&
         (isalnum(static_cast<unsigned char>(written[begin - 1])) || written[begin - 1] == '_')) {
    --begin;
  }
  std::string_view name = written.substr(begin, open - begin);
  bool makes = name.substr(0, 4) == "make" || name.substr(0, 4) == "Make" ||
               name.find("cast") != std::string_view::npos ||
               name.find("Cast") != std::string_view::npos;
  return makes ? main_type_name(written.substr(open)) : std::string();
}

}  // namespace

uint32_t Walker::receiver_of(const Frame& member, TSFieldId field, TSSymbol child) {
  const KindInfo& kind = language_.kind(member.symbol);
  if (!kind.is_member) return kNone;
  if (!kind.member_any_child &&
      (kind.member_name == kNoIndex ||
       !language_.paths[kind.member_name].steps[0].matches(field, child, !member.has_children))) {
    return kNone;
  }
  if (kind.member_receiver == kNoIndex) return intern(std::string_view());
  if (ts_node_has_error(member.node) && ts_node_child_count(member.node) > 1 &&
      ts_node_is_missing(ts_node_child(member.node, 1))) {
    return kNone;  // what stands before is no receiver: error recovery put the separator there
  }
  TSNode owner = member.node;
  if (kind.receiver_above) {
    size_t index = static_cast<size_t>(&member - frames_.data());
    if (index == 0) return kNone;
    owner = frames_[index - 1].node;
  }
  TSNode receiver = language_.paths[kind.member_receiver].from(owner);
  if (ts_node_is_null(receiver)) return kNone;
  bool element = false;
  auto named = [&](std::string_view name) {
    return element ? intern_copy(std::string(name) + "[]") : intern(name);
  };
  for (int depth = 0; depth < 8; ++depth) {
    const KindInfo& inner = language_.kind(ts_node_symbol(receiver));
    TSNode next{};
    if (inner.hangs_on != kNoIndex) {
      next = language_.paths[inner.hangs_on].from(receiver);
      if (ts_node_is_null(next)) break;
      if (!inner.is_element) {
        std::string type = element ? std::string() : main_type_name(text_of(next));
        return type.empty() ? intern(std::string_view()) : intern_copy(type);
      }
      element = true;
      receiver = next;
      continue;
    }
    if (inner.dotted_name) {
      std::string_view name = text_of(receiver);
      return intern(name.substr(name.rfind('.') + 1));
    }
    if (inner.identifier || inner.type_identifier) return named(text_of(receiver));
    if (inner.is_call) {
      std::string called = value_type(receiver);
      if (called.empty() || element) break;
      if (inner.call_constructs) called += "()";
      return intern_copy(called);
    }
    if (inner.is_member && inner.member_name != kNoIndex) {
      next = language_.paths[inner.member_name].from(receiver);
    } else if (ts_node_named_child_count(receiver) == 1) {  // (x), *x, &x, x!
      next = ts_node_named_child(receiver, 0);
    } else if (ts_node_child_count(receiver) == 0 ||  // this, self, super, crate
               (ts_node_named_child_count(receiver) == 0 &&
                contains_kind(row_.self_names, text_of(receiver)))) {
      return intern(text_of(receiver).substr(0, 64));
    }
    if (ts_node_is_null(next)) break;
    receiver = next;
  }
  return intern(std::string_view());
}

// What a value tells of its type: "Foo" for a construction, "make()" for a call.
std::string Walker::value_type(TSNode value) const {
  for (int depth = 0; depth < 4; ++depth) {
    const KindInfo& kind = language_.kind(ts_node_symbol(value));
    if (kind.is_call) {
      if (kind.call_function == kNoIndex) return {};
      TSNode function = language_.paths[kind.call_function].from(value);
      if (ts_node_is_null(function)) return {};
      std::string_view written = text_of(function);
      if (std::string made = type_argument_of_maker(written); !made.empty()) return made;
      if (written.size() > 200 || written.find('(') != std::string_view::npos) return {};
      if (kind.call_constructs) return main_type_name(written);
      if (kind.constructor_name[0] != '\0' && written == kind.constructor_name) {
        TSNode type = language_.paths[kind.call_receiver].from(value);
        if (!ts_node_is_null(type)) return main_type_name(text_of(type));
      }
      // Type arguments go: make<Foo>(), Vec::<u8>::new().
      std::string_view path = written.substr(0, written.find_first_of("<["));
      size_t cut = path.find_last_of(".:>");
      std::string_view last = cut == std::string_view::npos ? path : path.substr(cut + 1);
      if (last.empty()) return {};
      if (row_.scoped_call_constructs && cut != std::string_view::npos && cut > 1 &&
          path[cut] == ':' && islower(static_cast<unsigned char>(last[0]))) {
        std::string_view owner = path.substr(0, cut - 1);
        size_t before = owner.find_last_of(":");
        if (before != std::string_view::npos) owner = owner.substr(before + 1);
        if (!owner.empty() && isupper(static_cast<unsigned char>(owner[0]))) {
          return std::string(owner);
        }
      }
      return std::string(last) + "()";
    }
    if (ts_node_named_child_count(value) != 1) return {};
    value = ts_node_named_child(value, 0);
  }
  return {};
}

std::string Walker::written_type(const Frame& frame) const {
  const CompiledBinding& binding = language_.bindings[frame.binding];
  const Frame& at = frames_[frame.bind_frame];
  std::string name;
  if (binding.type) {
    TSNode type = binding.type.from(at.node);
    if (!ts_node_is_null(type)) name = main_type_name(text_of(type));
  }
  if (!name.empty() && name != "auto" && name != "var") return name;
  if (!binding.value) return {};
  // The value is beside the name, or beside one of the declarators in between.
  const size_t last = std::min(frames_.size() - 1, frame.bind_frame + kMaxSteps);
  for (size_t i = last; i-- > frame.bind_frame;) {
    TSNode value = binding.value.from(frames_[i].node);
    if (!ts_node_is_null(value)) return value_type(value);
    // One of several names: what the whole value is says nothing of its parts.
    if (i > frame.bind_frame && ts_node_named_child_count(frames_[i].node) > 1) return {};
  }
  return {};
}

// Where the definition begins and ends with its decorators, `export`, `template<...>`.
uint32_t Walker::whole_begin(size_t frame_index, uint32_t* end) const {
  uint32_t begin = frames_[frame_index].begin;
  *end = ts_node_end_byte(frames_[frame_index].node);
  for (size_t i = frame_index; i > 1 && frame_index - i < kMaxSteps; --i) {
    const Frame& above = frames_[i - 1];
    if (!language_.kind(above.symbol).wrapper) break;
    uint32_t above_end = ts_node_end_byte(above.node);
    if (above.previous_child == frames_[i].symbol || above_end > *end + 1) break;
    begin = above.begin;
    *end = above_end;
  }
  return begin;
}

std::string Walker::doc_before(size_t frame_index) const {
  for (size_t i = frame_index; i >= 1 && frame_index - i < kMaxSteps; --i) {
    const Frame& above = frames_[i - 1];
    const Frame& node = frames_[i];
    if (above.comment_end > 0 && above.comment_end <= node.begin &&
        above.comment_row + 1 >= node.row) {
      // A comment behind other code on its line belongs to that code.
      size_t at = above.comment_begin;
      while (at > 0 && text_[at - 1] != '\n' &&
             isspace(static_cast<unsigned char>(text_[at - 1]))) {
        --at;
      }
      if (at > 0 && text_[at - 1] != '\n') return {};
      std::string_view raw =
          text_.substr(above.comment_begin, above.comment_end - above.comment_begin);
      if (row_.file_doc[0] != '\0' && raw.substr(0, std::strlen(row_.file_doc)) == row_.file_doc) {
        return {};
      }
      if (row_.doc == DocStyle::xml_comment_before) return clean_doc(without_tags(raw), false);
      return clean_doc(raw, above.comment_is_string);
    }
    if (!language_.kind(above.symbol).wrapper && above.row != node.row) break;
    if (i == 1 || above.definition != kNone) break;
  }
  return {};
}

std::string Walker::docstring(const Frame& frame, const ChildPath& body_path) const {
  if (!body_path) return {};
  TSNode body = body_path.from(frame.node);
  if (ts_node_is_null(body)) return {};
  TSNode first = ts_node_named_child(body, 0);
  if (ts_node_is_null(first)) return {};
  if (std::string_view(ts_node_type(first)) == "expression_statement") {
    first = ts_node_named_child(first, 0);
  }
  if (ts_node_is_null(first) || std::string_view(ts_node_type(first)) != "string") return {};
  return clean_doc(text_of(first), true);
}

std::string Walker::definition_signature(const Frame& frame, const CompiledDefinition& d,
                                         uint32_t whole) const {
  uint32_t begin = frame.begin, end = ts_node_end_byte(frame.node);
  // `export` or `type` on the same line is part of how it is written.
  if (whole < begin && begin - whole < 200 &&
      text_.substr(whole, begin - whole).find('\n') == std::string_view::npos) {
    begin = whole;
  }
  TSNode body{};
  if (d.body) body = d.body.from(frame.node);
  if (d.body && !ts_node_is_null(body)) {
    TSNode inner = ts_node_child_by_field_name(body, "body", 4);  // of the arrow function
    if (!ts_node_is_null(inner)) {
      return clean_signature(text_.substr(begin, ts_node_start_byte(inner) - begin));
    }
    // A comment between the head and the body is not part of the head.
    end = begin;
    for (uint32_t i = 0; i < ts_node_child_count(frame.node) && i < 64; ++i) {
      TSNode child = ts_node_child(frame.node, i);
      if (ts_node_eq(child, body)) break;
      if (!language_.kind(ts_node_symbol(child)).comment) end = ts_node_end_byte(child);
    }
    if (end < begin) end = ts_node_start_byte(body);
    return clean_signature(text_.substr(begin, end - begin));
  }
  if (is_function_like(d.rule->kind)) return clean_signature(text_.substr(begin, end - begin));
  return line_signature(begin, end);
}

std::string Walker::line_signature(uint32_t begin, uint32_t end) const {
  std::string_view s = text_.substr(begin, std::min<uint32_t>(end - begin, 300));
  return clean_signature(s.substr(0, s.find('\n')));
}

}  // namespace engramd::repoindex
