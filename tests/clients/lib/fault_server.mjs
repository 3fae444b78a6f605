// lib/fault_server.mjs - an OpenAI-compatible endpoint that misbehaves as it is told.
//
// A plan is a list of steps, one for each POST; each is a function of (response, body, server). The helpers below make the usual ones.
// A step of the conversation is answered by the turn that the assistant's messages so far say, so that retries get the same answer.
import http from 'node:http';
import https from 'node:https';

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The events of a streamed turn, as bytes.
export function streamOf(turn, { usage = { prompt_tokens: 100, completion_tokens: 10 }, done = true } = {}) {
  const event = (value) => `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', model: 'm', ...value })}\n\n`;
  const delta = (value, finish_reason = null) => event({ choices: [{ index: 0, delta: value, finish_reason }] });
  let out = delta({ role: 'assistant', content: turn.content || null });
  (turn.tool_calls ?? []).forEach((call, index) => {
    const { name, arguments: text } = call.function;
    out += delta({ tool_calls: [{ index, id: call.id, type: 'function', function: { name, arguments: '' } }] });
    for (let i = 0; i < text.length; i += 40) out += delta({ tool_calls: [{ index, function: { arguments: text.slice(i, i + 40) } }] });
  });
  if (!done) return Buffer.from(out);
  out += delta({}, turn.tool_calls?.length ? 'tool_calls' : 'stop') + event({ choices: [], usage }) + 'data: [DONE]\n\n';
  return Buffer.from(out);
}

const begin = (response) => response.writeHead(200, { 'content-type': 'text/event-stream' });

// Answers with the turn; `piece` bytes at a time, `ms` apart, so that characters and lines are cut.
export const answer = (turn, { piece = 0, ms = 1 } = {}) => async (response) => {
  begin(response);
  const bytes = streamOf(turn);
  if (piece === 0) return response.end(bytes);
  for (let i = 0; i < bytes.length; i += piece) {
    response.write(bytes.subarray(i, i + piece));
    if (i / piece % 50 === 0) await pause(ms);
  }
  response.end();
};
export const whole = (turn) => (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ choices: [{ index: 0, message: turn, finish_reason: null }], usage: { prompt_tokens: 100, completion_tokens: 10 } }));
};
export const status = (code, body = { error: { message: `status ${code}` } }, headers = {}) => (response) => {
  response.writeHead(code, { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
};
// The connection goes before anything was answered, or in the middle of the answer.
export const drop = () => (response) => response.socket.destroy();
export const breakOff = (turn, at = 0.5) => async (response) => {
  begin(response);
  const bytes = streamOf(turn);
  response.write(bytes.subarray(0, Math.floor(bytes.length * at)));
  await pause(30);
  response.socket.destroy();
};
// Ends as if all was said, without an end.
export const truncate = (turn) => (response) => {
  begin(response);
  response.end(streamOf(turn, { done: false }));
};
export const silence = () => (response) => begin(response);

// { url, port, requests, stop }. `plan(body, n)` gives the step for the n-th POST; GETs get `models`.
export async function faultServer({ plan, models = ['m'], tls = null }) {
  const requests = [];
  const handler = (request, response) => {
    let text = '';
    request.on('data', (piece) => (text += piece));
    request.on('end', async () => {
      if (request.method === 'GET') return status(200, { data: models.map((id) => ({ id })) })(response);
      const body = JSON.parse(text);
      requests.push({ path: request.url, headers: request.headers, body });
      await plan(body, requests.length - 1)(response, body);
    });
    request.on('error', () => {});
    response.on('error', () => {});
  };
  const server = tls ? https.createServer(tls, handler) : http.createServer(handler);
  server.on('tlsClientError', () => {});
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return {
    requests, port, url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/v1`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const turnOf = (turns, body) => turns[body.messages.filter((message) => message.role === 'assistant').length];
