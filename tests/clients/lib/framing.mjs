// lib/framing.mjs - Content-Length framing, read strictly. Depends on nothing, so that lib/tee.mjs can stand alone.
const MAX_HEADER_BYTES = 4096;
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

// Splits a byte stream into Content-Length frames; anything else is a problem and ends the reading.
export class FrameReader {
  constructor(onMessage, onProblem) {
    Object.assign(this, { onMessage, onProblem, buffer: Buffer.alloc(0), broken: false });
  }

  push(chunk) {
    if (this.broken) return;
    this.buffer = Buffer.concat([this.buffer, chunk]);
    for (;;) {
      const end = this.buffer.indexOf('\r\n\r\n');
      if (end < 0) {
        if (this.buffer.length > MAX_HEADER_BYTES) this.fail(`no header end within ${MAX_HEADER_BYTES} bytes: ${JSON.stringify(this.buffer.toString('latin1', 0, 80))}`);
        return;
      }
      let length;
      for (const line of this.buffer.toString('latin1', 0, end).split('\r\n')) {
        const match = /^([A-Za-z-]+): (.*)$/.exec(line);
        if (!match) return this.fail(`header line ${JSON.stringify(line.slice(0, 80))}`);
        if (match[1].toLowerCase() === 'content-length') length = /^\d+$/.test(match[2]) ? Number(match[2]) : NaN;
        else if (match[1].toLowerCase() !== 'content-type') return this.fail(`header ${match[1]}`);
      }
      if (!(length >= 0 && length <= MAX_MESSAGE_BYTES)) return this.fail(`Content-Length ${length}`);
      if (this.buffer.length < end + 4 + length) return;
      const body = this.buffer.subarray(end + 4, end + 4 + length);
      this.buffer = this.buffer.subarray(end + 4 + length);
      let message;
      try {
        message = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
      } catch (error) {
        this.onProblem(`a frame is not JSON in UTF-8 (${error.message}): ${JSON.stringify(body.toString('latin1', 0, 120))}`);
        continue;
      }
      this.onMessage(message);
    }
  }

  end() {
    if (!this.broken && this.buffer.length > 0) this.onProblem(`the stream ends inside a frame (${this.buffer.length} bytes left)`);
  }

  fail(what) {
    this.broken = true;
    this.onProblem(`not LSP framing: ${what}`);
  }
}

export const frame = (message) => {
  const body = Buffer.from(typeof message === 'string' ? message : JSON.stringify(message), 'utf8');
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`, 'latin1'), body]);
};
