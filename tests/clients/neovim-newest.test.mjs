// The same stories as neovim.test.mjs with the newest Neovim of Debian, which brings vim.lsp.config and inline completion itself.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
process.env.ENGRAMD_NVIM = execFileSync(path.join(here, 'neovim/newest'), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
await import('./neovim.test.mjs');
