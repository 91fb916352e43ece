import request from 'supertest';
import { describe, expect, test } from 'vitest';
import type { TurnoutHistory } from '../src/turnout-history.ts';
import { createFakeFeed } from './support/fake-feed.ts';
import { createTestApp } from './support/service.ts';
import { keptOf, NOW, pollOf, snapshotOf } from './support/snapshots.ts';

const turnout: TurnoutHistory = {
  points: (poll) =>
    poll === 'best-friend'
      ? [
          { at: NOW - 1, voters: 0 },
          { at: NOW, voters: 37 },
        ]
      : [],
};
const lunch = keptOf({ poll: pollOf({ key: 'lunch' }), turnout: 0 });
const feed = createFakeFeed(snapshotOf({ polls: [keptOf(), lunch] }));
const { app, metrics } = createTestApp({ feed, turnout });

describe('GET /api/polls/:poll/turnout', () => {
  test('answers how the turnout grew, not to be stored', async () => {
    const answer = await request(app).get('/api/polls/best-friend/turnout').expect(200);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).toEqual({
      poll: 'best-friend',
      points: [
        { at: '2026-06-01T11:59:59.999Z', voters: 0 },
        { at: '2026-06-01T12:00:00.000Z', voters: 37 },
      ],
    });
  });

  test('answers no points before the first voter', async () => {
    const answer = await request(app).get('/api/polls/lunch/turnout').expect(200);
    expect(answer.body).toEqual({ poll: 'lunch', points: [] });
  });

  test.each(['nope', '__proto__', '%00', 'Best-Friend', '%E0%A4%A'])(
    'a poll that does not exist is a problem: %s',
    async (key) => {
      const answer = await request(app).get(`/api/polls/${key}/turnout`).expect(404);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.body).toMatchObject({ type: '/problems/unknown-poll', status: 404 });
    },
  );

  test.each([
    ['nothing was read yet', createFakeFeed()],
    ['the turnout points were not read yet', feed],
  ])('is unavailable while %s', async (_, early) => {
    const { app } = createTestApp({ feed: early, turnout: { points: () => undefined } });
    const answer = await request(app).get('/api/polls/best-friend/turnout').expect(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.body).toMatchObject({ type: '/problems/unavailable', status: 503, retryAfter: 1 });
  });

  test('is measured by the template of the route, from the start', async () => {
    await request(app).get('/api/polls/best-friend/turnout').expect(200);
    const text = await metrics.registry.metrics();
    expect(text).toMatch(
      /_count\{method="GET",route="\/api\/polls\/:poll\/turnout",status_code="200"\} [1-9]/,
    );
    expect(text).toContain('_count{method="GET",route="/api/polls/:poll/turnout",status_code="500"} 0');
  });
});
