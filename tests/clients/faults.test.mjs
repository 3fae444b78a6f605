// `engramd fix` and `engramd doctor` against an endpoint that drops, delays, refuses, cuts and lies, behind proxies and a
// certificate authority of its own. The recorded turns are the loop's; what is tested is the way to them.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import * as faults from './lib/fault_server.mjs';
import { privateHome, run } from './lib/served.mjs';

const fixtures = join(process.env.ENGRAMD_SOURCE, 'tests/fixtures/agent/loop');
const turns = readFileSync(join(fixtures, 'transcript.jsonl'), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const ready = { content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'ready', arguments: '{}' } }] };
const key = 'sk-the-key-that-must-not-be-seen';
let home;

before(() => (home = privateHome()));
after(() => rmSync(home.folder, { recursive: true, force: true }));

async function fix(server, more = []) {
  const folder = mkdtempSync(join(tmpdir(), 'engramd-faults-'));
  try {
    cpSync(join(fixtures, 'project'), join(folder, 'project'), { recursive: true });
    const result = await run(['fix', '--repo', join(folder, 'project'), '--test', '/usr/bin/python3 -m pytest -q', '--issue', 'counts once',
      '--model', `${server.url}#m`, '--trajectory', join(folder, 'run.json'), '--json', ...more], { ...home.env, OPENAI_API_KEY: key });
    assert.ok(!(result.stdout + result.stderr).includes(key));
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// One line of doctor: the endpoint's. The round trip asks for one call of one tool.
async function doctor(url, env = {}) {
  const result = await run(['doctor', '--model', `${url}#m`, '--json'], { ...home.env, OPENAI_API_KEY: key, ...env });
  const finding = JSON.parse(result.stdout).checks.find((check) => check.part === 'endpoint');
  assert.ok(finding, result.stdout);
  assert.ok(!result.stdout.includes(key));
  return finding;
}

test('a run goes through drops, limits, errors, cut and slow streams', async (t) => {
  const good = (body, options) => faults.answer(faults.turnOf(turns, body), options);
  const plan = [
    () => faults.drop(),
    () => faults.status(429, { error: { message: 'slow down' } }, { 'retry-after': '0' }),
    (body) => good(body, { piece: 1 }),
    () => faults.status(503, '<html>bad gateway</html>'),
    (body) => faults.breakOff(faults.turnOf(turns, body)),
    (body) => good(body, { piece: 7 }),
    (body) => faults.truncate(faults.turnOf(turns, body)),
    (body) => faults.whole(faults.turnOf(turns, body)),
    () => faults.status(500, { error: 'x' }, { 'retry-after-ms': '1' }),
    (body) => good(body),
    (body) => good(body),
  ];
  const server = await faults.faultServer({ plan: (body, n) => plan[n](body) });
  t.after(server.stop);
  const result = await fix(server);
  assert.equal(result.code, 0, result.stdout + result.stderr);
  assert.equal(JSON.parse(result.stdout).state, 'resolved');
  assert.equal(server.requests.length, plan.length);
  for (const { headers } of server.requests) assert.equal(headers.authorization, `Bearer ${key}`);
});

test('a round trip that works, and the one line for each way in which it does not', async (t) => {
  let step = faults.answer(ready);
  const server = await faults.faultServer({ plan: () => step });
  t.after(server.stop);
  let finding = await doctor(server.url);
  assert.equal(finding.verdict, 'ok', finding.text);
  assert.match(finding.text, /and calls tools/);

  step = faults.answer({ content: 'I am ready.' });
  finding = await doctor(server.url);
  assert.equal(finding.verdict, 'weak');
  assert.match(finding.remedy, /calls tools/);

  // A server that has no parser for the model's calls.
  step = faults.answer({ content: '<tool_call>\n{"name": "ready", "arguments": {}}\n</tool_call>' });
  assert.equal((await doctor(server.url)).verdict, 'ok');

  const cases = [
    [faults.status(401), /key in \$OPENAI_API_KEY was refused/],
    [faults.status(404, { error: { message: 'no model m' } }), /is there a model "m"/],
    [faults.status(404, '<html>lost</html>'), /mostly ends in \/v1/],
    [faults.status(200, '<html>log in</html>'), /a web page came in place of a reply/],
    [faults.status(400, { error: { message: 'context_length_exceeded' } }), /context_length_exceeded/],
    [faults.status(302, '', { location: 'https://elsewhere/v1' }), /moved to https:\/\/elsewhere/],
  ];
  for (const [fault, says] of cases) {
    step = fault;
    finding = await doctor(server.url);
    assert.equal(finding.verdict, 'BAD', finding.text);
    assert.match(finding.text, says);
    assert.ok(finding.remedy, 'a remedy');
  }
  const other = await run(['doctor', '--model', `${server.url}#other`], home.env);
  assert.equal(other.code, 3);
  assert.match(other.stdout, /has no model "other"[^]*-> choose one of: m/);
});

test('a server that falls silent is left after the time that was set', async (t) => {
  const server = await faults.faultServer({ plan: () => faults.silence() });
  t.after(server.stop);
  const config = join(home.folder, 'quick', 'engramd');
  execFileSync('mkdir', ['-p', config]);
  writeFileSync(join(config, 'config.toml'), 'agent.timeout_seconds = 1\n');
  const started = Date.now();
  const result = await run(['doctor', '--model', `${server.url}#m`, '--json'], { ...home.env, XDG_CONFIG_HOME: join(home.folder, 'quick') });
  const finding = JSON.parse(result.stdout).checks.find((check) => check.part === 'endpoint');
  assert.equal(finding.verdict, 'BAD');
  assert.match(finding.text, /no answer within 1 s/);
  assert.match(finding.text, /after 5 tries/);
  assert.ok(Date.now() - started < 60_000);
});

// A proxy that knows where "models.test" is; `used` counts, `auth` is demanded when given.
async function proxyTo(port, auth) {
  const used = { connect: 0, plain: 0 };
  const allowed = (request) => !auth || request.headers['proxy-authorization'] === `Basic ${Buffer.from(auth).toString('base64')}`;
  const server = http.createServer((request, response) => {
    if (!allowed(request)) return response.writeHead(407).end();
    ++used.plain;
    const { pathname } = new URL(request.url);
    request.pipe(http.request({ host: '127.0.0.1', port, method: request.method, path: pathname, headers: request.headers },
      (answered) => { response.writeHead(answered.statusCode, answered.headers); answered.pipe(response); }));
  });
  server.on('connect', (request, socket) => {
    socket.on('error', () => {});
    if (!allowed(request)) return socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    ++used.connect;
    const upstream = net.connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { used, at: `127.0.0.1:${server.address().port}`, stop: () => { server.closeAllConnections(); server.close(); } };
}

test('proxies by environment: plain, tunnelled, with a name and key, and left out by NO_PROXY', async (t) => {
  const server = await faults.faultServer({ plan: () => faults.answer(ready) });
  t.after(server.stop);
  const proxy = await proxyTo(server.port, 'me:s3cret/x');
  t.after(proxy.stop);
  const url = `http://models.test:${server.port}/v1`;
  const named = `http://me:s3cret%2Fx@${proxy.at}`;
  let finding = await doctor(url, { HTTP_PROXY: named });
  assert.equal(finding.verdict, 'ok', finding.text);
  assert.ok(proxy.used.plain >= 2);
  finding = await doctor(url, { http_proxy: `http://me:wrong@${proxy.at}` });
  assert.equal(finding.verdict, 'BAD');
  assert.ok(!finding.text.includes('wrong'), finding.text);
  assert.match(finding.text, /407/);
  const before = proxy.used.plain;
  for (const no_proxy of ['models.test', '.test', `models.test:${server.port}`, '*'])
    assert.equal((await doctor(url, { HTTP_PROXY: named, NO_PROXY: `example.com, ${no_proxy}` })).verdict, 'BAD', 'nobody else knows the name');
  assert.equal(proxy.used.plain, before);
});

test('a private certificate authority, directly and through a tunnel', async (t) => {
  const folder = home.folder;
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  try {
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=a private authority');
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=models.test');
    writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:models.test,IP:127.0.0.1');
    openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'server.pem', '-days', '2', '-extfile', 'names');
  } catch (error) {
    return t.skip(`openssl's program is missing (${error.code ?? error.message})`);
  }
  const tls = { key: readFileSync(join(folder, 'server.key')), cert: readFileSync(join(folder, 'server.pem')) };
  const server = await faults.faultServer({ plan: () => faults.answer(ready), tls });
  t.after(server.stop);
  const ca = join(folder, 'ca.pem');
  let finding = await doctor(server.url);
  assert.equal(finding.verdict, 'BAD');
  assert.match(finding.text, /is not trusted .*net\.ca_file/);
  assert.equal((await doctor(server.url, { SSL_CERT_FILE: ca })).verdict, 'ok');
  assert.equal((await doctor(server.url, { ENGRAMD_CA_FILE: ca })).verdict, 'ok');
  finding = await doctor(server.url, { ENGRAMD_CA_FILE: join(folder, 'names') });
  assert.match(finding.text, /net\.ca_file .*names cannot be read/);

  const proxy = await proxyTo(server.port);
  t.after(proxy.stop);
  const url = `https://models.test:${server.port}/v1`;
  finding = await doctor(url, { SSL_CERT_FILE: ca, HTTPS_PROXY: `http://${proxy.at}` });
  assert.equal(finding.verdict, 'ok', finding.text);
  assert.ok(proxy.used.connect >= 2 && proxy.used.plain === 0, 'through a tunnel');
  // A name that the certificate does not have.
  finding = await doctor(`https://other.test:${server.port}/v1`, { SSL_CERT_FILE: ca, HTTPS_PROXY: `http://${proxy.at}` });
  assert.equal(finding.verdict, 'BAD');
  assert.match(finding.text, /not trusted/);
});
