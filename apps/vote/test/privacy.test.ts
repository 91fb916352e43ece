import { describe, expect, it } from 'vitest';
import { cookiesOf, makeApp } from './support/app.ts';
import { makePoll } from './support/polls.ts';

describe('the log', () => {
  it('tells of every request, and nothing of who sent it, what was chosen or which receipt was given', async () => {
    const {
      app: _,
      ballots,
      ...app
    } = makeApp({
      trustProxy: 1,
      limits: {
        loopbackPasses: false,
        allow: { voterPerMinute: 3, voterPerHour: 99, addressPerMinute: 99, addressPerHour: 99 },
      },
    });
    ballots.known = [
      makePoll({ options: ['choice-one', 'choice-two'].map((key) => ({ key, label: `label of ${key}` })) }),
    ];
    const voter = app.browser();
    const headers = {
      'X-Forwarded-For': '203.0.113.77',
      'User-Agent': 'secret-agent',
      Referer: 'http://secret-referrer.example/',
      'Idempotency-Key': 'secret-key',
      'Crowd-Key': `k1:${'5ec4e7'.repeat(11).slice(0, 64)}`,
    };
    const page = await voter.get('/?q=secret-query').set(headers);
    const posted = await voter.post('/').set(headers).type('form').send('vote=choice-one');
    const cast = await voter
      .post('/api/polls/best-friend/ballots')
      .set(headers)
      .send({ choices: ['choice-two'] });
    await voter.post('/').set(headers).type('form').send('vote=secret-unknown');
    ballots.answer = new Error('surprise');
    await voter.post('/').set(headers).type('form').send('vote=choice-one');
    await voter.post('/').set(headers).type('form').send('vote=choice-two');
    await voter.get('/secret-path').set(headers);

    const logged = app.logged();
    const lines = logged
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.filter((line) => line.route).map((line) => [line.route, line.status])).toEqual([
      ['/', 200],
      ['/', 303],
      ['/api/polls/:poll/ballots', 202],
      ['/', 422],
      ['/', 500],
      ['/', 429],
      ['unmatched', 404],
    ]);
    expect(lines.filter((line) => !line.route).map((line) => line.msg)).toEqual([
      'somebody sends a Crowd-Key, but CROWD_KEYS is not set: the limits apply to their ballots',
      'a request failed',
    ]);
    for (const line of lines.filter(({ route }) => route)) expect(line.requestId).toMatch(/^[0-9a-f-]{36}$/);

    const voterCookie = cookiesOf(page).get('hbf_voter')!.value;
    const ballotCookie = cookiesOf(posted).get('hbf_ballot_best-friend')!.value;
    const pieces = [voterCookie, ballotCookie]
      .flatMap((value) => value.split(/[.~]/))
      .filter((part) => part.length > 4);
    for (const piece of [...pieces, cast.body.receipt, ...ballots.appended.map((ballot) => ballot.voter)]) {
      expect(logged).not.toContain(piece);
    }
    expect(logged).not.toMatch(/secret|5ec4e7|choice-|hbf_|203\.0\.113|127\.0\.0\.1|::1|::ffff/);
  });
});
