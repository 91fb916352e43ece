import { PROBLEMS } from '@hbf/contracts/problems';
import { describe, expect, it } from 'vitest';
import { PROBLEM_ADVICE } from '../../src/problem-advice.ts';
import { makeApp } from '../support/app.ts';

describe('GET /problems', () => {
  it("leads to a page for every problem, which is where the problem's type points", async () => {
    const { request } = makeApp();
    const list = await request.get('/problems').expect(200);
    for (const [name, { title, status }] of Object.entries(PROBLEMS)) {
      expect(list.text).toContain(`href="/problems/${name}"`);
      const { text } = await request.get(`/problems/${name}`).expect(200);
      expect(text).toContain(`/problems/${name}</code>, status ${status}`);
      expect(text).toContain(`<h1>${title}</h1>`);
    }
    const { body } = await request.get('/api/polls/nope');
    await request.get(body.type).expect(200);
  });

  it('uses the words of the glossary, for people: nothing is "invalid"', async () => {
    const { request } = makeApp();
    const list = await request.get('/problems');
    const pages = await Promise.all(Object.keys(PROBLEMS).map((name) => request.get(`/problems/${name}`)));
    for (const { text } of [list, ...pages]) expect(text).not.toMatch(/\b(in)?valid\b|spoiled/i);
    expect(list.text).toContain('<a href="/problems/no-voter">We do not know this browser yet</a>');
    expect(list.text).toContain('<a href="/problems/choices-refused">These choices do not fit the poll</a>');
  });

  it('has advice for each', () => {
    for (const advice of Object.values(PROBLEM_ADVICE)) expect(advice).toMatch(/^[A-Z].{20,}\.$/);
  });

  it.each(['nope', '__proto__', 'constructor', '%00'])('answers 404 for "%s"', async (name) => {
    await makeApp().request.get(`/problems/${name}`).expect(404);
  });
});
