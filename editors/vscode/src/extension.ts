// extension.ts - attaches VS Code to `engramd lsp`. All the knowledge is in the daemon; this starts it, shows
// what it says and adds three commands.
import * as vscode from 'vscode';
import { CloseAction, ErrorAction, LanguageClient, State, Trace } from 'vscode-languageclient/node';
import type { DynamicFeature, LanguageClientOptions, RegistrationData, ServerOptions, StaticFeature } from 'vscode-languageclient/node';
import { execFile } from 'node:child_process';
import { findEngramd } from './binary';

const MAX_RESTARTS = 4;
const RESTART_WINDOW_MS = 3 * 60 * 1000;
const STATUS_TIMEOUT_MS = 10_000;

// Server commands that this extension offers itself, with questions first. The language client would register
// every advertised command under the same name and fail on the second registration.
const OWN_COMMANDS = new Set(['engramd.fix', 'engramd.restart', 'engramd.showStatus']);

class EngramdClient extends LanguageClient {
  override registerFeature(feature: StaticFeature | DynamicFeature<unknown>): void {
    if ('registrationType' in feature && feature.registrationType.method === 'workspace/executeCommand') {
      const register = feature.register.bind(feature);
      feature.register = (data: RegistrationData<unknown>) => {
        const options = data.registerOptions as { commands?: string[] };
        const commands = (options.commands ?? []).filter((command) => !OWN_COMMANDS.has(command));
        register({ ...data, registerOptions: { ...options, commands } });
      };
    }
    super.registerFeature(feature);
  }
}

interface Attachment {
  client: EngramdClient;
  program: string;
  version: string;
}

// The answer of engramd.fix, as docs/lsp-extensions.md describes it.
interface FixAnswer {
  fixed: boolean;
  patch?: string;
  applied?: boolean;
  failureReason?: string;
}

let attachment: Attachment | undefined;
let output: vscode.LogOutputChannel;
let status: vscode.StatusBarItem;
// Starting and stopping one after the other: a restart while the first start still runs must not leave two servers.
let turn: Promise<void> = Promise.resolve();
const startTimes: number[] = [];

function inTurn(work: () => Promise<void>): Promise<void> {
  turn = turn.then(work, work);
  return turn;
}

function show(text: string, tooltip: string, warning = false): void {
  status.text = `$(${warning ? 'warning' : 'circuit-board'}) ${text}`;
  status.tooltip = tooltip;
  status.backgroundColor = warning ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
  status.show();
}

async function start(): Promise<void> {
  const settings = vscode.workspace.getConfiguration('engramd');
  const found = await findEngramd(settings.get<string>('path', ''), process.env);
  if ('problem' in found) {
    output.error(`${found.problem} ${found.remedy}`);
    show('engramd is missing', `${found.problem}\n${found.remedy}`, true);
    void vscode.window.showErrorMessage(`${found.problem} ${found.remedy}`, 'Open settings', 'Try again').then((choice) => {
      if (choice === 'Open settings') void vscode.commands.executeCommand('workbench.action.openSettings', 'engramd.path');
      if (choice === 'Try again') void inTurn(start);
    });
    return;
  }
  const model = settings.get<string>('model', '').trim();
  const server: ServerOptions = { command: found.program, args: ['lsp', ...(model ? ['--model', model] : [])], options: { env: process.env } };
  const options: LanguageClientOptions = {
    documentSelector: [{ scheme: 'file' }],
    outputChannel: output,
    progressOnInitialization: true,
    errorHandler: {
      error: (_error, _message, count) => ({ action: count !== undefined && count <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown }),
      closed: () => {
        const now = Date.now();
        startTimes.push(now);
        while (startTimes.length > 0 && startTimes[0] < now - RESTART_WINDOW_MS) startTimes.shift();
        if (startTimes.length <= MAX_RESTARTS) return { action: CloseAction.Restart, handled: true };
        return { action: CloseAction.DoNotRestart, message: `engramd ended ${startTimes.length} times within three minutes; it is not started again. "engramd doctor" in a terminal says what is wrong.` };
      },
    },
  };
  const client = new EngramdClient('engramd', 'engramd', server, options);
  attachment = { client, program: found.program, version: found.version };
  client.onDidChangeState(({ newState }) => {
    if (newState === State.Running) show('engramd', `engramd ${found.version} is attached (${found.program})`);
    else if (newState === State.Starting) show('engramd …', `engramd ${found.version} is starting`);
    else show('engramd', 'engramd is not attached', true);
  });
  output.info(`starting ${found.program} ${(server.args ?? []).join(' ')} (version ${found.version})`);
  try {
    await client.start();
    await client.setTrace(Trace.fromString(settings.get<string>('trace.server', 'off')));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    output.error(`engramd did not start: ${reason}`);
    show('engramd', `engramd did not start: ${reason}`, true);
  }
}

async function stop(): Promise<void> {
  const old = attachment;
  attachment = undefined;
  if (!old) return;
  try {
    await old.client.dispose();
  } catch (error) {
    output.warn(`while stopping: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const restart = (): Promise<void> => inTurn(async () => {
  await stop();
  startTimes.length = 0;
  await start();
});

function runningClient(): EngramdClient | undefined {
  if (attachment?.client.isRunning()) return attachment.client;
  void vscode.window.showWarningMessage('engramd is not attached.', 'Restart').then((choice) => {
    if (choice) void restart();
  });
  return undefined;
}

async function chooseFolder(): Promise<vscode.WorkspaceFolder | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const active = vscode.window.activeTextEditor && vscode.workspace.getWorkspaceFolder(vscode.window.activeTextEditor.document.uri);
  if (folders.length <= 1) return folders[0] ?? active;
  return active ?? vscode.window.showWorkspaceFolderPick({ placeHolder: 'Folder whose tests engramd shall turn green' });
}

// Asks for the test command; an empty one lets the agent find it. The server reports progress and applies the
// edit by workspace/applyEdit, into buffers the user can look at, save or undo.
async function fix(testCommand?: unknown): Promise<void> {
  const client = runningClient();
  if (!client) return;
  const folder = await chooseFolder();
  if (!folder) {
    void vscode.window.showWarningMessage('Open a folder first: engramd fixes the tests of a folder.');
    return;
  }
  let command = typeof testCommand === 'string' ? testCommand : undefined;
  command ??= await vscode.window.showInputBox({
    title: 'engramd: fix failing tests', prompt: `Test command, run in ${folder.name} inside the sandbox. Empty: engramd looks for it.`, placeHolder: 'python3 -m pytest -q', ignoreFocusOut: true,
  });
  if (command === undefined) return;
  await vscode.workspace.saveAll(false);
  try {
    const answer: FixAnswer = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: 'engramd works on the tests', cancellable: true },
      (_progress, token) => client.sendRequest('workspace/executeCommand', {
        command: 'engramd.fix', arguments: [{ repo: folder.uri.toString(), apply: true, ...(command ? { test: command } : {}) }],
      }, token),
    );
    output.info(`engramd.fix: ${JSON.stringify(answer)}`);
    if (answer.fixed && answer.applied) {
      void vscode.window.showInformationMessage('engramd: with this edit the tests are green. Look at it and save, or undo it.');
      return;
    }
    const reason = answer.failureReason ? ` The edit was not applied: ${answer.failureReason}.` : '';
    if (answer.patch) await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ content: answer.patch, language: 'diff' }));
    const choice = await vscode.window.showWarningMessage(`${answer.fixed ? 'engramd found a fix.' : 'engramd found no fix.'}${reason}`, 'Show output');
    if (choice) output.show();
  } catch (error) {
    if (error instanceof vscode.CancellationError) return;
    void vscode.window.showErrorMessage(`engramd: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function showStatus(): void {
  if (!attachment) {
    runningClient();
    return;
  }
  const { client, program, version } = attachment;
  execFile(program, ['status'], { env: process.env, timeout: STATUS_TIMEOUT_MS }, (error, stdout, stderr) => {
    output.info(`engramd ${version} at ${program}, ${client.isRunning() ? 'attached' : 'not attached'}\n${stdout || stderr || error?.message || ''}`);
    output.show();
  });
}

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  output = vscode.window.createOutputChannel('engramd', { log: true });
  status = vscode.window.createStatusBarItem('engramd.status', vscode.StatusBarAlignment.Right, 50);
  status.name = 'engramd';
  status.command = 'engramd.showStatus';
  context.subscriptions.push(
    output, status,
    vscode.commands.registerCommand('engramd.fix', fix),
    vscode.commands.registerCommand('engramd.restart', restart),
    vscode.commands.registerCommand('engramd.showStatus', showStatus),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('engramd.path') || change.affectsConfiguration('engramd.model')) void restart();
      else if (change.affectsConfiguration('engramd.trace.server')) {
        void attachment?.client.setTrace(Trace.fromString(vscode.workspace.getConfiguration('engramd').get<string>('trace.server', 'off')));
      }
    }),
  );
  await inTurn(start);
}

export function deactivate(): Promise<void> {
  return inTurn(stop);
}
