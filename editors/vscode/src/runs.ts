// runs.ts - work given to the agent: started with progress and cancel, kept in the list of the "Agent" view, its result reviewed.
import * as vscode from 'vscode';
import { WorkDoneProgress } from 'vscode-languageclient/node';
import type { Connection } from './client';
import type { ProposedFile, Proposal, Reviews } from './review';

const MAX_RUNS = 20;
const LAST_TEST_KEY = 'engramd.lastTestCommand';

// The answer of engramd.fix, as docs/lsp-extensions.md describes it.
export interface FixAnswer {
  fixed: boolean;
  patch?: string;
  applied?: boolean;
  failureReason?: string;
}

type RunState = 'running' | 'cancelled' | 'failed' | 'not fixed' | 'in review' | 'accepted' | 'rejected';

export interface Run {
  id: number;
  title: string;
  folder: vscode.WorkspaceFolder;
  state: RunState;
  detail: string;
  started: Date;
  patch?: string;
  proposal?: Proposal;
  cancel: vscode.CancellationTokenSource;
}

export interface FixRequest {
  folder?: vscode.WorkspaceFolder;
  test?: string;
  task?: string;
  // Set by the server's code actions.
  apply?: string;
}

const kIcons: Record<RunState, string> = {
  running: 'loading~spin', cancelled: 'circle-slash', failed: 'error', 'not fixed': 'circle-outline', 'in review': 'git-pull-request', accepted: 'pass', rejected: 'close',
};

export async function chooseFolder(): Promise<vscode.WorkspaceFolder | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const active = vscode.window.activeTextEditor && vscode.workspace.getWorkspaceFolder(vscode.window.activeTextEditor.document.uri);
  if (folders.length <= 1) return folders[0] ?? active;
  return active ?? vscode.window.showWorkspaceFolderPick({ placeHolder: 'Folder whose tests engramd shall turn green' });
}

export class Runs implements vscode.TreeDataProvider<Run | { run: Run; file: ProposedFile }>, vscode.Disposable {
  private readonly runs: Run[] = [];
  private next = 1;
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly following: vscode.Disposable;

  constructor(private readonly connection: Connection, private readonly reviews: Reviews, private readonly output: vscode.LogOutputChannel, private readonly memento: vscode.Memento) {
    this.following = reviews.onDidChange(() => this.changed.fire(undefined));
  }

  dispose(): void {
    for (const run of this.runs) run.cancel.cancel();
    this.following.dispose();
    this.changed.dispose();
  }

  // ---- the view

  getChildren(element?: Run | { run: Run; file: ProposedFile }): (Run | { run: Run; file: ProposedFile })[] {
    if (!element) return this.runs;
    if ('file' in element) return [];
    return (element.proposal?.files ?? []).map((file) => ({ run: element, file }));
  }

  getTreeItem(element: Run | { run: Run; file: ProposedFile }): vscode.TreeItem {
    if ('file' in element) {
      const { file, run } = element;
      const item = new vscode.TreeItem(file.name);
      item.description = file.state === 'open' ? `${Math.max(1, file.changes.length)} to review` : file.state;
      item.iconPath = new vscode.ThemeIcon(file.state === 'accepted' ? 'pass' : file.state === 'rejected' ? 'close' : 'diff');
      item.contextValue = `engramd.file.${file.state}`;
      if (file.state === 'open') item.command = { command: 'engramd.openDiff', title: 'Open the diff', arguments: [{ run, file }] };
      return item;
    }
    // Another identity once there is something below it: VS Code keeps an item as closed as it was first seen.
    const item = new vscode.TreeItem(element.title, element.proposal ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.None);
    item.id = `${element.id}${element.proposal ? '.open' : ''}`;
    item.description = element.detail ? `${element.state}: ${element.detail}` : element.state;
    item.tooltip = `${element.title} (${element.folder.name}, ${element.started.toLocaleTimeString()}): ${element.state}${element.detail ? `\n${element.detail}` : ''}`;
    item.iconPath = new vscode.ThemeIcon(kIcons[element.state]);
    item.contextValue = `engramd.run.${element.state.replace(' ', '-')}`;
    return item;
  }

  private update(run: Run, state: RunState, detail = ''): void {
    run.state = state;
    run.detail = detail;
    this.changed.fire(undefined);
  }

  // ---- the commands

  // Asks for the test command; an empty one lets the agent find it.
  async fix(given: FixRequest = {}): Promise<Run | undefined> {
    if (!this.connection.running()) return undefined;
    const folder = given.folder ?? await chooseFolder();
    if (!folder) {
      void vscode.window.showWarningMessage('Open a folder first: engramd fixes the tests of a folder.');
      return undefined;
    }
    if (!vscode.workspace.isTrusted) {
      void vscode.window.showWarningMessage('engramd runs tests in trusted folders only.', 'Manage trust').then((choice) => {
        if (choice) void vscode.commands.executeCommand('workbench.trust.manage');
      });
      return undefined;
    }
    // A code action names the task and asks no questions.
    const last = this.memento.get<string>(LAST_TEST_KEY, '');
    const test = given.test ?? (given.apply ? last : undefined) ?? await vscode.window.showInputBox({
      title: 'engramd: fix failing tests', value: last, ignoreFocusOut: true, placeHolder: 'python3 -m pytest -q',
      prompt: `Test command, run in ${folder.name} inside the sandbox. Empty: engramd looks for it.`,
    });
    if (test === undefined) return undefined;
    await this.memento.update(LAST_TEST_KEY, test);
    await vscode.workspace.saveAll(false);
    return this.run({ title: given.task ? given.task.split('\n')[0].slice(0, 80) : 'Fix failing tests', folder, test, task: given.task });
  }

  // Works on a text: an issue, a request.
  async work(given?: string): Promise<Run | undefined> {
    if (!this.connection.running()) return undefined;
    const task = given ?? await vscode.window.showInputBox({
      title: 'engramd: work on an issue', prompt: 'What is wrong, or the text of the issue. It is done when the test command passes.', ignoreFocusOut: true,
    });
    return task?.trim() ? this.fix({ task: task.trim() }) : undefined;
  }

  private async run({ title, folder, test, task }: { title: string; folder: vscode.WorkspaceFolder; test: string; task?: string }): Promise<Run> {
    const run: Run = { id: this.next++, title, folder, state: 'running', detail: '', started: new Date(), cancel: new vscode.CancellationTokenSource() };
    this.runs.unshift(run);
    this.runs.length = Math.min(this.runs.length, MAX_RUNS);
    this.update(run, 'running');
    const offered = this.reviews.onDidOffer((proposal) => this.inReview(run, proposal));
    let answer: Promise<FixAnswer> | undefined;
    try {
      await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title: `engramd: ${title}`, cancellable: true },
        (progress, token) => {
          token.onCancellationRequested(() => run.cancel.cancel());
          const asked = this.ask(run, { repo: folder.uri.toString(), apply: 'review', ...(test ? { test } : {}), ...(task ? { task } : {}) }, (message, increment) => progress.report({ message, increment }));
          answer = asked.answer;
          // The notification goes when the work is over; the answer comes after the review.
          return Promise.race([asked.answer, asked.worked]);
        },
      );
      const said = await answer;
      if (!said) return run;
      this.output.info(`engramd.fix: fixed ${said.fixed}, applied ${said.applied ?? '-'}${said.failureReason ? `, ${said.failureReason}` : ''}`);
      await this.ended(run, said);
    } catch (error) {
      if (run.cancel.token.isCancellationRequested || error instanceof vscode.CancellationError) {
        this.update(run, 'cancelled');
      } else {
        const reason = error instanceof Error ? error.message : String(error);
        this.update(run, 'failed', reason);
        void vscode.window.showErrorMessage(`engramd: ${reason}`, 'Show log').then((choice) => { if (choice) this.output.show(); });
      }
    } finally {
      offered.dispose();
    }
    return run;
  }

  // A progress token of our own, so that the notification of the run shows it and no second one appears.
  private ask(run: Run, argument: Record<string, unknown>, report: (message: string, increment?: number) => void): { answer: Promise<FixAnswer>; worked: Promise<void> } {
    const client = this.connection.running();
    if (!client) return { answer: Promise.reject(new Error('engramd is not attached')), worked: Promise.resolve() };
    const token = `engramd.fix.${Date.now()}.${this.runs.length}`;
    let percentage = 0;
    let done: () => void = () => {};
    const worked = new Promise<void>((resolve) => { done = resolve; });
    const following = client.onProgress(WorkDoneProgress.type, token, (value) => {
      if (value.kind === 'end') {
        done();
        return;
      }
      const now = value.percentage ?? percentage;
      report(value.message ?? (value.kind === 'begin' ? value.title : ''), Math.max(0, now - percentage));
      percentage = Math.max(percentage, now);
      if (value.message && run.state === 'running') this.update(run, 'running', value.message);
    });
    const answer = client.sendRequest<FixAnswer>('workspace/executeCommand', { command: 'engramd.fix', arguments: [argument], workDoneToken: token }, run.cancel.token);
    return { answer: answer.finally(() => following.dispose()), worked };
  }

  private inReview(run: Run, proposal: Proposal): void {
    if (run.state !== 'running' || !proposal.files.every(({ uri }) => uri.path.startsWith(`${run.folder.uri.path}/`))) return;
    run.proposal = proposal;
    this.update(run, 'in review');
    void proposal.decided.then((applied) => this.update(run, applied ? 'accepted' : 'rejected'));
  }

  private async ended(run: Run, answer: FixAnswer): Promise<void> {
    run.patch = answer.patch;
    if (run.proposal) {
      if (answer.applied) void vscode.window.showInformationMessage(answer.fixed ? 'engramd: accepted. Save the files, or undo.' : 'engramd: accepted; the tests were not green with all of it.');
      return;
    }
    if (answer.applied) {
      this.update(run, 'accepted');
      void vscode.window.showInformationMessage('engramd: with this edit the tests are green. Save it, or undo it.');
      return;
    }
    if (!answer.patch) {
      this.update(run, 'not fixed', answer.failureReason);
      void vscode.window.showWarningMessage(answer.fixed ? 'engramd: the tests are green already.' : 'engramd found no fix.', 'Show log').then((choice) => { if (choice) this.output.show(); });
      return;
    }
    await this.review(run, answer);
  }

  private async review(run: Run, { fixed, patch = '', failureReason }: FixAnswer): Promise<void> {
    const proposal = await this.reviews.fromPatch(fixed ? 'engramd made the tests green' : 'engramd has a patch, but the tests are not green', run.folder.uri, patch);
    if (typeof proposal === 'string') {
      this.update(run, 'failed', failureReason ?? proposal);
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ content: patch, language: 'diff' }));
      void vscode.window.showWarningMessage(`engramd found a patch that cannot be put into the files: ${failureReason ?? proposal}.`);
      return;
    }
    this.update(run, 'running');
    this.inReview(run, proposal);
    void this.reviews.present(proposal);
  }

  // The proposal that waits, or the newest one.
  async reviewLast(): Promise<void> {
    const proposal = this.reviews.open();
    if (proposal) return this.reviews.present(proposal);
    void vscode.window.showInformationMessage('engramd: no proposal waits for a review.');
  }
}
