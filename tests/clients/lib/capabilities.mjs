// lib/capabilities.mjs - what clients offer: one that knows everything 3.18 has and we test, and one that knows
// almost nothing (the lower bound seen in old editors: a few keys, no general, no workspaceFolders).
const symbolKinds = Array.from({ length: 26 }, (_, index) => index + 1);

export const richClient = (positionEncodings) => ({
  general: { positionEncodings, markdown: { parser: 'marked' }, staleRequestSupport: { cancel: true, retryOnContentModified: [] } },
  window: { workDoneProgress: true, showMessage: {}, showDocument: { support: true } },
  workspace: {
    applyEdit: true,
    workspaceEdit: { documentChanges: true },
    configuration: true,
    workspaceFolders: true,
    didChangeWatchedFiles: { dynamicRegistration: true, relativePatternSupport: true },
    symbol: { symbolKind: { valueSet: symbolKinds } },
    executeCommand: {},
  },
  textDocument: {
    synchronization: { didSave: true },
    publishDiagnostics: { versionSupport: true, relatedInformation: true },
    hover: { contentFormat: ['markdown', 'plaintext'] },
    definition: { linkSupport: true },
    references: {},
    documentSymbol: { hierarchicalDocumentSymbolSupport: true, symbolKind: { valueSet: symbolKinds } },
    inlineCompletion: {},
  },
});

export const poorClient = () => ({
  workspace: { applyEdit: true },
  textDocument: { synchronization: {}, hover: {}, definition: {}, references: {}, documentSymbol: {} },
});
