import { readFileSync, writeFileSync } from 'node:fs';

/** A place in a document, between `<!-- name -->` and `<!-- end of name -->`. */
export type Place = {
  /** Replaces what stands there by paragraphs and tables. */
  fill(parts: readonly string[]): void;
};

/** @throws if the document has no such place. */
export function findPlace(file: string, name: string): Place {
  const [from, to] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const find = () => {
    const text = readFileSync(file, 'utf8');
    const start = text.indexOf(from);
    const end = text.indexOf(to);
    if (start < 0 || end < start) throw new Error(`${file} has no place between "${from}" and "${to}"`);
    return { before: text.slice(0, start + from.length), after: text.slice(end) };
  };
  find();
  return {
    fill(parts) {
      // Read anew: a run takes an hour, in which somebody may have written on.
      const { before, after } = find();
      writeFileSync(file, `${before}\n${parts.join('\n\n')}\n${after}`);
    },
  };
}
