/** How many of some items, sorted by time, come no later than a moment. Looks at few of them. */
export function countUpTo<Item>(
  items: readonly Item[],
  moment: number,
  timeOf: (item: Item) => number,
): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeOf(items[middle]!) <= moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Groups items by a key, in their order. */
export function groupBy<Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
