// patch.ts - a unified diff as hunks, and hunks put into a text. Knows nothing of VS Code.

export interface Hunk {
  // Line of the old text where it begins, counted from 0, and the lines before and after, with their line ends.
  start: number;
  before: string[];
  after: string[];
}

export interface FilePatch {
  path: string;
  created: boolean;
  deleted: boolean;
  hunks: Hunk[];
}

// git quotes names with unusual bytes as a C string.
function unquote(name: string): string {
  if (!name.startsWith('"') || !name.endsWith('"')) return name;
  const bytes: number[] = [];
  const named: Record<string, number> = { n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11 };
  const text = name.slice(1, -1);
  for (let i = 0; i < text.length; ++i) {
    if (text[i] !== '\\') {
      bytes.push(...Buffer.from(text[i]));
      continue;
    }
    const octal = /^[0-7]{3}/.exec(text.slice(i + 1))?.[0];
    if (octal) {
      bytes.push(parseInt(octal, 8));
      i += 3;
    } else {
      i += 1;
      bytes.push(named[text[i]] ?? text.charCodeAt(i));
    }
  }
  return Buffer.from(bytes).toString('utf8');
}

function nameIn(line: string): string | undefined {
  const name = unquote(line.slice(4).replace(/\t.*$/, ''));
  return name === '/dev/null' ? undefined : name.replace(/^[ab]\//, '');
}

export function readPatch(text: string): FilePatch[] {
  // What stands after the last line end is no line.
  const lines = text.replace(/\n$/, '').split('\n');
  const files: FilePatch[] = [];
  for (let i = 0; i + 1 < lines.length; ++i) {
    if (!lines[i].startsWith('--- ') || !lines[i + 1].startsWith('+++ ')) continue;
    const [from, to] = [nameIn(lines[i]), nameIn(lines[i + 1])];
    const path = to ?? from;
    i += 2;
    if (path === undefined) throw new Error('a file of the patch has no name');
    const file: FilePatch = { path, created: from === undefined, deleted: to === undefined, hunks: [] };
    for (let header = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(lines[i] ?? ''); header; header = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(lines[i] ?? '')) {
      const count = header[2] === undefined ? 1 : Number(header[2]);
      let [old, fresh] = [count, header[4] === undefined ? 1 : Number(header[4])];
      // With no old lines the number is that of the line before.
      const hunk: Hunk = { start: count === 0 ? Number(header[1]) : Number(header[1]) - 1, before: [], after: [] };
      let last: string[][] = [];
      for (i += 1; i < lines.length && (old > 0 || fresh > 0 || lines[i].startsWith('\\')); ++i) {
        const [kind, rest] = [lines[i][0] ?? ' ', `${lines[i].slice(1)}\n`];
        if (kind === '\\') {
          for (const side of last) side[side.length - 1] = side[side.length - 1].replace(/\n$/, '');
          continue;
        }
        last = kind === '-' ? [hunk.before] : kind === '+' ? [hunk.after] : [hunk.before, hunk.after];
        for (const side of last) side.push(rest);
        if (kind !== '+') old -= 1;
        if (kind !== '-') fresh -= 1;
      }
      if (old !== 0 || fresh !== 0) throw new Error(`a hunk of ${path} is cut off`);
      file.hunks.push(hunk);
    }
    i -= 1;
    files.push(file);
  }
  return files;
}

export interface Replacement {
  // Whole lines of the old text, end exclusive.
  startLine: number;
  endLine: number;
  text: string;
}

const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

// The hunks as replacements of the lines that really differ; an error text when the file no longer says what the patch expects.
export function replacementsFor(text: string, hunks: readonly Hunk[]): Replacement[] | string {
  const crlf = text.includes('\r\n') && !/(^|[^\r])\n/.test(text);
  const have = linesOf(crlf ? text.replaceAll('\r\n', '\n') : text);
  const found: Replacement[] = [];
  for (const { start, before, after } of hunks) {
    if (before.some((line, index) => have[start + index] !== line)) return `line ${start + 1} is not what the patch was made for`;
    let head = 0;
    while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
    let tail = 0;
    while (tail < before.length - head && tail < after.length - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
    const fresh = after.slice(head, after.length - tail).join('');
    found.push({ startLine: start + head, endLine: start + before.length - tail, text: crlf ? fresh.replaceAll('\n', '\r\n') : fresh });
  }
  return found;
}
