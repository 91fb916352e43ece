import { parser } from '@prometheus-io/lezer-promql';

/** What an expression asks for: each metric with its labels, as it is written there, once. */
export function selectorsIn(expr: string): string[] {
  const found = new Set<string>();
  parser.parse(expr).iterate({
    enter({ name, from, to }) {
      if (name === 'VectorSelector') found.add(expr.slice(from, to));
    },
  });
  return [...found];
}

/** The expression with one condition less each time: of each `and`, `or` and `unless` first the one side alone, then the other. */
export function withoutConditions(expr: string): string[] {
  const fewer: string[] = [];
  parser.parse(expr).iterate({
    enter({ name, from, to, node }) {
      if (name !== 'BinaryExpr') return;
      if (!['And', 'Or', 'Unless'].some((operator) => node.getChild(operator))) return;
      for (const side of [node.firstChild!, node.lastChild!])
        fewer.push(expr.slice(0, from) + expr.slice(side.from, side.to) + expr.slice(to));
    },
  });
  return fewer;
}
