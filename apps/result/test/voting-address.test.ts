import { describe, expect, test } from 'vitest';
import { votingAddress } from '../src/voting-address.ts';

const at = (host: string | undefined, config: { PUBLIC_VOTE_URL?: string; NETWORK_ADDRESS?: string } = {}) =>
  votingAddress(
    { protocol: 'http', host },
    { PUBLIC_VOTE_URL: undefined, NETWORK_ADDRESS: undefined, VOTE_PORT: 5002, ...config },
  );

describe('where one votes', () => {
  test('is the host by which the reader came, for phones too', () => {
    for (const host of ['192.168.1.7', 'hall.example.org', '[2001:db8::7]', 'localhost.example.org']) {
      const origin = `http://${host}:5002`;
      expect(at(`${host}:5001`)).toEqual({ here: origin, phones: origin, isLocal: false });
    }
  });

  test('is the configured place, wherever the reader came from', () => {
    const origin = 'https://vote.example.org';
    expect(at('localhost:5001', { PUBLIC_VOTE_URL: origin })).toEqual({
      here: origin,
      phones: origin,
      isLocal: false,
    });
  });

  test.each(['localhost', 'LOCALHOST', 'result.localhost', '127.0.0.1', '127.1.2.3', '[::1]', '0.0.0.0'])(
    'is for phones the network address where the reader came by %s, which leads each device to itself',
    (host) => {
      const found = at(`${host}:5001`, { NETWORK_ADDRESS: '192.168.1.7' });
      expect(found).toMatchObject({ phones: 'http://192.168.1.7:5002', isLocal: true });
      expect(at(`${host}:5001`)).toMatchObject({ phones: undefined, isLocal: true });
    },
  );

  test('is not known where the host is no host', () => {
    expect(at('a b')).toEqual({ here: undefined, phones: undefined, isLocal: false });
    expect(at(undefined)).toEqual({ here: undefined, phones: undefined, isLocal: false });
  });
});
