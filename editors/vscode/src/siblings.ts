// siblings.ts - tells the server which other language servers each open document has, so that with the setting
// "navigation": "auto" no answer appears twice (docs/lsp-extensions.md, engramd/siblings).
import * as vscode from 'vscode';
import { kSiblings, siblingsOf } from './sibling_table';
import type { Sibling } from './sibling_table';

const enabled = (extension: string): boolean => vscode.extensions.getExtension(extension) !== undefined;

export const siblingsOfDocument = (document: vscode.TextDocument): Sibling[] =>
  siblingsOf(document.languageId, enabled, (name) => vscode.workspace.getConfiguration(undefined, document).get(name));

type Send = (uri: string, servers: Sibling[]) => void;

export class Siblings implements vscode.Disposable {
  private readonly told = new Map<string, string>();
  private readonly watching: vscode.Disposable[];

  constructor(private readonly send: Send) {
    const settings = [...new Set(kSiblings.flatMap(({ unless }) => unless?.map(({ setting }) => setting) ?? []))];
    this.watching = [
      // An extension was installed, removed, enabled or disabled.
      vscode.extensions.onDidChange(() => this.tellAll()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (settings.some((name) => change.affectsConfiguration(name))) this.tellAll();
      }),
    ];
  }

  // After the server has seen the document. Says nothing when nothing changed, and nothing for a document without siblings.
  tell(document: vscode.TextDocument): void {
    const uri = document.uri.toString();
    const servers = siblingsOfDocument(document);
    const text = JSON.stringify(servers);
    if ((this.told.get(uri) ?? '[]') === text) return;
    this.told.set(uri, text);
    this.send(uri, servers);
  }

  closed(document: vscode.TextDocument): void {
    this.told.delete(document.uri.toString());
  }

  private tellAll(): void {
    for (const document of vscode.workspace.textDocuments) {
      if (document.uri.scheme === 'file' && !document.isClosed) this.tell(document);
    }
  }

  dispose(): void {
    for (const item of this.watching) item.dispose();
  }
}
