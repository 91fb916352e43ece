import { MIMEType } from 'node:util';
import { CastRequest } from '@hbf/contracts/ballot';
import express, { type Request, type RequestHandler } from 'express';

/** The largest body that is read, in bytes. A ballot of 30 choices takes 1.2 kB. */
export const MAX_BODY_BYTES = 4_096;

export type BodyType = 'application/x-www-form-urlencoded' | 'application/json';

/** Whether a request says that its body is of this type, in UTF-8. */
export function hasBodyOf(type: BodyType, req: Request): boolean {
  try {
    const mime = new MIMEType(req.headers['content-type'] ?? '');
    const charset = mime.params.get('charset');
    return mime.essence === type && (charset === null || charset.toLowerCase() === 'utf-8');
  } catch {
    return false;
  }
}

/**
 * Reads the body, whatever it is, as text into `req.body`. Neither express.json nor express.urlencoded is used: they
 * would pass over a wrong content type in silence and fold what is sent twice.
 */
export const readBody: RequestHandler = express.text({
  type: () => true,
  limit: MAX_BODY_BYTES,
  // A compressed body of 4 kB can grow a thousandfold.
  inflate: false,
});

/** What a form says; fields that we do not know mean nothing. */
export function parseForm(body: unknown): { choices: string[]; ballotKey: string | undefined } {
  const fields = new URLSearchParams(typeof body === 'string' ? body : '');
  return { choices: fields.getAll('vote'), ballotKey: fields.get('ballot-key') ?? undefined };
}

/** @returns the choices, or undefined if the body is no JSON or of another shape. */
export function parseJson(body: unknown): string[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(typeof body === 'string' ? body : '');
  } catch {
    return undefined;
  }
  return CastRequest.safeParse(value).data?.choices;
}
