// lib/served.mjs - an `engramd serve` over a model file, in a home of its own.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';

export const randomModel = join(process.env.ENGRAMD_SOURCE, 'tests/oracles/fixtures/qwen3moe/model.gguf');

export function privateHome() {
  const folder = mkdtempSync(join(tmpdir(), 'engramd-serve-'));
  const env = { PATH: process.env.PATH, HOME: folder };
  for (const name of ['CACHE', 'STATE', 'CONFIG']) env[`XDG_${name}_HOME`] = join(folder, name.toLowerCase());
  return { folder, env };
}

export async function serve({ model = randomModel, name = 'tiny', key = 'sk-of-this-test', context = 16384, more = [] } = {}) {
  const { folder, env } = privateHome();
  const server = spawn(process.env.ENGRAMD_BINARY,
    ['serve', '--model', model, '--name', name, '--port', '0', '--api-key', key, '--context', String(context), ...more], { env, cwd: folder });
  let said = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (piece) => (said += piece));
  await new Promise((resolve, reject) => {
    server.on('exit', (code) => reject(new Error(`engramd serve ended with ${code}: ${said}`)));
    server.stdout.on('data', () => said.includes('ready') && resolve());
  });
  const base = said.match(/http:\/\/127\.0\.0\.1:\d+/)[0];
  return {
    base, key, name,
    async stop() {
      const ended = new Promise((resolve) => server.on('exit', resolve));
      server.kill('SIGTERM');
      assert.equal(await ended, 0, 'SIGTERM is a normal end');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// A program of ours, to its end.
export function run(args, env, cwd) {
  return new Promise((resolve) => {
    const child = spawn(process.env.ENGRAMD_BINARY, args, { env, cwd });
    let stdout = '', stderr = '';
    child.stdout.on('data', (piece) => (stdout += piece));
    child.stderr.on('data', (piece) => (stderr += piece));
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
