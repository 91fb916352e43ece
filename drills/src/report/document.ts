import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Replaces what stands between `<!-- name -->` and `<!-- end of name -->` in a document, with the date.
 * @throws if the document has no such place.
 */
export function updateDocument(file: string, name: string, parts: readonly string[]): void {
  const [from, to] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const text = readFileSync(file, 'utf8');
  const start = text.indexOf(from);
  const end = text.indexOf(to);
  if (start < 0 || end < start) throw new Error(`${file} has no place between "${from}" and "${to}"`);
  const today = new Date().toISOString().slice(0, 10);
  const body = [`Run on ${today}.`, ...parts].join('\n\n');
  writeFileSync(file, `${text.slice(0, start + from.length)}\n${body}\n${text.slice(end)}`);
}
