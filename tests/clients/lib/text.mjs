// lib/text.mjs - a second, independent copy of a document, edited by the messages that pass.
//
// Positions are converted with LSP's rules (lines end at \n, \r\n or \r; columns count code units of the
// negotiated encoding). flawOf says why a position is not one of this text.
const LINE_END = /\r\n|\n|\r/g;

const unitLength = { 'utf-8': (c) => Buffer.byteLength(c, 'utf8'), 'utf-16': (c) => c.length, 'utf-32': () => 1 };

// Column (in code units) -> index into the JavaScript string; undefined inside a character, clamped at the end.
function columnToIndex(line, column, encoding) {
  let units = 0, index = 0;
  for (const character of line) {
    if (units >= column) break;
    units += unitLength[encoding](character);
    index += character.length;
  }
  return { index, exact: units === column, units };
}

export function columnOf(line, index, encoding) {
  let units = 0;
  for (const character of line.slice(0, index)) units += unitLength[encoding](character);
  return units;
}

export class TextMirror {
  constructor(text, version, encoding) {
    Object.assign(this, { text, version, encoding });
  }

  lines() {
    if (this.known !== this.text) {
      this.known = this.text;
      this.starts = [0];
      this.ends = [];
      for (const match of this.text.matchAll(LINE_END)) {
        this.ends.push(match.index);
        this.starts.push(match.index + match[0].length);
      }
      this.ends.push(this.text.length);
    }
    return this;
  }

  flawOf({ line, character }) {
    this.lines();
    // The position one line past the end, column 0, is what many servers use as "end of the file".
    if (line === this.starts.length && character === 0) return undefined;
    if (line >= this.starts.length) return `the text has ${this.starts.length} lines`;
    const content = this.text.slice(this.starts[line], this.ends[line]);
    const { exact, units } = columnToIndex(content, character, this.encoding);
    if (exact) return undefined;
    return units < character ? `the line has ${units} ${this.encoding} units` : `the column lies inside a character (${this.encoding})`;
  }

  offsetOf({ line, character }) {
    this.lines();
    if (line >= this.starts.length) return this.text.length;
    const content = this.text.slice(this.starts[line], this.ends[line]);
    return this.starts[line] + columnToIndex(content, character, this.encoding).index;
  }

  positionOf(offset) {
    this.lines();
    let line = 0;
    while (line + 1 < this.starts.length && this.starts[line + 1] <= offset) line += 1;
    const content = this.text.slice(this.starts[line], this.ends[line]);
    return { line, character: columnOf(content, Math.min(offset, this.ends[line]) - this.starts[line], this.encoding) };
  }

  change({ range, text }) {
    if (!range) this.text = text;
    else this.text = this.text.slice(0, this.offsetOf(range.start)) + text + this.text.slice(this.offsetOf(range.end));
  }
}
