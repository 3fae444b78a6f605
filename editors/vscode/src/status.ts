// status.ts - the status item: model, index and memory, as the daemon reports them.
import * as vscode from 'vscode';

const POLL_MS = 5_000;

// The part of engramd.status that is shown; docs/lsp-extensions.md has all of it. Members may be missing in older servers.
export interface DaemonStatus {
  version?: string;
  uptime_s?: number;
  workspaces?: { root: string; complete: boolean; working: boolean; progress_done: number; progress_total: number; files: number; lines: number; symbols: number }[];
  memory?: { resident_bytes?: number };
  model?: { loaded: boolean; problem?: string; name?: string; architecture?: string; kernels?: string; file_bytes?: number; parameters?: number };
  attachments?: unknown[];
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
const count = (value: number): string => value.toLocaleString('en-US');

export function modelLine({ model }: DaemonStatus): string {
  if (!model) return 'unknown';
  if (model.problem) return model.problem;
  if (!model.loaded) return 'loaded with the first completion';
  const size = model.file_bytes ? `, ${megabytes(model.file_bytes)}` : '';
  return `${model.name || model.architecture || 'a local model'}${size}${model.kernels ? `, ${model.kernels} kernels` : ''}`;
}

export function indexLines({ workspaces = [] }: DaemonStatus): string[] {
  return workspaces.map(({ root, working, complete, progress_done: done, progress_total: total, files, lines, symbols }) => {
    const name = root.split('/').at(-1) || root;
    if (working && !complete) return `${name}: indexing, ${count(done)} of ${count(total)} files`;
    return `${name}: ${count(files)} files, ${count(lines)} lines, ${count(symbols)} symbols${complete ? '' : ', not complete'}`;
  });
}

export class StatusItem implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private timer: NodeJS.Timeout | undefined;
  private asking = false;

  // ask: the daemon's status, or undefined while nothing is attached.
  constructor(private readonly ask: () => Promise<DaemonStatus | undefined>) {
    this.item = vscode.window.createStatusBarItem('engramd.status', vscode.StatusBarAlignment.Right, 50);
    this.item.name = 'engramd';
    this.item.command = 'engramd.menu';
  }

  show(text: string, tooltip: string, warning = false): void {
    this.item.text = `$(${warning ? 'warning' : 'circuit-board'}) ${text}`;
    this.item.tooltip = tooltip;
    this.item.accessibilityInformation = { label: tooltip };
    this.item.backgroundColor = warning ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
    this.item.show();
  }

  // Attached: from now on the daemon is asked now and then, while this window is looked at.
  follow(): void {
    this.stop();
    void this.refresh();
    this.timer = setInterval(() => {
      if (vscode.window.state.focused) void this.refresh();
    }, POLL_MS);
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = undefined;
  }

  async refresh(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const status = await this.ask();
      if (status) this.render(status);
    } catch {
      // The state of the connection is shown by whoever owns it.
    } finally {
      this.asking = false;
    }
  }

  private render(status: DaemonStatus): void {
    const busy = status.workspaces?.find(({ working, complete }) => working && !complete);
    const percent = busy && busy.progress_total > 0 ? ` ${Math.floor((100 * busy.progress_done) / busy.progress_total)} %` : '';
    const problem = status.model?.problem;
    this.item.text = busy ? `$(sync~spin) engramd${percent}` : `$(${problem ? 'warning' : 'circuit-board'}) engramd`;
    const text = new vscode.MarkdownString(undefined, true);
    text.appendMarkdown(`**engramd** ${status.version ?? ''}\n\n`);
    const row = (name: string, value: string): void => { text.appendMarkdown(`${name}: `).appendText(value).appendMarkdown('  \n'); };
    row('Model', modelLine(status));
    for (const line of indexLines(status)) row('Index', line);
    if (status.memory?.resident_bytes) row('Memory', megabytes(status.memory.resident_bytes));
    this.item.tooltip = text;
    this.item.backgroundColor = undefined;
    this.item.accessibilityInformation = { label: busy ? `engramd is indexing${percent}` : 'engramd is ready' };
    this.item.show();
  }

  dispose(): void {
    this.stop();
    this.item.dispose();
  }
}
