// Module hooks (node:module register): apply the mutations of mutation.ts to the sources as they are loaded.
let mutations = [];

export function initialize(data) {
  mutations = data;
}

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  const mine = mutations.filter(({ file }) => url.endsWith(`/${file}`));
  if (mine.length === 0) return loaded;
  let source = String(loaded.source);
  for (const { file, find, replace } of mine) {
    if (!source.includes(find)) throw new Error(`mutation: ${file} does not contain: ${find}`);
    source = source.replace(find, () => replace);
  }
  return { ...loaded, source };
}
