// extension.ts - puts the parts together and registers the commands. All the knowledge of code is in the daemon.
import * as vscode from 'vscode';
import { execFile } from 'node:child_process';
import { registerChat } from './chat';
import { Connection } from './client';
import { chooseModel, showMenu } from './menu';
import type { Proposal, ProposedFile } from './review';
import { Reviews } from './review';
import type { FixRequest, Run } from './runs';
import { Runs } from './runs';
import { openSettings } from './settings';
import { StatusItem } from './status';

const STATUS_TIMEOUT_MS = 10_000;

let connection: Connection | undefined;

// What the daemon says about itself, as `engramd status` prints it.
function showStatus(attached: Connection, output: vscode.LogOutputChannel): void {
  const found = attached.found();
  if (!found) {
    attached.running();
    return;
  }
  execFile(found.program, ['status'], { env: process.env, timeout: STATUS_TIMEOUT_MS }, (error, stdout, stderr) => {
    output.show(true);
    output.info(error ? `engramd status: ${stderr || error.message}` : `engramd ${found.version}, ${found.program}\n${stdout}`);
  });
}

const inTree = (given: unknown): { proposal: Proposal; file: ProposedFile } | undefined => {
  const element = given as { run?: Run; file?: ProposedFile } | undefined;
  return element?.run?.proposal && element.file ? { proposal: element.run.proposal, file: element.file } : undefined;
};

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const output = vscode.window.createOutputChannel('engramd', { log: true });
  const reviews = new Reviews();
  const attached = new Connection(context.extensionPath, output, reviews);
  connection = attached;
  attached.status = new StatusItem(() => attached.askStatus());
  const runs = new Runs(attached, reviews, output, context.workspaceState);
  const command = (name: string, work: (...given: never[]) => unknown): vscode.Disposable => vscode.commands.registerCommand(name, work);
  context.subscriptions.push(
    output, reviews, attached.status, runs,
    vscode.window.registerTreeDataProvider('engramd.runs', runs),
    command('engramd.fix', (given?: FixRequest | string) => runs.fix(typeof given === 'string' ? { test: given } : given && ('test' in given || 'task' in given) ? given : {})),
    command('engramd.work', (given?: string) => runs.work(typeof given === 'string' ? given : undefined)),
    command('engramd.cancelRun', (run?: Run) => run?.cancel.cancel()),
    command('engramd.review', () => runs.reviewLast()),
    command('engramd.openDiff', (given?: unknown) => {
      const target = inTree(given);
      return target && reviews.showDiff(target.proposal, target.file);
    }),
    command('engramd.acceptFile', (given?: unknown) => reviews.decide(inTree(given) ?? (given instanceof vscode.Uri ? given : undefined), true)),
    command('engramd.rejectFile', (given?: unknown) => reviews.decide(inTree(given) ?? (given instanceof vscode.Uri ? given : undefined), false)),
    command('engramd.chooseHunks', () => {
      const proposal = reviews.open();
      return proposal && reviews.chooseHunks(proposal);
    }),
    command('engramd.restart', () => attached.restart()),
    command('engramd.showStatus', () => showStatus(attached, output)),
    command('engramd.showLog', () => output.show()),
    command('engramd.chooseModel', () => chooseModel(attached)),
    command('engramd.openSettings', () => openSettings('@ext:engramd.engramd')),
    command('engramd.menu', () => showMenu(attached, output)),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('engramd.path') || change.affectsConfiguration('engramd.model')) void attached.restart();
      else if (change.affectsConfiguration('engramd.trace.server')) attached.setTrace();
      else if (change.affectsConfiguration('engramd')) attached.settingsChanged();
    }),
    // The path and model of a folder count once it is trusted.
    vscode.workspace.onDidGrantWorkspaceTrust(() => void attached.restart()),
  );
  const chat = registerChat(attached, runs);
  if (chat) context.subscriptions.push(chat);
  await attached.start();
}

export async function deactivate(): Promise<void> {
  await connection?.stop();
}
