import { PROBLEMS, type ProblemName } from '@hbf/contracts/problems';
import type { Express } from 'express';
import type { Shared } from './shared.ts';

/** The pages that a problem's `type` leads to. */
export function addProblemRoutes(app: Express, { pages }: Shared): void {
  app.get('/problems', (_req, res) => {
    res.type('html').send(pages.problems());
  });
  app.get('/problems/:name', (req, res, next) => {
    const { name } = req.params;
    if (!Object.hasOwn(PROBLEMS, name)) return next();
    res.type('html').send(pages.problem(name as ProblemName));
  });
}
