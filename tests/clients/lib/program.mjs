// lib/program.mjs - an editor run to its end, killed when it does not get there; and a PATH whose engramd is the server under test.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { isOwnServer, serverCommand } from './project.mjs';

const quote = (word) => `'${word.replaceAll("'", "'\\''")}'`;

export const installed = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

export function pathWithEngramd(world) {
  const folder = path.join(world.root, 'bin');
  fs.mkdirSync(folder, { recursive: true });
  const { command, args } = serverCommand();
  const line = isOwnServer ? `exec ${quote(command)} "$@"` : `exec ${[command, ...args].map(quote).join(' ')}`;
  fs.writeFileSync(path.join(folder, 'engramd'), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  return `${folder}:${world.environment.PATH}`;
}

// Resolves with { code, said }; a group of its own, so that what it started goes with it.
export function runToEnd(command, args, { cwd, env, timeout_ms }) {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { said = (said + chunk).slice(-20_000); });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      process.kill(-child.pid, 'SIGKILL');
      reject(new Error(`${command} did not end within ${timeout_ms} ms: ${said}`));
    }, timeout_ms);
    child.on('error', (error) => { clearTimeout(timer); reject(error); });
    child.on('close', (code) => { clearTimeout(timer); resolve({ code, said }); });
  });
}
