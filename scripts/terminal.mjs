/** Progress for people: one line per step, with its seconds. */

let lineIsOpen = false;

// The terminal may be gone (closed, or a pipe's reader ended) while we still have things to stop.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

/** Prints a line of its own, also in the middle of a step. */
export function say(line) {
  process.stdout.write(`${lineIsOpen ? '\n' : ''}${line}\n`);
  lineIsOpen = false;
}

/** Says what is being done, does it, and says how long it took. Passes on what `run` gives or throws. */
export async function step(what, run) {
  const began = performance.now();
  process.stdout.write(`${lineIsOpen ? '\n' : ''}${what} … `);
  lineIsOpen = true;
  const end = (word) => {
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    process.stdout.write(lineIsOpen ? `${word}, ${seconds} s\n` : `${what}: ${word}, ${seconds} s\n`);
    lineIsOpen = false;
  };
  try {
    const value = await run();
    end('done');
    return value;
  } catch (error) {
    end('failed');
    throw error;
  }
}
