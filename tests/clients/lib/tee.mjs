// lib/tee.mjs LOG COMMAND [ARGUMENT...] - stands between an editor and its server, passes every byte on and writes
// the messages of both sides, in order, as JSON lines { from, message, process }; broken frames as { from, problem, process }.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { FrameReader } from './framing.mjs';

const [log, command, ...args] = process.argv.slice(2);
const file = fs.openSync(log, 'a');
const write = (entry) => fs.writeSync(file, `${JSON.stringify({ ...entry, process: process.pid })}\n`);
const reader = (from) => new FrameReader((message) => write({ from, message }), (problem) => write({ from, problem }));
const fromClient = reader('client'), fromServer = reader('server');

const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
process.stdin.on('data', (chunk) => { fromClient.push(chunk); child.stdin.write(chunk); });
process.stdin.on('end', () => child.stdin.end());
child.stdin.on('error', () => {});
process.stdout.on('error', () => {});
child.stdout.on('data', (chunk) => { fromServer.push(chunk); process.stdout.write(chunk); });
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.on(signal, () => { write({ from: 'client', signal }); child.kill(signal); });
}
child.on('close', (code, signal) => {
  write({ from: 'server', exit: signal ?? code });
  process.exit(code ?? 1);
});
