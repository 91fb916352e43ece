import decodeQR from 'qr/decode.js';
import { expect, test } from 'vitest';
import { qrCode } from '../src/qr-code.ts';

/** The picture that a camera would take of it, a module being eight pixels wide. */
function photograph({ size, path }: ReturnType<typeof qrCode>) {
  const scale = 8;
  const width = size * scale;
  const data = new Uint8Array(width * width * 4).fill(255);
  for (const [, x, y, length] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row++) {
      const from = (row * width + Number(x) * scale) * 4;
      data.fill(0, from, from + Number(length) * scale * 4);
    }
  }
  return { width, height: width, data };
}

test.each(['http://192.168.1.7:5002', `https://vote.example.org/p/${'a'.repeat(40)}`])(
  'a camera reads %s from its code',
  (address) => {
    expect(decodeQR(photograph(qrCode(address)))).toBe(address);
  },
);
