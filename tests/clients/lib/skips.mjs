// lib/skips.mjs - a node:test reporter that writes one line per skipped test, for the count at the end of scripts/check.
export default async function* skips(source) {
  for await (const { type, data } of source) {
    if ((type === 'test:pass' || type === 'test:fail') && data.skip !== undefined) yield `clients: ${data.name}: ${data.skip === true ? 'skipped' : data.skip}\n`;
  }
}
