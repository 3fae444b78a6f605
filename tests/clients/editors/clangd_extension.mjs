// editors/clangd_extension.mjs - an extension with the id of clangd's own, which cannot be had from npm: the real clangd behind the
// same language client. Packed into `folder`; gives the path of the .vsix.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export function packClangdExtension(folder, clangd) {
  const tools = path.join(process.env.ENGRAMD_EXTENSION_TOOLS, 'node_modules');
  const vsix = path.join(folder, 'clangd.vsix');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({
    name: 'vscode-clangd', publisher: 'llvm-vs-code-extensions', version: '0.1.0', engines: { vscode: '^1.91.0' }, main: './extension.js', license: 'Apache-2.0',
    activationEvents: ['onStartupFinished'],
  }));
  fs.writeFileSync(path.join(folder, '.vscodeignore'), 'source.cjs\n');
  fs.writeFileSync(path.join(folder, 'README.md'), 'For a test.\n');
  const source = path.join(folder, 'source.cjs');
  fs.writeFileSync(source, `
    const { LanguageClient } = require('vscode-languageclient/node');
    const client = new LanguageClient('clangd', 'clangd', { command: ${JSON.stringify(clangd)}, args: ['--background-index'] }, { documentSelector: [{ scheme: 'file', language: 'cpp' }, { scheme: 'file', language: 'c' }] });
    exports.activate = () => client.start();
    exports.deactivate = () => client.stop();
  `);
  const env = { ...process.env, NODE_PATH: tools, PATH: `${path.dirname(process.execPath)}:${process.env.PATH}` };
  execFileSync(path.join(tools, '.bin/esbuild'), [source, '--bundle', '--platform=node', '--format=cjs', '--external:vscode', `--outfile=${path.join(folder, 'extension.js')}`], { env, stdio: 'pipe' });
  execFileSync(path.join(tools, '.bin/vsce'), ['package', '--no-dependencies', '--allow-missing-repository', '--skip-license', '--out', vsix], { cwd: folder, env, stdio: 'pipe' });
  return vsix;
}
