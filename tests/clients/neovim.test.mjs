// Neovim with our plugin, driven by key strokes and commands, on a project with emoji in the line that is asked about.
// What Neovim and the server say to each other is recorded and judged afterwards.
//
// ENGRAMD_NVIM names another Neovim than the one on PATH (0.10 and 0.12 take other ways through the plugin).
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { pathWithEngramd, runToEnd } from './lib/program.mjs';
import { files, isOwnServer, makeWorld, redTest, serverCommand } from './lib/project.mjs';
import { snippets } from './lib/snippet.mjs';
import { loadSchemas } from './lib/schema.mjs';
import { SessionValidator } from './lib/validator.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const plugin = path.resolve(here, '../../editors/neovim');
const nvim = process.env.ENGRAMD_NVIM ?? 'nvim';
const DRIVE_TIMEOUT_MS = 180_000;
const STEP_TIMEOUT_MS = 20_000;

const quote = (word) => `'${word.replaceAll("'", "'\\''")}'`;

// A folder for PATH whose `engramd` is the server under test with a recorder before it.
function binaryFolder(world, log) {
  const folder = path.join(world.root, 'bin');
  fs.mkdirSync(folder);
  const { command, args } = serverCommand();
  const recorder = [process.execPath, path.join(here, 'lib/tee.mjs'), log, command, ...args].map(quote).join(' ');
  const other = isOwnServer ? `exec ${quote(command)} "$@"` : 'echo "engramd 0.0.0"';
  fs.writeFileSync(path.join(folder, 'engramd'), `#!/bin/sh\nif [ "$1" = lsp ]; then exec ${recorder}; fi\n${other}\n`, { mode: 0o755 });
  return folder;
}

function drive(world, task, environment, script = 'drive.lua') {
  const result = path.join(world.root, 'seen.json');
  const child = spawn(nvim, ['-n', '-i', 'NONE', '--headless', '--clean', '-S', path.join(here, 'neovim', script)], {
    cwd: world.project, stdio: ['ignore', 'pipe', 'pipe'], detached: true,
    env: { ...environment, ENGRAMD_NVIM_TASK: JSON.stringify({ ...task, result, plugin, nvim, project: world.project, timeout_ms: STEP_TIMEOUT_MS }) },
  });
  let said = '';
  child.stdout.on('data', (chunk) => { said = (said + chunk).slice(-20_000); });
  child.stderr.on('data', (chunk) => { said = (said + chunk).slice(-20_000); });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      process.kill(-child.pid, 'SIGKILL');
      reject(new Error(`Neovim did not finish within ${DRIVE_TIMEOUT_MS} ms: ${said}`));
    }, DRIVE_TIMEOUT_MS);
    child.on('error', (error) => { clearTimeout(timer); reject(new Error(`cannot start ${nvim}: ${error.message}; on Debian: apt-get install neovim`)); });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (!fs.existsSync(result)) return reject(new Error(`Neovim wrote no result (status ${code}): ${said}`));
      resolve({ ...JSON.parse(fs.readFileSync(result, 'utf8')), said });
    });
  });
}

// One judge per server process: a restart writes to the same file, and two may overlap.
function judgeLog(log) {
  const judges = new Map();
  for (const line of fs.readFileSync(log, 'utf8').trim().split('\n')) {
    const entry = JSON.parse(line);
    if (!judges.has(entry.process)) judges.set(entry.process, new SessionValidator(loadSchemas()));
    const judge = judges.get(entry.process);
    if (entry.problem) judge.problem(`${entry.from}: ${entry.problem}`);
    if (entry.message) judge.message(entry.from, entry.message);
  }
  // What Neovim itself does (0.7 sends some params as it likes) is not ours to judge.
  return [...judges.values()].map(({ counts, problems }) => ({ counts, problems: problems.filter((problem) => problem.startsWith('server')) }));
}

test('Neovim with the plugin and nothing but engramd on PATH', { timeout: DRIVE_TIMEOUT_MS + 60_000 }, async (t) => {
  const world = makeWorld('nvim');
  try {
    const log = path.join(world.root, 'messages.jsonl');
    const environment = { ...world.environment, PATH: `${binaryFolder(world, log)}:${world.environment.PATH}` };
    t.diagnostic(spawnSync(nvim, ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0] ?? 'no nvim');
    const file = path.join(world.project, 'app.py');
    const lines = files['app.py'].split('\n');
    const line = lines.findIndex((text) => text.includes('basket = '));
    const column = Buffer.byteLength(lines[line].slice(0, lines[line].indexOf('open_cart_for'))) + 2;   // Vim counts bytes
    const red = path.join(world.project, 'shop/discount.py');
    for (const [name, text] of Object.entries(redTest)) fs.writeFileSync(path.join(world.project, name), text);
    const seen = await drive(world, { file, line: line + 1, column, typed: 'print("total price of the cart', red, test_command: '/usr/bin/python3 -m pytest -q -p no:cacheprovider' }, environment);
    const step = (name, check, options = {}) => t.test(name, options, () => {
      const found = seen.steps.find((entry) => entry.name === name);
      assert.ok(found?.ok, `${found?.result ?? 'was not reached'}\n${seen.said}`);
      check(found.result);
    });
    const own = { skip: isOwnServer ? false : 'another server is under test' };
    const cart = files['shop/cart.py'].split('\n');
    const target = cart.findIndex((text) => text.includes('def open_cart_for'));
    const definition = `${path.join(world.project, 'shop/cart.py')}:${target + 1}:${cart[target].indexOf('open_cart_for') + 1}`;

    await step('start', ({ root }) => assert.equal(root, world.project));
    await step('symbols', (symbols) => assert.ok(symbols.some((text) => /main/.test(text)), JSON.stringify(symbols)));
    await step('hover', (text) => assert.match(text, /open_cart_for\(\s*owner/));
    await step('references', (places) => {
      assert.ok(places.includes(`${file}:${line + 1}:${column - 1}`), JSON.stringify(places));
      assert.ok(places.some((place) => place.includes('shop/report.py')), JSON.stringify(places));
    });
    await step('definition', (place) => assert.equal(place, definition));
    await step('back and CTRL-]', (place) => assert.equal(place, definition));
    await step('accept key without a suggestion', (text) => assert.match(text, /^\t.*x$|^\s+x$/));
    await step('ghost text', ({ shown, line: accepted }) => {
      assert.ok(shown.length > 0);
      assert.ok(accepted.startsWith('print("total price of the cart:"'), accepted);
    }, own);
    await step('commands', ({ names, all, some, review }) => {
      assert.deepEqual(names, ['Engram']);
      assert.deepEqual(all, ['ask', 'cancel', 'fix', 'log', 'model', 'restart', 'review', 'status']);
      assert.deepEqual(some, ['restart', 'review']);
      assert.deepEqual(review, ['accept', 'accept-all']);
    });
    await step('fix and review', ({ before, shown, disk, taken, after, written, windows, left }) => {
      const fixed = redTest['shop/discount.py'].replace('total > 100', 'total >= 100').trimEnd().split('\n');
      assert.deepEqual(before.join('\n'), redTest['shop/discount.py'].trimEnd());
      assert.equal(shown[0].name, red);
      assert.match(shown[1].name, /engramd-proposal:.*shop\/discount\.py/);
      assert.deepEqual(shown[1].lines, fixed);
      assert.deepEqual(disk, before, 'nothing is written before it is accepted');
      assert.equal(taken, '    if total >= 100:');
      assert.deepEqual(after, fixed);
      assert.deepEqual(written, fixed);
      assert.equal(windows, 1, 'the review is gone');
      assert.deepEqual(left, { open: 0, accepted: 1, rejected: 0 });
    }, own);
    await step('a code action of the server runs the agent with a review', ({ windows, tabs, line, left }) => {
      assert.deepEqual([windows, tabs, line], [2, 1, '    if total > 100:']);
      assert.deepEqual(left, { open: 0, accepted: 0, rejected: 1 });
    }, own);
    await step('a review whose file changed', (answers) => {
      assert.match(answers[0], /discount\.py has changed at line 5/);
      assert.match(answers[1], /is not below/);
      assert.match(answers[2], /the patch is empty/);
      assert.match(answers[3], /is cut off/);
      assert.deepEqual(answers.slice(4), ['ok', 'ok', 'one = 1|two = 2']);
    });
    await step('health', (text) => {
      assert.match(text, /engramd \d+\.\d+\.\d+/);
      assert.doesNotMatch(text, /ERROR/);
    });
    await step('a server that ends is started again', (id) => assert.ok(id > 0), own);
    await step('restart', (id) => assert.ok(id > 0));
    await t.test('what the server sent was valid', (t) => {
      const sessions = judgeLog(log);
      assert.equal(sessions.length, isOwnServer ? 3 : 2, 'one server after each end');
      sessions.forEach(({ counts }) => t.diagnostic(JSON.stringify(counts)));
      assert.deepEqual(sessions.flatMap(({ problems }) => problems), []);
    });
  } finally {
    world.close();
  }
});

test('Neovim without engramd says what to do, once', { timeout: 60_000 }, async () => {
  const world = makeWorld('noprog');
  try {
    // Only what the test itself needs is on PATH.
    const folder = path.join(world.root, 'bin');
    fs.mkdirSync(folder);
    const file = path.join(world.project, 'app.py');
    const script = path.join(world.root, 'missing.lua');
    fs.writeFileSync(script, `vim.opt.runtimepath:prepend(${JSON.stringify(plugin)})
local said = {}
vim.notify = function(text) table.insert(said, text) end
vim.cmd('runtime plugin/engramd.lua')
require('engramd').setup()
vim.cmd('edit ' .. ${JSON.stringify(file)})
vim.cmd('edit ' .. ${JSON.stringify(path.join(world.project, 'shop/cart.py'))})
vim.wait(200)
vim.fn.writefile({ vim.fn.json_encode(said) }, ${JSON.stringify(path.join(world.root, 'said.json'))})
vim.cmd('qall!')
`);
    const program = spawnSync('sh', ['-c', `command -v ${quote(nvim)}`], { encoding: 'utf8' }).stdout.trim();
    spawnSync(program, ['-n', '-i', 'NONE', '--headless', '--clean', '-S', script], { cwd: world.project, env: { ...world.environment, PATH: folder }, stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
    const said = JSON.parse(fs.readFileSync(path.join(world.root, 'said.json'), 'utf8'));
    assert.equal(said.length, 1, JSON.stringify(said));
    assert.match(said[0], /'engramd' is not an executable program; install engramd so that it is on PATH, or name it/);
  } finally {
    world.close();
  }
});

// What the scripted server answers, what must be on show and what must stand in the buffer after the accept key.
const ghostCases = [
  { name: 'one line', typed: 'alpha ', shown: 'beta', lines: ['alpha beta'], cursor: [1, 10] },
  { name: 'several lines', typed: 'def f():', shown: '\n    return 1', lines: ['def f():', '    return 1'], cursor: [2, 12] },
  { name: 'a range over what was typed, after an emoji', typed: '😀é pri', shown: 'nt(x)', lines: ['😀é print(x)'] },
  { name: 'a string value', typed: 'gamma ', shown: 'delta', lines: ['gamma delta'] },
  { name: 'typing along keeps the rest', typed: 'omega ', shown: 'psi chi', then_typed: 'psi', then_shown: ' chi', lines: ['omega psi chi'] },
  { name: 'no answer: the key does what the user mapped', typed: 'nothing ', lines: ['nothing [own]'] },
  { name: 'an item that contradicts the text is not shown', ours: true, typed: 'contra', lines: ['contra[own]'] },
];
const ghostScript = [
  { after: 'alpha ', items: { items: [{ insertText: 'beta' }] } },
  { after: 'def f():', items: [{ insertText: '\n    return 1' }] },
  { after: '😀é pri', items: { items: [{ insertText: 'print(x)', range: '$range:3' }] } },
  { after: 'gamma ', items: { items: [{ insertText: { kind: 'snippet', value: 'delta' } }] } },
  { after: 'omega ', items: { items: [{ insertText: 'psi chi' }] } },
  { after: 'omega psi', items: { items: [{ insertText: ' chi' }] } },
  { after: 'words ', items: [{ insertText: 'one two three' }] },
  { after: 'words one', items: [{ insertText: ' two three' }] },
  { after: 'rows:', items: [{ insertText: '\n  first\n  second' }] },
  { after: 'contra', items: { items: [{ insertText: 'something else', range: '$range:6' }] } },
  { after: 'slow', items: { items: [{ insertText: 'late' }] }, delay_ms: 2000 },
  { after: 'slow and on', items: { items: [{ insertText: ' time' }] } },
];

test('ghost text in every shape of answer', { timeout: DRIVE_TIMEOUT_MS }, async (t) => {
  const world = makeWorld('ghost');
  try {
    fs.writeFileSync(path.join(world.root, 'script.json'), JSON.stringify(ghostScript));
    const cases = [...ghostCases, { name: 'a newer keystroke cancels the older question', start: 'S', typed: 'slow', then_typed: ' and on', then_shown: ' time', lines: ['slow and on time'] }];
    const seen = await drive(world, {
      cmd: [process.execPath, path.join(here, 'lib/scripted_server.mjs'), world.root], file: path.join(world.project, 'ghost.py'), cases, own_mapping: true,
    }, world.environment, 'ghost.lua');
    assert.ok(seen.attached, seen.said);
    for (const [index, expected] of cases.entries()) {
      // What the built-in of 0.12 does with a wrong answer is Neovim's decision.
      const skip = expected.ours && seen.built_in ? 'inline completion is built into this Neovim' : false;
      await t.test(expected.name, { skip }, () => {
        const found = seen.cases[index];
        assert.equal(found.shown, expected.shown, JSON.stringify(found));
        if (expected.then_shown) assert.equal(found.then_shown, expected.then_shown);
        assert.deepEqual(found.lines, expected.lines);
        if (expected.kept) assert.equal(found.kept, expected.kept, 'the rest stays on show');
        if (expected.cursor) assert.deepEqual(found.cursor, expected.cursor);
        assert.equal(found.left, false, 'nothing is left on show after insert mode');
      });
    }
    await t.test('the older question was cancelled on the wire', () => {
      const journal = fs.readFileSync(path.join(world.root, 'requests.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
      assert.ok(journal.some(({ cancelled }) => cancelled), JSON.stringify(journal.slice(-8)));
      assert.ok(!journal.some(({ answered }) => answered?.endsWith('slow')), 'the slow answer was never needed');
      assert.deepEqual(journal.filter(({ problem }) => problem), []);
    });
  } finally {
    world.close();
  }
});

const clangd = ['clangd', 'clangd-19', 'clangd-14'].find((name) => spawnSync(name, ['--version']).status === 0);
const navigation = ['textDocument/hover', 'textDocument/definition', 'textDocument/references', 'textDocument/documentSymbol', 'workspace/symbol'];

for (const mode of ['auto', 'always']) {
  test(`clangd beside engramd, navigation ${mode}`, { timeout: DRIVE_TIMEOUT_MS, skip: !clangd ? 'clangd is not installed' : !isOwnServer && 'another server is under test' }, async () => {
    const world = makeWorld('clangd');
    try {
      fs.writeFileSync(path.join(world.project, 'compile_flags.txt'), '-std=c++17\n');
      const lines = files['src/geometry.cpp'].split('\n');
      // A line of plain letters: the two servers may count positions differently.
      const line = lines.findIndex((text) => text.includes('const Rectangle&'));
      const column = lines[line].indexOf('Rectangle&') + 3;
      const seen = await drive(world, {
        clangd, file: path.join(world.project, 'src/geometry.cpp'), line: line + 1, column, symbol: 'Rectangle', methods: navigation, lists: mode === 'auto', options: { navigation: mode, cmd: [serverCommand().command, 'lsp'] },
      }, world.environment, 'siblings.lua');
      assert.equal(seen.problem, undefined, `${seen.problem}\n${seen.said}`);
      const all = (names) => Object.fromEntries(navigation.map((method) => [method, names]));
      assert.deepEqual(seen.alone, all(['engramd']));
      assert.deepEqual(seen.reported.map(({ name }) => name), ['clangd']);
      for (const method of navigation) assert.ok(seen.reported[0].methods.includes(method), method);
      assert.deepEqual(seen.beside, all(mode === 'auto' ? ['clangd'] : ['clangd', 'engramd']));
      if (mode === 'auto') assert.equal(seen.symbols.filter((text) => /twice_the_area/.test(text)).length, 1, JSON.stringify(seen.symbols));
      assert.deepEqual(seen.after, all(['engramd']), 'when clangd has gone, engramd answers again');
    } finally {
      world.close();
    }
  });
}

test('the way of the read-me, from a clean profile', { timeout: 120_000, skip: isOwnServer ? false : 'another server is under test' }, async () => {
  const world = makeWorld('readme');
  try {
    const [commands] = snippets(path.join(plugin, 'README.md'), '');
    const environment = { ...world.environment, PATH: `${path.dirname(nvim.includes('/') ? nvim : '/usr/bin/nvim')}:${pathWithEngramd(world)}` };
    delete environment.XDG_DATA_HOME;   // ~/.local/share, as for most people
    // What a user does next, after the start: opens a file. The commands before VimEnter come too early for the plugin.
    const script = path.join(world.root, 'next.lua');
    fs.writeFileSync(script, `
      vim.cmd('silent write! ${world.root}/health.txt')
      vim.defer_fn(function()
        vim.cmd('edit app.py')
        vim.wait(15000, function() return #require('engramd').clients({ bufnr = vim.api.nvim_get_current_buf() }) > 0 end)
        vim.fn.writefile({ vim.fn.json_encode({ clients = #require('engramd').clients(), help = vim.fn.getcompletion('engramd-review', 'help') }) }, '${world.root}/seen.json')
        vim.cmd('qall!')
      end, 200)
    `);
    // The commands as they stand there, but for the place of the checkout and a screen.
    const shell = commands.replaceAll('/path/to/engramd', path.resolve(plugin, '../..')).replace('nvim +', 'nvim -n -i NONE --headless +').replace(/\n$/, ` +'luafile ${script}'\n`);
    const { said } = await runToEnd('sh', ['-ec', shell], { cwd: world.project, env: environment, timeout_ms: 60_000 });
    assert.ok(fs.existsSync(path.join(world.root, 'seen.json')), `${shell}\n${said}`);
    const seen = JSON.parse(fs.readFileSync(path.join(world.root, 'seen.json'), 'utf8'));
    assert.equal(seen.clients, 1, said);
    assert.ok(seen.help.includes('engramd-review'), 'the help tags are there');
    const health = fs.readFileSync(path.join(world.root, 'health.txt'), 'utf8');
    assert.match(health, /engramd \d+\.\d+\.\d+/);
    assert.doesNotMatch(health, /ERROR/);
  } finally {
    world.close();
    // helptags wrote beside the help file.
    fs.rmSync(path.join(plugin, 'doc/tags'), { force: true });
  }
});
