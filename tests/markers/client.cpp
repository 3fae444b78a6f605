#include "tests/markers/client.h"

namespace engramd::test {
namespace {

// Only what decides the shape of an answer; "general" is made from the encodings.
constexpr const char* kRichClient = R"({
  "workspace": {
    "applyEdit": true,
    "workspaceEdit": {
      "documentChanges": true, "resourceOperations": ["create", "rename", "delete"],
      "failureHandling": "undo", "changeAnnotationSupport": {"groupsOnLabel": true}
    },
    "didChangeWatchedFiles": {"dynamicRegistration": true, "relativePatternSupport": true},
    "symbol": {
      "symbolKind": {"valueSet": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26]},
      "tagSupport": {"valueSet": [1]}, "resolveSupport": {"properties": ["location.range"]}
    },
    "workspaceFolders": true, "configuration": false,
    "fileOperations": {"willRename": true, "didRename": true},
    "semanticTokens": {"refreshSupport": true}, "codeLens": {"refreshSupport": true},
    "inlayHint": {"refreshSupport": true}, "diagnostics": {"refreshSupport": true},
    "foldingRange": {"refreshSupport": true}
  },
  "textDocument": {
    "synchronization": {"didSave": true},
    "publishDiagnostics": {"relatedInformation": true, "versionSupport": true,
      "tagSupport": {"valueSet": [1, 2]}, "codeDescriptionSupport": true, "dataSupport": true},
    "diagnostic": {"relatedDocumentSupport": true, "relatedInformation": true,
      "tagSupport": {"valueSet": [1, 2]}, "codeDescriptionSupport": true, "dataSupport": true},
    "completion": {
      "completionItem": {
        "snippetSupport": true, "commitCharactersSupport": true,
        "documentationFormat": ["markdown", "plaintext"], "deprecatedSupport": true,
        "preselectSupport": true, "tagSupport": {"valueSet": [1]}, "insertReplaceSupport": true,
        "resolveSupport": {"properties": ["documentation", "detail", "additionalTextEdits"]},
        "insertTextModeSupport": {"valueSet": [1, 2]}, "labelDetailsSupport": true
      },
      "completionItemKind": {"valueSet": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]},
      "contextSupport": true,
      "completionList": {"itemDefaults": ["commitCharacters", "editRange", "insertTextFormat", "insertTextMode", "data"]}
    },
    "hover": {"contentFormat": ["markdown", "plaintext"]},
    "signatureHelp": {
      "signatureInformation": {"documentationFormat": ["markdown", "plaintext"],
        "parameterInformation": {"labelOffsetSupport": true}, "activeParameterSupport": true,
        "noActiveParameterSupport": true},
      "contextSupport": true
    },
    "declaration": {"linkSupport": true}, "definition": {"linkSupport": true},
    "typeDefinition": {"linkSupport": true}, "implementation": {"linkSupport": true},
    "references": {}, "documentHighlight": {},
    "documentSymbol": {
      "symbolKind": {"valueSet": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26]},
      "hierarchicalDocumentSymbolSupport": true, "tagSupport": {"valueSet": [1]}, "labelSupport": true
    },
    "codeAction": {
      "codeActionLiteralSupport": {"codeActionKind": {"valueSet":
        ["", "quickfix", "refactor", "refactor.extract", "refactor.inline", "refactor.rewrite", "source"]}},
      "isPreferredSupport": true, "disabledSupport": true, "dataSupport": true,
      "resolveSupport": {"properties": ["edit"]}, "honorsChangeAnnotations": true
    },
    "codeLens": {"resolveSupport": {"properties": ["command"]}},
    "documentLink": {"tooltipSupport": true},
    "rename": {"prepareSupport": true, "prepareSupportDefaultBehavior": 1, "honorsChangeAnnotations": true},
    "foldingRange": {"rangeLimit": 5000,
      "foldingRangeKind": {"valueSet": ["comment", "imports", "region"]},
      "foldingRange": {"collapsedText": true}},
    "selectionRange": {}, "linkedEditingRange": {}, "callHierarchy": {}, "typeHierarchy": {},
    "semanticTokens": {
      "requests": {"range": true, "full": {"delta": true}},
      "tokenTypes": ["namespace", "type", "class", "enum", "interface", "struct", "typeParameter",
        "parameter", "variable", "property", "enumMember", "event", "function", "method", "macro",
        "keyword", "modifier", "comment", "string", "number", "regexp", "operator", "decorator", "label"],
      "tokenModifiers": ["declaration", "definition", "readonly", "static", "deprecated", "abstract",
        "async", "modification", "documentation", "defaultLibrary"],
      "formats": ["relative"], "overlappingTokenSupport": false, "multilineTokenSupport": true,
      "serverCancelSupport": true, "augmentsSyntaxTokens": true
    },
    "inlayHint": {"resolveSupport": {"properties": ["tooltip"]}},
    "moniker": {}
  },
  "window": {"workDoneProgress": true, "showMessage": {}, "showDocument": {"support": true}}
})";

}  // namespace

EditorOptions options_for(const MarkedText& marked, const std::string& encoding) {
  EditorOptions options;
  options.encodings = {encoding};
  if (!marked.plain_client) options.capabilities = json::parse(kRichClient);
  if (!marked.client.is_null()) options.capabilities.merge_patch(marked.client);
  return options;
}

}  // namespace engramd::test
