// settings.ts - what the user set, and the part of it that the server is told.
import * as vscode from 'vscode';

export type Navigation = 'auto' | 'always' | 'off';

// The `engramd` section as docs/lsp-extensions.md describes it: initializationOptions, workspace/configuration and
// workspace/didChangeConfiguration carry the same object.
export interface ServerSettings {
  navigation: Record<string, Navigation>;
  diagnostics: 'on' | 'off';
}

const isNavigation = (value: unknown): value is Navigation => value === 'auto' || value === 'always' || value === 'off';

export const section = (scope?: vscode.ConfigurationScope): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration('engramd', scope);

export function serverSettings(): ServerSettings {
  const settings = section();
  const general = settings.get<unknown>('navigation', 'auto');
  const navigation: Record<string, Navigation> = { '*': isNavigation(general) ? general : 'auto' };
  for (const [language, value] of Object.entries(settings.get<Record<string, unknown>>('navigationByLanguage', {}))) {
    if (isNavigation(value)) navigation[language] = value;
  }
  return { navigation, diagnostics: settings.get<string>('diagnostics', 'on') === 'off' ? 'off' : 'on' };
}

export const model = (): string => section().get<string>('model', '').trim();
export const program = (): string => section().get<string>('path', '');
export const trace = (): string => section().get<string>('trace.server', 'off');
export const inlineCompletion = (document: vscode.TextDocument): boolean => section(document).get<boolean>('inlineCompletion.enabled', true);

// The settings of the machine where the program runs: with a remote, not those of the machine that shows the window.
export function openSettings(query: string): Thenable<unknown> {
  const elsewhere = vscode.env.remoteName !== undefined || vscode.env.uiKind === vscode.UIKind.Web;
  return elsewhere ? vscode.commands.executeCommand('workbench.action.openRemoteSettings', { query }) : vscode.commands.executeCommand('workbench.action.openSettings', query);
}
