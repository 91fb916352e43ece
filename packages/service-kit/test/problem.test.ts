import express from 'express';
import supertest from 'supertest';
import { describe, expect, it } from 'vitest';
import { type ProblemDetails, sendProblem } from '../src/problem.ts';

const answerTo = (problem: ProblemDetails) =>
  supertest(express().use((_req, res) => sendProblem(res, problem))).get('/');

describe('sendProblem', () => {
  it('answers as RFC 9457 has it, never cached', async () => {
    const problem = { type: '/problems/x', title: 'X', status: 422, detail: 'Why' };
    const answer = await answerTo(problem);
    expect(answer.status).toBe(422);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['retry-after']).toBeUndefined();
    expect(answer.body).toEqual(problem);
  });

  it('says in the header too when to try again', async () => {
    const answer = await answerTo({ type: '/problems/x', title: 'X', status: 503, retryAfter: 2 });
    expect(answer.headers['retry-after']).toBe('2');
    expect(answer.body.retryAfter).toBe(2);
  });
});
