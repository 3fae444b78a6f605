// client.ts - the connection: starts `engramd lsp`, restarts it with a limit, and says what to do when it cannot.
//
// Starting and stopping go one after the other, so that a restart while the first start still runs leaves one server.
import { execFile } from 'node:child_process';
import * as vscode from 'vscode';
import { CloseAction, ErrorAction, LanguageClient, State, Trace } from 'vscode-languageclient/node';
import type { DynamicFeature, LanguageClientOptions, RegistrationData, ServerOptions, StaticFeature } from 'vscode-languageclient/node';
import { findEngramd } from './binary';
import type { Found } from './binary';
import type { Reviews } from './review';
import { kAnswerScheme, kProposalScheme } from './review';
import { withoutSecrets } from './secrets';
import * as settings from './settings';
import { Siblings } from './siblings';
import type { DaemonStatus, StatusItem } from './status';

const MAX_RESTARTS = 4;
const STOP_TIMEOUT_MS = 20_000;
const RESTART_WINDOW_MS = 3 * 60 * 1000;

// Server commands that this extension offers itself, with questions first. The language client would register
// every advertised command under the same name and fail on the second registration.
const OWN_COMMANDS = new Set(['engramd.fix']);

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

interface Attachment extends Found {
  client: EngramdClient;
  siblings: Siblings;
}

export class Connection implements vscode.Disposable {
  private attachment: Attachment | undefined;
  private turn: Promise<void> = Promise.resolve();
  private readonly endTimes: number[] = [];
  status!: StatusItem;

  constructor(private readonly extensionFolder: string, private readonly output: vscode.LogOutputChannel, private readonly reviews: Reviews) {}

  private inTurn(work: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(work, work);
    return this.turn;
  }

  start(): Promise<void> { return this.inTurn(() => this.doStart()); }
  stop(): Promise<void> { return this.inTurn(() => this.doStop()); }
  // daemon: the resident process too, for all its editors.
  restart({ daemon = false } = {}): Promise<void> {
    return this.inTurn(async () => {
      const program = this.attachment?.program;
      await this.doStop();
      // Ended with 1: there was none.
      if (daemon && program) await new Promise<void>((resolve) => { execFile(program, ['stop'], { env: process.env, timeout: STOP_TIMEOUT_MS }, () => resolve()); });
      this.endTimes.length = 0;
      await this.doStart();
    });
  }

  dispose(): void { void this.stop(); }

  found(): Found | undefined { return this.attachment; }

  // The client when it is attached; otherwise the user is told, with a button.
  running(): LanguageClient | undefined {
    if (this.attachment?.client.isRunning()) return this.attachment.client;
    void vscode.window.showWarningMessage('engramd is not attached.', 'Restart', 'Show log').then((choice) => {
      if (choice === 'Restart') void this.restart();
      if (choice === 'Show log') this.output.show();
    });
    return undefined;
  }

  async askStatus(): Promise<DaemonStatus | undefined> {
    const client = this.attachment?.client;
    if (!client?.isRunning()) return undefined;
    return client.sendRequest<DaemonStatus>('workspace/executeCommand', { command: 'engramd.status', arguments: [] });
  }

  setTrace(): void {
    void this.attachment?.client.setTrace(Trace.fromString(settings.trace()));
  }

  // The settings that need no restart.
  settingsChanged(): void {
    const client = this.attachment?.client;
    if (client?.isRunning()) void client.sendNotification('workspace/didChangeConfiguration', { settings: { engramd: settings.serverSettings() } });
  }

  private missing(problem: string, remedy: string): void {
    this.output.error(`${problem} ${remedy}`);
    this.status.show('engramd is missing', `${problem}\n${remedy}`, true);
    void vscode.window.showErrorMessage(`${problem} ${remedy}`, 'Open settings', 'Try again', 'How to install').then((choice) => {
      if (choice === 'Open settings') void settings.openSettings('engramd.path');
      if (choice === 'Try again') void this.restart();
      if (choice === 'How to install') void vscode.commands.executeCommand('workbench.action.openWalkthrough', 'engramd.engramd#engramd.start', false);
    });
  }

  private async doStart(): Promise<void> {
    const found = await findEngramd(settings.program(), this.extensionFolder, process.env);
    if ('problem' in found) {
      this.missing(found.problem, found.remedy);
      return;
    }
    const model = settings.model();
    const server: ServerOptions = { command: found.program, args: ['lsp', ...(model ? ['--model', model] : [])], options: { env: process.env } };
    const client = new EngramdClient('engramd', 'engramd', server, this.clientOptions());
    const siblings = new Siblings((uri, servers) => {
      if (client.isRunning()) void client.sendNotification('engramd/siblings', { uri, servers });
    });
    this.attachment = { ...found, client, siblings };
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Running) {
        this.status.show('engramd', `engramd ${found.version} is attached (${found.program})`);
        this.status.follow();
      } else {
        this.status.stop();
        if (newState === State.Starting) this.status.show('engramd …', `engramd ${found.version} is starting`);
        else this.status.show('engramd', 'engramd is not attached', true);
      }
    });
    this.output.info(`starting ${found.program} ${withoutSecrets((server.args ?? []).join(' '))} (version ${found.version}, ${found.origin})`);
    try {
      await client.start();
      await client.setTrace(Trace.fromString(settings.trace()));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.output.error(`engramd did not start: ${reason}`);
      this.status.show('engramd', `engramd did not start: ${reason}`, true);
    }
  }

  private async doStop(): Promise<void> {
    const old = this.attachment;
    this.attachment = undefined;
    if (!old) return;
    old.siblings.dispose();
    this.status.stop();
    try {
      await old.client.dispose();
    } catch (error) {
      this.output.warn(`while stopping: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private gaveUp(): void {
    const text = `engramd ended ${this.endTimes.length} times within three minutes; it is not started again.`;
    this.output.error(text);
    void vscode.window.showErrorMessage(text, 'Restart', 'Show log').then((choice) => {
      if (choice === 'Restart') void this.restart();
      if (choice === 'Show log') this.output.show();
    });
  }

  private clientOptions(): LanguageClientOptions {
    const own = (document: vscode.TextDocument): Siblings | undefined => (document.uri.scheme === 'file' ? this.attachment?.siblings : undefined);
    return {
      documentSelector: [{ scheme: 'file' }],
      outputChannel: this.output,
      progressOnInitialization: true,
      initializationOptions: () => ({ ...settings.serverSettings() }),
      errorHandler: {
        error: (_error, _message, count) => ({ action: count !== undefined && count <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown }),
        closed: () => {
          const now = Date.now();
          this.endTimes.push(now);
          while (this.endTimes.length > 0 && this.endTimes[0] < now - RESTART_WINDOW_MS) this.endTimes.shift();
          if (this.endTimes.length <= MAX_RESTARTS) return { action: CloseAction.Restart, handled: true };
          this.gaveUp();
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
      middleware: {
        didOpen: async (document, next) => {
          await next(document);
          own(document)?.tell(document);
        },
        didClose: async (document, next) => {
          own(document)?.closed(document);
          await next(document);
        },
        provideInlineCompletionItems: (document, position, context, token, next) =>
          (settings.inlineCompletion(document) ? next(document, position, context, token) : undefined),
        workspace: {
          // The server's view of the section, not the editor's: two settings make one member.
          configuration: async (params, token, next) => {
            const answers = await next(params, token);
            if (!Array.isArray(answers)) return answers;
            return params.items.map(({ section }, index): unknown => {
              if (section === 'engramd') return settings.serverSettings();
              if (section?.startsWith('engramd.')) return (settings.serverSettings() as unknown as Record<string, unknown>)[section.slice('engramd.'.length)] ?? null;
              return answers[index];
            });
          },
          didChangeConfiguration: async () => this.settingsChanged(),
          handleApplyEdit: (params, next) => this.reviews.handleEdit(params, async () => {
            const token = new vscode.CancellationTokenSource().token;
            return await next(params, token) as { applied: boolean };
          }),
        },
        window: {
          showDocument: async (params, token, next) => {
            const uri = vscode.Uri.parse(params.uri);
            if (uri.scheme === kProposalScheme) return { success: await this.reviews.showServerDocument(uri) };
            // An explanation, in markdown.
            if (uri.scheme === kAnswerScheme) return { success: await vscode.commands.executeCommand('markdown.showPreviewToSide', uri).then(() => true, () => false) };
            return next(params, token);
          },
        },
      },
    };
  }
}
