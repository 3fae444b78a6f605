// chat.ts - @engramd in VS Code's chat, where VS Code has that API: the same work as the commands, told in the chat.
import * as vscode from 'vscode';
import type { Connection } from './client';
import type { Run, Runs } from './runs';
import { indexLines, modelLine } from './status';

async function status(connection: Connection, stream: vscode.ChatResponseStream): Promise<void> {
  const now = await connection.askStatus();
  if (!now) {
    stream.markdown('engramd is not attached.');
    stream.button({ command: 'engramd.restart', title: 'Restart' });
    return;
  }
  stream.markdown(`engramd ${now.version ?? ''}\n\n- model: ${modelLine(now)}\n${indexLines(now).map((line) => `- index: ${line}\n`).join('')}`);
}

function tell(run: Run, stream: vscode.ChatResponseStream): void {
  if (run.patch) stream.markdown(`${run.state === 'in review' ? 'This is the proposal; nothing is written yet.' : `Ended: ${run.state}.`}\n\n\`\`\`\`diff\n${run.patch}\n\`\`\`\`\n`);
  else stream.markdown(`Ended: ${run.state}${run.detail ? `, ${run.detail}` : ''}.`);
  if (run.state === 'in review') stream.button({ command: 'engramd.review', title: 'Review' });
}

export function registerChat(connection: Connection, runs: Runs): vscode.Disposable | undefined {
  // Absent in older ones and in forks.
  if (!vscode.chat?.createChatParticipant) return undefined;
  const participant = vscode.chat.createChatParticipant('engramd.chat', async (request, _context, stream, token) => {
    if (request.command === 'status') return status(connection, stream);
    stream.progress('working in the sandbox');
    const text = request.prompt.trim();
    // /fix takes a test command, free text is an issue.
    const run = request.command === 'fix' ? await runs.fix(text ? { test: text } : {}) : await runs.work(text || undefined);
    if (token.isCancellationRequested) run?.cancel.cancel();
    if (run) tell(run, stream);
    else stream.markdown('Nothing was started.');
    return undefined;
  });
  participant.iconPath = new vscode.ThemeIcon('circuit-board');
  return participant;
}
