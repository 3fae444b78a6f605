// textDocument/completion and completionItem/resolve: names from the index, ranked there.
#include "lsp/protocol/completion.h"

#include <cstdio>

#include "daemon/handlers/described.h"
#include "daemon/handlers/handlers.h"
#include "repoindex/complete/complete.h"
#include "repoindex/complete/typing_cache.h"
#include "repoindex/complete/writing.h"

namespace engramd::daemon {
namespace {

using repoindex::Candidate;
using repoindex::CandidateSource;
using repoindex::SymbolKind;

constexpr size_t kMaxItems = 200;
// Imports of items are worked out ahead only for a client that does not resolve them.
constexpr size_t kMaxImportsAhead = 20;
constexpr int kLastOldKind = 18;  // of LSP 3.0: what a client without a valueSet knows

// LSP's numbers of a CompletionItemKind.
int item_kind(const Candidate& candidate) {
  if (candidate.is_folder) return 19;
  if (candidate.source == CandidateSource::keyword) return 14;
  if (candidate.source == CandidateSource::argument) return 6;
  switch (candidate.kind) {
    case SymbolKind::file:
      return 17;
    case SymbolKind::module:
    case SymbolKind::namespace_:
      return 9;
    case SymbolKind::class_:
      return 7;
    case SymbolKind::struct_:
      return 22;
    case SymbolKind::enum_:
      return 13;
    case SymbolKind::interface_:
      return 8;
    case SymbolKind::function:
    case SymbolKind::macro:
      return 3;
    case SymbolKind::method:
      return 2;
    case SymbolKind::constructor:
      return 4;
    case SymbolKind::field:
      return 5;
    case SymbolKind::property:
      return 10;
    case SymbolKind::constant:
      return 21;
    case SymbolKind::enum_member:
      return 20;
    case SymbolKind::type_alias:
      return 25;
    case SymbolKind::key:
    case SymbolKind::heading:
      return 1;
    case SymbolKind::variable:
      return 6;
  }
  return 1;
}

int old_kind(int kind) {
  switch (kind) {
    case 19:
      return 17;
    case 20:
      return 13;
    case 21:
      return 6;
    case 22:
    case 25:
      return 7;
    default:
      return kind <= kLastOldKind ? kind : 1;
  }
}

// What the client can, asked once for a list.
struct ItemOptions {
  explicit ItemOptions(const lsp::ClientCapabilities& client)
      : snippets(client.flag("textDocument.completion.completionItem.snippetSupport")),
        insert_replace(client.flag("textDocument.completion.completionItem.insertReplaceSupport")),
        label_details(client.flag("textDocument.completion.completionItem.labelDetailsSupport")),
        tags(client.lists("textDocument.completion.completionItem.tagSupport.valueSet", 1)),
        deprecated(client.flag("textDocument.completion.completionItem.deprecatedSupport")),
        commits(client.flag("textDocument.completion.completionItem.commitCharactersSupport")),
        resolves_edits(
            client.lists("textDocument.completion.completionItem.resolveSupport.properties",
                         "additionalTextEdits")),
        default_range(
            client.lists("textDocument.completion.completionList.itemDefaults", "editRange")),
        client_(client) {}
  const bool snippets, insert_replace, label_details, tags, deprecated, commits, resolves_edits,
      default_range;
  int kind(const Candidate& candidate) const {
    const int kind = item_kind(candidate);
    const bool known =
        client_.has("textDocument.completion.completionItemKind.valueSet")
            ? client_.lists("textDocument.completion.completionItemKind.valueSet", kind)
            : kind <= kLastOldKind;
    return known ? kind : old_kind(kind);
  }

 private:
  const lsp::ClientCapabilities& client_;
};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '$' || c == '}' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string place_in_list(size_t i) {
  char text[16];
  std::snprintf(text, sizeof(text), "%04zu", i);
  return text;
}

// "import it from there", as the menu shows it beside the name.
std::string origin_of(const Asked& asked, const Candidate& candidate, bool by_import) {
  if (candidate.source != CandidateSource::project) return candidate.from;
  if (!by_import) return candidate.path;
  return repoindex::module_name(asked.view, asked.path, candidate.path);
}

lsp::TextEdit text_edit(PlaceMapper& places, const std::string& path,
                        const repoindex::ImportEdit& edit) {
  return {places.range(path, ByteRange{edit.offset, edit.offset}), edit.text, {}};
}

Result<lsp::CompletionResult> complete(const lsp::CompletionParams& params, const Call& call,
                                       repoindex::TypingCache& typing) {
  const Asked& asked = call.asked;
  PlaceMapper places(asked);
  const auto offset = places.offset(asked.path, params.position);
  if (!offset) return lsp::CompletionResult{};
  auto list =
      repoindex::complete_at(asked.view, asked.path, *offset, kMaxItems, &typing, call.cancel);
  // A colon, a quote or a slash asks only where it means what it can mean.
  const bool wanted = list.behind_receiver || list.in_import;
  if (!params.trigger_character.empty() && !wanted) return lsp::CompletionResult{};
  const ItemOptions can(call.client);
  const auto facts = asked.view.facts(asked.path);
  const repoindex::Writing& writing = repoindex::writing_of(facts ? facts->language : "");
  const bool by_import = facts && repoindex::imports_names(facts->language);
  lsp::CompletionResult result;
  result.incomplete = list.incomplete;
  result.default_range = can.default_range;
  result.replace = places.range(asked.path, list.word);
  if (can.insert_replace && !(list.word == list.typed)) {
    result.insert = places.range(asked.path, list.typed);
  } else if (!can.insert_replace) {
    result.replace = places.range(asked.path, list.typed);
  }
  size_t n_ahead = 0;
  for (const Candidate& candidate : list.items) {
    lsp::CompletionItem item;
    item.label = candidate.name;
    item.kind = can.kind(candidate);
    item.sort_text = place_in_list(result.items.size());
    item.new_text = candidate.written.empty() ? candidate.name : candidate.written;
    const bool call_it = can.snippets && writing.call_snippets && candidate.is_callable &&
                         !list.call_follows && !list.in_import && !candidate.path.empty();
    if (call_it) {
      item.new_text = escaped(item.new_text) + (candidate.takes_nothing ? "()$0" : "($1)$0");
      item.is_snippet = true;
    }
    item.detail = candidate.detail;
    const std::string origin = origin_of(asked, candidate, by_import);
    if (can.label_details) {
      item.label_description = origin;
    } else if (item.detail.empty()) {
      item.detail = origin;
    }
    item.deprecated_tag = candidate.is_deprecated && can.tags;
    item.deprecated = candidate.is_deprecated && can.deprecated && !can.tags;
    const bool module = candidate.kind == SymbolKind::module && !list.in_import;
    if (can.commits && module && !writing.member_operators.empty()) {
      item.commit_characters = {std::string(writing.member_operators[0]).substr(0, 1)};
    }
    const bool needs_import = by_import && candidate.source == CandidateSource::project;
    if (!candidate.path.empty()) {
      item.data = lsp::CompletionData{params.uri, candidate.path, candidate.symbol, candidate.name,
                                      needs_import};
    }
    if (needs_import && !can.resolves_edits) {
      if (++n_ahead > kMaxImportsAhead) continue;
      const auto edit =
          repoindex::import_edit(asked.view, asked.path, candidate.name, candidate.path);
      if (!edit) continue;
      item.more_edits.push_back(text_edit(places, asked.path, *edit));
    }
    result.items.push_back(std::move(item));
  }
  return result;
}

Result<lsp::ResolveCompletionResult> resolve(const lsp::ResolveCompletionParams& params,
                                             const Asked& asked,
                                             const lsp::ClientCapabilities& client) {
  lsp::ResolveCompletionResult result;
  result.item = params.item;
  const lsp::CompletionData& data = params.data;
  const auto details =
      repoindex::describe(asked.view, data.path, static_cast<uint32_t>(data.symbol), data.name);
  if (details) {
    const bool markdown =
        client.prefers_markdown("textDocument.completion.completionItem.documentationFormat");
    result.documentation = described(markdown, details->language, details->signature, details->doc);
    result.documentation->text += "\n" + details->path + ":" + std::to_string(details->line + 1);
  }
  const bool edits = client.lists(
      "textDocument.completion.completionItem.resolveSupport.properties", "additionalTextEdits");
  if (data.needs_import && edits) {
    PlaceMapper places(asked);
    const auto edit = repoindex::import_edit(asked.view, asked.path, data.name, data.path);
    if (edit) {
      result.more_edits.push_back(text_edit(places, asked.path, *edit));
      result.detail = edit->shown;
    }
  }
  return result;
}

}  // namespace

void bind_completion(Session& session) {
  using namespace lsp;
  session.on_document<CompletionParams, CompletionResult>(
      {"completionProvider", "textDocument/completion",
       [](const ClientCapabilities&) {
         return std::string(
             R"({"triggerCharacters":[".",":",">","\"","'","/","<"],"resolveProvider":true})");
       }},
      [typing = std::make_shared<repoindex::TypingCache>()](const CompletionParams& params,
                                                            const Call& call) {
        return complete(params, call, *typing);
      });
  session.binder()->on_request<ResolveCompletionParams, ResolveCompletionResult>(
      "completionItem/resolve",
      [&session](ResolveCompletionParams params, Reply<ResolveCompletionResult> reply) {
        auto asked = session.editor().ask(params.data.uri);
        if (!asked || params.data.path.empty()) {
          ResolveCompletionResult same;
          same.item = std::move(params.item);
          return reply(same);
        }
        session.answer_in<ResolveCompletionResult>(
            session.services().queries, reply,
            [asked = std::move(*asked), params = std::move(params),
             client = session.capabilities()](const CancelToken&) {
              return resolve(params, asked, client);
            });
      });
}

}  // namespace engramd::daemon
