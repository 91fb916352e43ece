import { PROBLEMS, type Problem, type ProblemName, problemType } from '@hbf/contracts/problems';
import { expect } from 'vitest';
import { header, type RawResponse } from './raw-http.ts';

/** What is said without a word to what is no HTTP, or too much of it, before the service looks at it. */
const WITHOUT_A_WORD = [400, 408, 413, 417, 431];

/** What would tell an attacker how a service is built. */
const LEAKS = /node_modules|\bat .*:\d+:\d+|\.js:\d|\.ts:\d|express|node\/|ECONN|redis|postgres/i;

/**
 * Fails unless an answer is one that docs/api.md has: no 5xx but a 503 that tells the truth, and where it is a refusal a
 * problem, a page in words or the parser's bare one.
 * @param method of the request: the answer to a HEAD has no body to be judged.
 * @returns the problem's name, if it is one.
 */
export function expectDocumented(response: RawResponse, method = 'GET'): ProblemName | undefined {
  const { status, body } = response;
  const about = `${status} ${body.slice(0, 300)}`;
  if (status >= 500) {
    expect(status, about).toBe(503);
    expect(header(response, 'retry-after'), about).toMatch(/^\d+$/);
  }
  if (status < 400 || method === 'HEAD') return undefined;
  expect(body, about).not.toMatch(LEAKS);
  const type = header(response, 'content-type');
  if (type?.startsWith('application/problem+json')) return problemOf(response);
  if (type === 'text/html; charset=utf-8') {
    expect(body, about).toMatch(/<h1[^>]*>[^<]{5,}<\/h1>/);
    expect(Object.values(PROBLEMS).map((problem) => problem.status)).toContain(status);
    return undefined;
  }
  // Socket.IO refuses in its own words.
  if (type === 'application/json') {
    expect([400, 403], about).toContain(status);
    expect(JSON.parse(body)).toEqual({ code: expect.any(Number), message: expect.any(String) });
    return undefined;
  }
  expect(body, about).toBe('');
  expect(WITHOUT_A_WORD, about).toContain(status);
  expect(header(response, 'connection'), about).toBe('close');
  return undefined;
}

/** @throws unless the answer is a problem of the contract with its own status. */
export function problemOf(response: RawResponse): ProblemName {
  const problem = JSON.parse(response.body) as Problem;
  const name = Object.keys(PROBLEMS).find((key) => problemType(key as ProblemName) === problem.type);
  expect(name, problem.type).toBeDefined();
  expect(problem.status).toBe(response.status);
  expect(PROBLEMS[name as ProblemName].status).toBe(response.status);
  expect(problem.title).toBeTruthy();
  return name as ProblemName;
}
