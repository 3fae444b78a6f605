// binary.ts - finds the engramd program and says, in the user's words, what to do when it is not there.
//
// The setting wins; then the program this extension was packed with; then PATH.
// Knows nothing of VS Code, so that it can be tried with plain Node.
import { execFile } from 'node:child_process';
import { accessSync, chmodSync, constants, statSync } from 'node:fs';
import * as path from 'node:path';

const VERSION_TIMEOUT_MS = 10_000;

export interface Found {
  program: string;
  version: string;
  origin: 'setting' | 'bundled' | 'path';
}

export interface Missing {
  problem: string;
  remedy: string;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

const kName = process.platform === 'win32' ? 'engramd.exe' : 'engramd';

// The first engramd on PATH, without asking a shell.
function onPath(environment: NodeJS.ProcessEnv): string | undefined {
  for (const folder of (environment.PATH ?? '').split(path.delimiter)) {
    // An empty entry means the current folder, which is not a place to run programs from.
    if (!path.isAbsolute(folder)) continue;
    const file = path.join(folder, kName);
    if (isProgram(file)) return file;
  }
  return undefined;
}

// What the per-platform package carries: server/bin/engramd, a start script, beside server/lib with what it runs.
function bundled(extensionFolder: string): string | undefined {
  const file = path.join(extensionFolder, 'server', 'bin', kName);
  // Not every way of unpacking a .vsix keeps the executable bits.
  for (const program of [file, path.join(extensionFolder, 'server', 'lib', kName), path.join(extensionFolder, 'server', 'lib', 'ld-linux-x86-64.so.2')]) {
    try {
      if (statSync(program).isFile() && !isProgram(program)) chmodSync(program, 0o755);
    } catch {
      // Absent, as in the package without a program; or not ours to change, and then starting it says so.
    }
  }
  return isProgram(file) ? file : undefined;
}

function expandHome(file: string, environment: NodeJS.ProcessEnv): string {
  return file === '~' || file.startsWith('~/') ? path.join(environment.HOME ?? '~', file.slice(1)) : file;
}

export async function findEngramd(setting: string, extensionFolder: string, environment: NodeJS.ProcessEnv): Promise<Found | Missing> {
  const wanted = expandHome(setting.trim(), environment);
  let program: string | undefined;
  let origin: Found['origin'] = 'setting';
  if (wanted === '') {
    program = bundled(extensionFolder);
    origin = program ? 'bundled' : 'path';
    program ??= onPath(environment);
    if (!program) {
      return {
        problem: 'The engramd program was not found on PATH.',
        remedy: 'Install engramd, or the extension package that carries it, or put the path of the program into the setting "engramd.path".',
      };
    }
  } else {
    if (!path.isAbsolute(wanted)) return { problem: `The setting "engramd.path" is "${setting}".`, remedy: 'Write an absolute path there, or leave it empty.' };
    if (!isProgram(wanted)) return { problem: `"${wanted}" (setting "engramd.path") is not an executable file.`, remedy: 'Correct the setting, or leave it empty.' };
    program = wanted;
  }
  const found = program;
  return new Promise((resolve) => {
    execFile(found, ['--version'], { env: environment, timeout: VERSION_TIMEOUT_MS }, (error, stdout, stderr) => {
      const version = /^engramd (\S+)/m.exec(stdout)?.[1];
      if (error || !version) {
        const said = (stderr || stdout || error?.message || '').trim().split('\n')[0];
        resolve({ problem: `"${found} --version" did not answer as engramd does: ${said}`, remedy: 'Run it in a terminal to see why; "engramd doctor" checks the installation.' });
      } else {
        resolve({ program: found, version, origin });
      }
    });
  });
}
