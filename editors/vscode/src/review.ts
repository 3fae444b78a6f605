// review.ts - proposals of the agent: what it would change, shown file by file and hunk by hunk, applied when the user says so.
//
// A proposal comes in two ways: the server offers it by workspace/applyEdit with one change annotation per hunk, or a
// command answers with a patch. Both become the same thing here. The proposed text of a file is a virtual document
// (scheme engramd-review, or engramd-proposal when the server holds it) that VS Code's diff editor shows beside the file.
// Invariant: a file is written by VS Code's own edits only, into its buffer, and only while it holds the text that the
// proposal was made for.
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ApplyWorkspaceEditParams, ApplyWorkspaceEditResult, WorkspaceEdit } from 'vscode-languageclient/node';
import { readPatch, replacementsFor } from './patch';

export const kReviewScheme = 'engramd-review';
export const kProposalScheme = 'engramd-proposal';
export const kAnswerScheme = 'engramd-answer';
// Enough for a look back; a proposal holds its texts.
const MAX_PROPOSALS = 8;

interface Change {
  range: vscode.Range;
  text: string;
  label: string;
  description?: string;
}

export type FileState = 'open' | 'accepted' | 'rejected';

export interface ProposedFile {
  uri: vscode.Uri;
  name: string;
  created: boolean;
  deleted: boolean;
  before: string;
  after: string;
  changes: Change[];
  state: FileState;
}

export interface Proposal {
  id: number;
  title: string;
  files: ProposedFile[];
  // Resolves when nothing is open any more: true when something was accepted.
  decided: Promise<boolean>;
  settle: (applied: boolean) => void;
}

function apply(text: string, changes: readonly Change[], offsetAt: (position: vscode.Position) => number): string {
  const parts = changes.map(({ range, text: fresh }) => ({ from: offsetAt(range.start), to: offsetAt(range.end), fresh })).sort((a, b) => a.from - b.from || a.to - b.to);
  let result = '';
  let at = 0;
  for (const { from, to, fresh } of parts) {
    result += text.slice(at, from) + fresh;
    at = to;
  }
  return result + text.slice(at);
}

async function textOf(uri: vscode.Uri): Promise<vscode.TextDocument | undefined> {
  try {
    return await vscode.workspace.openTextDocument(uri);
  } catch {
    return undefined;
  }
}

const relative = (uri: vscode.Uri): string => vscode.workspace.asRelativePath(uri, (vscode.workspace.workspaceFolders?.length ?? 0) > 1);

export class Reviews implements vscode.Disposable {
  private readonly proposals: Proposal[] = [];
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private readonly offered = new vscode.EventEmitter<Proposal>();
  // The server offered a proposal; a run that waits for its answer is where it comes from.
  readonly onDidOffer = this.offered.event;
  private next = 1;
  private readonly registration: vscode.Disposable;

  constructor() {
    this.registration = vscode.workspace.registerTextDocumentContentProvider(kReviewScheme, { provideTextDocumentContent: (uri) => this.proposedText(uri) });
  }

  dispose(): void {
    for (const proposal of this.proposals) this.finish(proposal, 'rejected');
    this.registration.dispose();
    this.changed.dispose();
    this.offered.dispose();
  }

  list(): readonly Proposal[] {
    return this.proposals;
  }

  open(): Proposal | undefined {
    return this.proposals.find(({ files }) => files.some(({ state }) => state === 'open'));
  }

  // ---- where proposals come from

  // The patch of an answer, made for the files below `root`. An error text when a file moved on.
  async fromPatch(title: string, root: vscode.Uri, patch: string): Promise<Proposal | string> {
    const files: ProposedFile[] = [];
    for (const { path: name, created, deleted, hunks } of readPatch(patch)) {
      const uri = vscode.Uri.joinPath(root, ...name.split('/'));
      // A patch that climbs out of its folder is not one of ours.
      if (name.split('/').includes('..') || path.posix.isAbsolute(name)) return `${name} is not below ${root.fsPath}`;
      const document = created ? undefined : await textOf(uri);
      if (!created && !document) return `${name} cannot be read`;
      const before = document?.getText() ?? '';
      const replacements = replacementsFor(before, hunks);
      if (typeof replacements === 'string') return `${name}: ${replacements}`;
      const changes = replacements.map(({ startLine, endLine, text }, index): Change => ({
        range: document ? document.validateRange(new vscode.Range(startLine, 0, endLine, 0)) : new vscode.Range(0, 0, 0, 0),
        text, label: title, description: `${name}: change ${index + 1} of ${replacements.length}, line ${startLine + 1}`,
      }));
      files.push({ uri, name, created, deleted, before, after: apply(before, changes, (position) => document?.offsetAt(position) ?? 0), changes, state: 'open' });
    }
    if (files.length === 0) return 'the patch is empty';
    return this.add(title, files);
  }

  // An edit of the server that wants to be confirmed; undefined for any other edit, which VS Code applies as it is.
  async fromEdit({ label, edit }: ApplyWorkspaceEditParams): Promise<Proposal | undefined> {
    const files = await this.filesOf(edit, label ?? 'engramd');
    return files && this.add(label === 'engramd: fix' || !label ? 'engramd proposes' : label, files);
  }

  private async filesOf(edit: WorkspaceEdit, label: string): Promise<ProposedFile[] | undefined> {
    const annotations = edit.changeAnnotations ?? {};
    if (!Object.values(annotations).some(({ needsConfirmation }) => needsConfirmation)) return undefined;
    const files = new Map<string, ProposedFile>();
    for (const change of edit.documentChanges ?? []) {
      if ('kind' in change) {
        if (change.kind !== 'create') return undefined;
        const uri = vscode.Uri.parse(change.uri);
        files.set(uri.toString(), { uri, name: relative(uri), created: true, deleted: false, before: '', after: '', changes: [], state: 'open' });
        continue;
      }
      const uri = vscode.Uri.parse(change.textDocument.uri);
      const known = files.get(uri.toString());
      const document = known?.created ? undefined : await textOf(uri);
      if (!document && !known?.created) return undefined;
      const file: ProposedFile = known ?? { uri, name: relative(uri), created: false, deleted: false, before: document?.getText() ?? '', after: '', changes: [], state: 'open' };
      for (const item of change.edits) {
        if (!('newText' in item)) return undefined;
        const annotation = 'annotationId' in item ? annotations[item.annotationId] : undefined;
        const { start, end } = item.range;
        file.changes.push({
          range: new vscode.Range(start.line, start.character, end.line, end.character), text: item.newText,
          label: annotation?.label ?? label, description: annotation?.description,
        });
      }
      file.after = apply(file.before, file.changes, (position) => document?.offsetAt(position) ?? 0);
      files.set(uri.toString(), file);
    }
    return files.size > 0 ? [...files.values()] : undefined;
  }

  private add(title: string, files: ProposedFile[]): Proposal {
    let settle: (applied: boolean) => void = () => {};
    const decided = new Promise<boolean>((resolve) => { settle = resolve; });
    const proposal: Proposal = { id: this.next++, title, files, decided, settle };
    this.proposals.unshift(proposal);
    while (this.proposals.length > MAX_PROPOSALS) {
      const old = this.proposals.pop();
      if (old) this.finish(old, 'rejected');
    }
    this.noted();
    return proposal;
  }

  // ---- looking at them

  private proposedText(uri: vscode.Uri): string {
    return this.fileOf(uri)?.file.after ?? '';
  }

  private proposedUri(proposal: Proposal, file: ProposedFile): vscode.Uri {
    // The name at the end lets VS Code pick language and title.
    return vscode.Uri.from({ scheme: kReviewScheme, path: `/${proposal.id}/${proposal.files.indexOf(file)}/${path.posix.basename(file.uri.path)}` });
  }

  private fileOf(uri: vscode.Uri): { proposal: Proposal; file: ProposedFile } | undefined {
    if (uri.scheme === kReviewScheme) {
      const [, id, index] = uri.path.split('/');
      const proposal = this.proposals.find((item) => item.id === Number(id));
      const file = proposal?.files[Number(index)];
      return proposal && file && { proposal, file };
    }
    const wanted = uri.scheme === kProposalScheme ? this.behind(uri)?.toString() : uri.toString();
    for (const proposal of this.proposals) {
      const file = proposal.files.find((item) => item.uri.toString() === wanted && item.state === 'open');
      if (file) return { proposal, file };
    }
    return undefined;
  }

  // The file that a virtual document of the server, engramd-proposal:/<id>/<path>, is proposed for.
  private behind(uri: vscode.Uri): vscode.Uri | undefined {
    const rest = uri.path.split('/').slice(2).join('/');
    if (rest === '') return undefined;
    const folders = vscode.workspace.workspaceFolders ?? [];
    const candidates = [...folders.map((folder) => vscode.Uri.joinPath(folder.uri, rest)), vscode.Uri.file(`/${rest}`)];
    const known = candidates.find((candidate) => this.proposals.some(({ files }) => files.some((file) => file.uri.toString() === candidate.toString())));
    return known ?? candidates.find((candidate) => vscode.workspace.textDocuments.some((document) => document.uri.toString() === candidate.toString())) ?? candidates[0];
  }

  async showDiff(proposal: Proposal, file: ProposedFile): Promise<void> {
    const right = this.proposedUri(proposal, file);
    const left = file.created ? vscode.Uri.from({ scheme: kReviewScheme, path: '/0/0/new file' }) : file.uri;
    await vscode.commands.executeCommand('vscode.diff', left, right, `${file.name} ↔ proposed`, { preview: true });
  }

  // window/showDocument of a virtual document of the server: beside its file.
  async showServerDocument(uri: vscode.Uri): Promise<boolean> {
    const file = this.behind(uri);
    if (!file) return false;
    await vscode.commands.executeCommand('vscode.diff', file, uri, `${relative(file)} ↔ proposed`, { preview: true });
    return true;
  }

  // Asks how to go on, with the first change on show. Ends when the user has chosen; `decided` tells what became of it.
  async present(proposal: Proposal): Promise<void> {
    const first = proposal.files.find(({ state }) => state === 'open');
    if (!first) return;
    await this.showDiff(proposal, first);
    const changes = proposal.files.reduce((sum, file) => sum + Math.max(1, file.changes.length), 0);
    const what = `${changes} ${changes === 1 ? 'change' : 'changes'} in ${proposal.files.length} ${proposal.files.length === 1 ? 'file' : 'files'}`;
    const choice = await vscode.window.showInformationMessage(`${proposal.title}: ${what}. Nothing is written yet.`, 'Choose hunks', 'Accept all', 'Discard');
    if (!proposal.files.some(({ state }) => state === 'open')) return;
    if (choice === 'Choose hunks') await this.chooseHunks(proposal);
    if (choice === 'Accept all') await this.acceptAll(proposal);
    if (choice === 'Discard') this.rejectAll(proposal);
  }

  // ---- deciding

  private async stillFits(file: ProposedFile): Promise<boolean> {
    if (file.created) return true;
    return (await textOf(file.uri))?.getText() === file.before;
  }

  private put(edit: vscode.WorkspaceEdit, file: ProposedFile, needsConfirmation: boolean): void {
    const described = ({ label, description }: Change): vscode.WorkspaceEditEntryMetadata | undefined => (needsConfirmation ? { needsConfirmation, label, description } : undefined);
    if (file.deleted) {
      edit.deleteFile(file.uri, { ignoreIfNotExists: true }, needsConfirmation ? { needsConfirmation, label: `delete ${file.name}` } : undefined);
      return;
    }
    if (file.created) {
      edit.createFile(file.uri, { contents: Buffer.from(file.after, 'utf8') }, needsConfirmation ? { needsConfirmation, label: `create ${file.name}` } : undefined);
      return;
    }
    for (const change of file.changes) edit.replace(file.uri, change.range, change.text, described(change));
  }

  // VS Code's preview of an edit: a checkbox per hunk, the diff of each beside it.
  async chooseHunks(proposal: Proposal): Promise<void> {
    const files = proposal.files.filter(({ state }) => state === 'open');
    const edit = new vscode.WorkspaceEdit();
    for (const file of files) {
      if (!(await this.stillFits(file))) return this.refuse(file);
      this.put(edit, file, true);
    }
    const applied = await vscode.workspace.applyEdit(edit);
    // Applied with no box ticked changes nothing: the texts tell, not the answer.
    for (const file of files) file.state = applied && !(await this.asBefore(file)) ? 'accepted' : 'rejected';
    this.finish(proposal);
    const first = files.find(({ state, deleted }) => state === 'accepted' && !deleted);
    if (first) await vscode.window.showTextDocument(first.uri);
  }

  private async asBefore(file: ProposedFile): Promise<boolean> {
    const text = (await textOf(file.uri))?.getText();
    return file.created ? text === undefined : text === file.before;
  }

  private refuse(file: ProposedFile): void {
    void vscode.window.showWarningMessage(`engramd: ${file.name} has changed since the proposal was made; run it again.`);
  }

  private async accept(file: ProposedFile): Promise<boolean> {
    if (file.state !== 'open') return false;
    if (!(await this.stillFits(file))) {
      this.refuse(file);
      return false;
    }
    const edit = new vscode.WorkspaceEdit();
    this.put(edit, file, false);
    if (!(await vscode.workspace.applyEdit(edit))) {
      void vscode.window.showWarningMessage(`engramd: VS Code did not apply the change of ${file.name}.`);
      return false;
    }
    file.state = 'accepted';
    this.noted();
    return true;
  }

  private async acceptAll(proposal: Proposal): Promise<void> {
    for (const file of proposal.files) {
      if (file.state === 'open' && !(await this.accept(file))) return;
    }
    this.finish(proposal);
    const last = proposal.files.find(({ deleted }) => !deleted);
    if (last) await vscode.window.showTextDocument(last.uri);
  }

  rejectAll(proposal: Proposal): void {
    this.finish(proposal, 'rejected');
  }

  private finish(proposal: Proposal, rest?: FileState): void {
    if (rest) for (const file of proposal.files) if (file.state === 'open') file.state = rest;
    if (proposal.files.some(({ state }) => state === 'open')) return;
    proposal.settle(proposal.files.some(({ state }) => state === 'accepted'));
    void this.closeDiffs(proposal);
    // The question about it, if it still stands there; it stays in the list of notifications.
    void vscode.commands.executeCommand('notifications.hideToasts');
    this.noted();
  }

  private async closeDiffs(proposal: Proposal): Promise<void> {
    const prefix = `/${proposal.id}/`;
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter(({ input }) =>
      input instanceof vscode.TabInputTextDiff && input.modified.scheme === kReviewScheme && input.modified.path.startsWith(prefix));
    if (tabs.length > 0) await vscode.window.tabGroups.close(tabs, true);
  }

  // The commands: on the diff that is on show, or on what the tree hands over.
  async decide(target: vscode.Uri | { proposal: Proposal; file: ProposedFile } | undefined, accepted: boolean): Promise<void> {
    const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
    const shown = input instanceof vscode.TabInputTextDiff ? input.modified : vscode.window.activeTextEditor?.document.uri;
    const uri = target instanceof vscode.Uri ? target : shown;
    const found = target && !(target instanceof vscode.Uri) ? target : uri && (this.fileOf(uri) ?? (shown && this.fileOf(shown)));
    if (!found) {
      void vscode.window.showInformationMessage('engramd: there is no proposal for this file.');
      return;
    }
    const { proposal, file } = found;
    if (accepted) {
      if (!(await this.accept(file))) return;
    } else {
      file.state = 'rejected';
    }
    const next = proposal.files.find(({ state }) => state === 'open');
    if (next) await this.showDiff(proposal, next);
    this.finish(proposal);
    this.noted();
    if (!next && accepted && !file.deleted) await vscode.window.showTextDocument(file.uri);
  }

  // workspace/applyEdit: the answer waits for the user only while a review is under way.
  async handleEdit(params: ApplyWorkspaceEditParams, next: () => Promise<ApplyWorkspaceEditResult>): Promise<ApplyWorkspaceEditResult> {
    const proposal = await this.fromEdit(params);
    if (!proposal) return next();
    this.offered.fire(proposal);
    void this.present(proposal);
    const applied = await proposal.decided;
    return applied ? { applied } : { applied, failureReason: 'the proposal was rejected' };
  }

  private noted(): void {
    void vscode.commands.executeCommand('setContext', 'engramd.reviewing', this.open() !== undefined);
    this.changed.fire();
  }
}
