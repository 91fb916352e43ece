import { describe, expect, it } from 'vitest';
import { clientNetwork, isLoopback, isPrivate, UNKNOWN_NETWORK } from '../src/client-network.ts';

describe('clientNetwork', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['::FFFF:203.0.113.7', '203.0.113.7'],
    ['64:ff9b::203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:51234', '203.0.113.7'],
  ])('of %s is the IPv4 address', (address, network) => {
    expect(clientNetwork(address)).toBe(network);
  });

  it.each([
    '2001:db8:1:2::1',
    '2001:db8:1:2:ffff:ffff:ffff:ffff',
    '2001:0DB8:0001:0002::',
    '[2001:db8:1:2::9]:443',
    '2001:db8:1:2::9%eth0',
  ])('of %s is its 64 bits, however it is written', (address) => {
    expect(clientNetwork(address)).toBe('2001:db8:1:2::/64');
  });

  it('differs where the network does', () => {
    expect(clientNetwork('2001:db8:1:3::1')).toBe('2001:db8:1:3::/64');
    expect(clientNetwork('203.0.113.8')).toBe('203.0.113.8');
  });

  it.each([
    undefined,
    '',
    'unknown',
    '_hidden',
    '1',
    '0x7f.1',
    '203.0.113',
    '999.1.1.1:80',
    '[nope]',
    'x'.repeat(9_999),
  ])('of %s, which is no address, is the one for all of those', (address) => {
    expect(clientNetwork(address)).toBe(UNKNOWN_NETWORK);
  });
});

describe('isPrivate', () => {
  it.each([
    '10.0.2.2',
    '172.17.0.1',
    '172.31.255.1:4711',
    '::ffff:192.168.65.1',
    '169.254.1.1',
    '127.0.0.1',
    'fd12:3456::1',
    'fe80::1',
  ])('%s belongs to nobody on the Internet', (address) => {
    expect(isPrivate(address)).toBe(true);
  });
  it.each([undefined, '', 'unix:', '203.0.113.7', '172.32.0.1', '2001:db8::1', '64:ff9b::a00:1'])(
    '%s is not known to be one of those',
    (address) => {
      expect(isPrivate(address)).toBe(false);
    },
  );
});

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])('%s is this machine', (address) => {
    expect(isLoopback(address)).toBe(true);
  });
  it.each([
    undefined,
    '',
    'localhost',
    '10.0.0.1',
    '172.17.0.1',
    '::',
    '0.0.0.0',
    'fe80::1',
    '::ffff:10.0.0.1',
  ])('%s is not', (address) => {
    expect(isLoopback(address)).toBe(false);
  });
});
