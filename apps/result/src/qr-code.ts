import { keepLast } from '@hbf/page-kit/keep-last';
import encodeQR from 'qr';

/** A QR code as one path, in units of its modules. */
export type QrCode = { size: number; path: string };

const kept = keepLast<QrCode>(100);

/** @param text what a camera reads; up to about 2,000 characters. */
export function qrCode(text: string): QrCode {
  return kept(text, () => makeCode(text));
}

function makeCode(text: string): QrCode {
  // A quiet zone of two modules; the white ground around is the rest. A quarter may be hidden by a head or a lamp.
  const rows = encodeQR(text, 'raw', { ecc: 'quartile', border: 2 });
  const path = rows.flatMap((row, y) =>
    runs(row).map(({ from, length }) => `M${from} ${y}h${length}v1h-${length}z`),
  );
  return { size: rows.length, path: path.join('') };
}

/** The runs of dark modules in a row. */
function runs(row: readonly boolean[]): { from: number; length: number }[] {
  const found: { from: number; length: number }[] = [];
  row.forEach((isDark, x) => {
    if (!isDark) return;
    if (row[x - 1]) found.at(-1)!.length += 1;
    else found.push({ from: x, length: 1 });
  });
  return found;
}
