// binary.ts - finds the engramd program and says, in the user's words, what to do when it is not there.
//
// Knows nothing of VS Code, so that it can be tried with plain Node.
import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import * as path from 'node:path';

const VERSION_TIMEOUT_MS = 10_000;

export interface Found {
  program: string;
  version: string;
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

// The first engramd on PATH, without asking a shell.
function onPath(environment: NodeJS.ProcessEnv): string | undefined {
  const names = process.platform === 'win32' ? ['engramd.exe'] : ['engramd'];
  for (const folder of (environment.PATH ?? '').split(path.delimiter)) {
    // An empty entry means the current folder, which is not a place to run programs from.
    if (!path.isAbsolute(folder)) continue;
    for (const name of names) {
      const file = path.join(folder, name);
      if (isProgram(file)) return file;
    }
  }
  return undefined;
}

function expandHome(file: string, environment: NodeJS.ProcessEnv): string {
  return file === '~' || file.startsWith('~/') ? path.join(environment.HOME ?? '~', file.slice(1)) : file;
}

export async function findEngramd(setting: string, environment: NodeJS.ProcessEnv): Promise<Found | Missing> {
  const wanted = expandHome(setting.trim(), environment);
  let program: string | undefined;
  if (wanted === '') {
    program = onPath(environment);
    if (!program) {
      return {
        problem: 'The engramd program was not found on PATH.',
        remedy: 'Install engramd, or put the path of the program into the setting "engramd.path".',
      };
    }
  } else {
    program = path.isAbsolute(wanted) ? wanted : undefined;
    if (!program) return { problem: `The setting "engramd.path" is "${setting}".`, remedy: 'Write an absolute path there, or leave it empty to use PATH.' };
    if (!isProgram(program)) return { problem: `"${program}" (setting "engramd.path") is not an executable file.`, remedy: 'Correct the setting, or leave it empty to use PATH.' };
  }
  const found = program;
  return new Promise((resolve) => {
    execFile(found, ['--version'], { env: environment, timeout: VERSION_TIMEOUT_MS }, (error, stdout, stderr) => {
      const version = /^engramd (\S+)/m.exec(stdout)?.[1];
      if (error || !version) {
        const said = (stderr || stdout || error?.message || '').trim().split('\n')[0];
        resolve({ problem: `"${found} --version" did not answer as engramd does: ${said}`, remedy: 'Run it in a terminal to see why; "engramd doctor" checks the installation.' });
      } else {
        resolve({ program: found, version });
      }
    });
  });
}
