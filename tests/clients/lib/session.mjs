// lib/session.mjs - one language server process with the real VS Code wire layer on top and a judge in between.
//
//   const session = await Session.start({ command, args, cwd, environment, judge });
//   const answer = await session.request('textDocument/hover', params);      // through vscode-languageserver-protocol
//   session.notify('textDocument/didOpen', params);
//   session.writeRaw(Buffer)                                                  // for broken input
//   const { code } = await session.exited(timeout_ms)
//
// Both directions are parsed from the bytes on the pipe, before vscode-jsonrpc sees them, so its leniency hides nothing.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { FrameReader, frame } from './framing.mjs';
import { require } from './schema.mjs';

const MAX_STDERR_BYTES = 64 * 1024;
export const ANSWER_TIMEOUT_MS = Number(process.env.ENGRAMD_CLIENT_TIMEOUT_MS ?? 60_000);

// Fresh XDG folders, so that a run neither sees nor leaves anything of the user's; the daemon's socket lives there too.
export function privateEnvironment(name) {
  // Short, because a Unix socket path has 107 bytes.
  const root = fs.mkdtempSync(path.join(os.tmpdir(), `ec-${name.slice(0, 8)}-`));
  const environment = { ...process.env, HOME: path.join(root, 'home') };
  for (const [variable, folder] of Object.entries({ XDG_CONFIG_HOME: 'c', XDG_CACHE_HOME: 'k', XDG_STATE_HOME: 's', XDG_DATA_HOME: 'd', XDG_RUNTIME_DIR: 'r' })) {
    environment[variable] = path.join(root, folder);
  }
  for (const folder of ['home', 'c', 'k', 's', 'd', 'r']) fs.mkdirSync(path.join(root, folder), { mode: 0o700 });
  for (const variable of Object.keys(environment)) {
    if (variable.startsWith('ENGRAMD_') && variable !== 'ENGRAMD_STRICT') delete environment[variable];
  }
  return { root, environment };
}

export class Session {
  static async start(options) {
    const session = new Session(options);
    await session.spawned;
    return session;
  }

  constructor({ command, args = [], cwd, environment, judge, log }) {
    const { createProtocolConnection, StreamMessageReader, StreamMessageWriter } = require('vscode-languageserver-protocol/node');
    this.judge = judge;
    this.log = log ? fs.createWriteStream(log) : undefined;
    this.stderr = '';
    this.serverMessages = [];
    this.child = spawn(command, args, { cwd, env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
    this.spawned = new Promise((resolve, reject) => {
      this.child.once('spawn', resolve);
      this.child.once('error', (error) => reject(new Error(`cannot start ${command}: ${error.message}`)));
    });
    this.ended = new Promise((resolve) => this.child.once('close', (code, signal) => {
      incoming.end();
      this.judge?.exit({ code: signal ?? code });
      this.log?.end();
      resolve({ code, signal });
    }));
    const problem = (side) => (text) => this.judge?.problem(`${side}: ${text}`);
    const seen = (side) => (message) => {
      this.log?.write(`${JSON.stringify({ from: side, message })}\n`);
      if (side === 'server') this.serverMessages.push(message);
      this.judge?.message(side, message);
    };
    const incoming = new FrameReader(seen('server'), problem('server'));
    const outgoing = new FrameReader(seen('client'), problem('client'));
    const toClient = new PassThrough(), toServer = new PassThrough();
    // The judge first: an answer is judged before anyone can react to it.
    this.child.stdout.on('data', (chunk) => { incoming.push(chunk); toClient.write(chunk); });
    this.child.stdout.on('end', () => toClient.end());
    toServer.on('data', (chunk) => { outgoing.push(chunk); this.child.stdin.write(chunk); });
    this.child.stdin.on('error', () => {});   // the server may be gone; its exit status says so
    this.child.stderr.on('data', (chunk) => { this.stderr = (this.stderr + chunk).slice(-MAX_STDERR_BYTES); });
    this.connection = createProtocolConnection(new StreamMessageReader(toClient), new StreamMessageWriter(toServer));
    this.connection.onError(() => {});
    this.connection.onRequest('window/workDoneProgress/create', () => null);
    this.connection.onRequest('client/registerCapability', () => null);
    this.connection.onRequest('client/unregisterCapability', () => null);
    this.connection.onRequest('workspace/configuration', ({ items }) => items.map(() => null));
    this.connection.onRequest('workspace/workspaceFolders', () => this.folders ?? null);
    this.connection.listen();
  }

  // token: a CancellationToken of vscode-jsonrpc.
  request(method, params, token) {
    // By bare name, "no parameters" would go out as an empty array.
    const type = params === undefined ? new (require('vscode-jsonrpc').RequestType0)(method) : method;
    // A trailing undefined would count as one more positional parameter.
    const asked = this.connection.sendRequest(...[type, params, token].filter((part) => part !== undefined));
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${method}: no answer within ${ANSWER_TIMEOUT_MS} ms; stderr: ${this.stderr.slice(-2000)}`)), ANSWER_TIMEOUT_MS);
    });
    return Promise.race([asked, late]).finally(() => clearTimeout(timer));
  }

  async notify(method, params) {
    if (params !== undefined) return this.connection.sendNotification(method, params);
    return this.connection.sendNotification(new (require('vscode-jsonrpc').NotificationType0)(method));
  }

  writeRaw(bytes) { this.child.stdin.write(bytes); }

  // Writes a message that vscode-jsonrpc would not, and lets the judge see it.
  writeMessage(message) {
    this.log?.write(`${JSON.stringify({ from: 'client', message })}\n`);
    this.judge?.message('client', message);
    this.child.stdin.write(frame(message));
  }

  // The first message from the server, old or new, that the predicate accepts.
  async waitFor(predicate, what, timeout_ms = ANSWER_TIMEOUT_MS) {
    const deadline = Date.now() + timeout_ms;
    for (;;) {
      const found = this.serverMessages.find(predicate);
      if (found) return found;
      if (Date.now() > deadline) throw new Error(`${what}: nothing within ${timeout_ms} ms; stderr: ${this.stderr.slice(-2000)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async exited(timeout_ms = 15_000) {
    let timer;
    const late = new Promise((resolve) => { timer = setTimeout(() => resolve(undefined), timeout_ms); });
    const result = await Promise.race([this.ended, late]);
    clearTimeout(timer);
    if (result) return result;
    this.child.kill('SIGKILL');
    throw new Error(`the server still runs ${timeout_ms} ms after it should have ended; stderr: ${this.stderr.slice(-2000)}`);
  }

  async shutDown() {
    const answer = await this.request('shutdown');
    await this.notify('exit');
    return { answer, ...(await this.exited()) };
  }

  kill() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    this.connection.dispose();
  }
}
