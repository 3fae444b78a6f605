// sibling_table.ts - which extensions bring a language server for which languages.
//
// VS Code does not let an extension see the providers of others, so this is what stands in for it: the well-known
// ones by name. An extension that is not here counts as no server; the setting "engramd.navigation" is the way out.
// `unless` names a setting of that extension with which its server is off.

export interface SiblingRow {
  extension: string;
  server: string;
  languages: readonly string[];
  // The LSP methods it answers; without it: all of navigation.
  methods?: readonly string[];
  unless?: readonly { setting: string; is: unknown }[];
}

const kC = ['c', 'cpp', 'cuda-cpp', 'objective-c', 'objective-cpp'] as const;
const kScript = ['javascript', 'javascriptreact', 'typescript', 'typescriptreact'] as const;
const kShallow = ['textDocument/hover', 'textDocument/documentSymbol'] as const;

export const kSiblings: readonly SiblingRow[] = [
  { extension: 'ms-python.vscode-pylance', server: 'pylance', languages: ['python'], unless: [{ setting: 'python.languageServer', is: 'None' }, { setting: 'python.languageServer', is: 'Jedi' }] },
  // Without Pylance, the Python extension runs Jedi unless it is told otherwise; in forks without Pylance too.
  { extension: 'ms-python.python', server: 'jedi', languages: ['python'], unless: [{ setting: 'python.languageServer', is: 'None' }, { setting: 'python.languageServer', is: 'Pylance' }] },
  { extension: 'ms-pyright.pyright', server: 'pyright', languages: ['python'], unless: [{ setting: 'pyright.disableLanguageServices', is: true }] },
  { extension: 'detachhead.basedpyright', server: 'basedpyright', languages: ['python'], unless: [{ setting: 'basedpyright.disableLanguageServices', is: true }] },
  { extension: 'astral-sh.ty', server: 'ty', languages: ['python'] },
  { extension: 'meta.pyrefly', server: 'pyrefly', languages: ['python'] },
  { extension: 'llvm-vs-code-extensions.vscode-clangd', server: 'clangd', languages: kC, unless: [{ setting: 'clangd.enable', is: false }] },
  { extension: 'ms-vscode.cpptools', server: 'cpptools', languages: kC, unless: [{ setting: 'C_Cpp.intelliSenseEngine', is: 'disabled' }, { setting: 'C_Cpp.intelliSenseEngine', is: 'Disabled' }] },
  { extension: 'ccls-project.ccls', server: 'ccls', languages: kC },
  { extension: 'rust-lang.rust-analyzer', server: 'rust-analyzer', languages: ['rust'] },
  { extension: 'golang.go', server: 'gopls', languages: ['go', 'go.mod'], unless: [{ setting: 'go.useLanguageServer', is: false }] },
  { extension: 'vscode.typescript-language-features', server: 'tsserver', languages: kScript },
  { extension: 'typescriptteam.native-preview', server: 'tsgo', languages: kScript },
  { extension: 'denoland.vscode-deno', server: 'deno', languages: kScript, unless: [{ setting: 'deno.enable', is: false }, { setting: 'deno.enable', is: null }] },
  { extension: 'redhat.java', server: 'jdtls', languages: ['java'] },
  { extension: 'oracle.oracle-java', server: 'nbls', languages: ['java'] },
  { extension: 'georgewfraser.vscode-javac', server: 'javac', languages: ['java'] },
  { extension: 'ms-dotnettools.csharp', server: 'roslyn', languages: ['csharp'] },
  { extension: 'muhammad-sammy.csharp', server: 'omnisharp', languages: ['csharp'] },
  { extension: 'fwcd.kotlin', server: 'kotlin-language-server', languages: ['kotlin'] },
  { extension: 'jetbrains.kotlin-server', server: 'kotlin-lsp', languages: ['kotlin'] },
  { extension: 'scalameta.metals', server: 'metals', languages: ['scala'] },
  { extension: 'swiftlang.swift-vscode', server: 'sourcekit-lsp', languages: ['swift'] },
  { extension: 'sswg.swift-lang', server: 'sourcekit-lsp', languages: ['swift'] },
  { extension: 'ziglang.vscode-zig', server: 'zls', languages: ['zig'], unless: [{ setting: 'zig.zls.enabled', is: 'off' }] },
  { extension: 'shopify.ruby-lsp', server: 'ruby-lsp', languages: ['ruby'] },
  { extension: 'castwide.solargraph', server: 'solargraph', languages: ['ruby'] },
  { extension: 'bmewburn.vscode-intelephense-client', server: 'intelephense', languages: ['php'] },
  { extension: 'devsense.phptools-vscode', server: 'phptools', languages: ['php'] },
  { extension: 'vscode.php-language-features', server: 'php', languages: ['php'], methods: ['textDocument/hover', 'textDocument/signatureHelp'] },
  { extension: 'sumneko.lua', server: 'lua-language-server', languages: ['lua'] },
  { extension: 'jakebecker.elixir-ls', server: 'elixir-ls', languages: ['elixir'] },
  { extension: 'elixir-lsp.elixir-ls', server: 'elixir-ls', languages: ['elixir'] },
  { extension: 'lexical-lsp.lexical', server: 'lexical', languages: ['elixir'] },
  { extension: 'mads-hartmann.bash-ide-vscode', server: 'bash-language-server', languages: ['shellscript'] },
  { extension: 'vscode.json-language-features', server: 'json', languages: ['json', 'jsonc'], methods: [...kShallow, 'textDocument/definition'] },
  { extension: 'redhat.vscode-yaml', server: 'yaml-language-server', languages: ['yaml'] },
  { extension: 'tamasfe.even-better-toml', server: 'taplo', languages: ['toml'], methods: kShallow },
  { extension: 'vscode.html-language-features', server: 'html', languages: ['html'] },
  { extension: 'vscode.css-language-features', server: 'css', languages: ['css', 'scss', 'less'] },
  { extension: 'vscode.markdown-language-features', server: 'markdown', languages: ['markdown'] },
];

export interface Sibling {
  name: string;
  methods?: readonly string[];
}

// The servers that a document of this language has beside engramd.
export function siblingsOf(language: string, enabled: (extension: string) => boolean, setting: (name: string) => unknown): Sibling[] {
  const found: Sibling[] = [];
  for (const row of kSiblings) {
    if (!row.languages.includes(language) || !enabled(row.extension)) continue;
    if (row.unless?.some(({ setting: name, is }) => (setting(name) ?? null) === is)) continue;
    if (found.some(({ name }) => name === row.server)) continue;
    found.push(row.methods ? { name: row.server, methods: row.methods } : { name: row.server });
  }
  return found;
}
