// menu.ts - the menu behind the status item, and the choice of a model.
import * as vscode from 'vscode';
import type { Connection } from './client';
import { problemOfAddress } from './secrets';
import { model, openSettings } from './settings';
import type { DaemonStatus } from './status';
import { indexLines, modelLine } from './status';

interface Entry extends vscode.QuickPickItem {
  run?: () => unknown;
}

export async function chooseModel(connection: Connection): Promise<void> {
  const now = model();
  const entries: (vscode.QuickPickItem & { kind_?: 'none' | 'file' | 'server' })[] = [
    { label: "$(settings) What engramd's own settings say", description: now === '' ? 'chosen now' : '', detail: 'the small model that comes with engramd, unless ~/.config/engramd/config.toml names another', kind_: 'none' },
    { label: '$(file-binary) A GGUF file …', description: now !== '' && !/^https?:/.test(now) ? `now ${now}` : '', detail: 'read from this machine', kind_: 'file' },
    { label: '$(globe) An OpenAI-compatible server …', description: /^https?:/.test(now) ? `now ${now}` : '', detail: 'gives the agent a chat model; ghost text stays with the local one. What the agent reads is sent there.', kind_: 'server' },
  ];
  const picked = await vscode.window.showQuickPick(entries, { title: 'engramd: model for this window', matchOnDetail: true });
  let chosen: string | undefined;
  if (picked?.kind_ === 'none') chosen = '';
  if (picked?.kind_ === 'file') chosen = (await vscode.window.showOpenDialog({ title: 'A model for engramd', filters: { GGUF: ['gguf'] }, openLabel: 'Use this model' }))?.[0]?.fsPath;
  if (picked?.kind_ === 'server') {
    chosen = await vscode.window.showInputBox({
      title: 'engramd: address of the model server', value: /^https?:/.test(now) ? now : 'http://127.0.0.1:8000/v1#name', prompt: 'http(s)://host/v1#model-name', ignoreFocusOut: true,
      validateInput: problemOfAddress,
    });
  }
  if (chosen === undefined || chosen === now) return;
  try {
    await vscode.workspace.getConfiguration('engramd').update('model', chosen || undefined, vscode.ConfigurationTarget.Global);
  } catch (error) {
    void vscode.window.showErrorMessage(`engramd: the setting could not be written: ${error instanceof Error ? error.message : String(error)}`, 'Open settings')
      .then((choice) => { if (choice) void openSettings('engramd.model'); });
    return;
  }
  await restartDaemon(connection);
}

// The resident daemon keeps the model that it was started with, and serves other windows and editors too.
async function restartDaemon(connection: Connection): Promise<void> {
  const others = ((await connection.askStatus().catch(() => undefined))?.attachments?.length ?? 1) - 1;
  if (others > 0) {
    const choice = await vscode.window.showInformationMessage(
      `The model counts when the engramd daemon starts, and it serves ${others} other ${others === 1 ? 'window or editor' : 'windows or editors'} now. They attach again by themselves.`, 'Restart the daemon', 'Later');
    if (choice !== 'Restart the daemon') return;
  }
  await connection.restart({ daemon: true });
}

export async function showMenu(connection: Connection, output: vscode.LogOutputChannel): Promise<void> {
  const found = connection.found();
  const now: DaemonStatus | undefined = await connection.askStatus().catch(() => undefined);
  const run = (command: string, ...given: unknown[]) => () => vscode.commands.executeCommand(command, ...given);
  const entries: Entry[] = [
    { label: '$(beaker) Fix failing tests …', detail: 'runs your tests in a sandbox and proposes an edit', run: run('engramd.fix') },
    { label: '$(git-pull-request) Review the proposal', run: run('engramd.review') },
    { label: '', kind: vscode.QuickPickItemKind.Separator },
    { label: '$(symbol-misc) Choose the model …', description: now && modelLine(now), run: () => chooseModel(connection) },
    { label: '$(settings-gear) Open settings', run: () => openSettings('@ext:engramd.engramd') },
    { label: '$(book) Getting started', run: run('workbench.action.openWalkthrough', 'engramd.engramd#engramd.start', false) },
    { label: '', kind: vscode.QuickPickItemKind.Separator },
    { label: '$(info) Status in full', description: now && indexLines(now)[0], run: run('engramd.showStatus') },
    { label: '$(output) Show log', run: () => output.show() },
    { label: '$(debug-restart) Restart', description: found && `${found.program} ${found.version}`, run: run('engramd.restart') },
  ];
  const picked = await vscode.window.showQuickPick(entries, { title: `engramd ${found?.version ?? '(not attached)'}`, matchOnDetail: true });
  await picked?.run?.();
}
