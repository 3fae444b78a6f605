// lib/snippet.mjs - the code blocks of a read-me: what is documented is what is tried.
import fs from 'node:fs';

export function snippets(file, language) {
  const text = fs.readFileSync(file, 'utf8');
  const found = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].filter(([, name]) => name === language).map(([, , code]) => code);
  if (found.length === 0) throw new Error(`${file} has no block of ${language}`);
  return found;
}
