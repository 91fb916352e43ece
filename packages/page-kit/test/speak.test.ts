import express from 'express';
import supertest from 'supertest';
import { describe, expect, it } from 'vitest';
import { languageOf, speak } from '../src/speak.ts';

const app = express();
app.use(speak({ secure: false }));
app.get('/{*path}', (_req, res) => {
  res.send(languageOf(res));
});
const request = supertest(app);

const asked = (headers: Record<string, string>, path = '/') => request.get(path).set(headers);

describe('the language of a page', () => {
  it.each([
    ['fr', 'fr'],
    ['fr-CA, en;q=0.5', 'fr'],
    ['de, fr;q=0.3', 'fr'],
    ['en-US, fr;q=0.9', 'en'],
    ['de', 'en'],
    ['*', 'en'],
    ['', 'en'],
    ['fr;q=0', 'en'],
    [`${'x-'.repeat(2_000)}y`, 'en'],
  ])("is the first of the browser's that we speak: %j is answered in %s", async (header, language) => {
    expect((await asked({ 'Accept-Language': header })).text).toBe(language);
  });

  it('is the one that was chosen, from then on, whatever the browser prefers', async () => {
    const answer = await asked({ 'Accept-Language': 'en' }, '/p/x?lang=fr');
    expect(answer.text).toBe('fr');
    expect(answer.headers['set-cookie']).toEqual([
      expect.stringMatching(
        /^hbf_lang=fr; Max-Age=34560000; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/,
      ),
    ]);
    expect((await asked({ 'Accept-Language': 'en', Cookie: 'hbf_lang=fr' })).text).toBe('fr');
    expect((await asked({ Cookie: 'hbf_lang=fr' }, '/?lang=en')).text).toBe('en');
  });

  it.each([
    '/?lang=de',
    '/?lang=',
    '/?lang=__proto__',
    '/?lang=%00',
    '/?x=fr',
    '/?lang=%E0%A4%A',
    '//evil.example/?lang=xx',
  ])('is not chosen by %s', async (path) => {
    const answer = await asked({ 'Accept-Language': 'fr' }, path);
    expect(answer.text).toBe('fr');
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  it('is chosen in place, and leads nowhere', async () => {
    const answer = await asked({}, '//evil.example/?lang=fr');
    expect(answer.status).toBe(200);
    expect(answer.headers.location).toBeUndefined();
  });

  it('is not what a cookie of somebody else says', async () => {
    for (const cookie of ['hbf_lang=de', 'hbf_lang=toString', 'hbf_lang=', 'other=fr']) {
      expect((await asked({ Cookie: cookie, 'Accept-Language': 'en' })).text, cookie).toBe('en');
    }
  });
});
