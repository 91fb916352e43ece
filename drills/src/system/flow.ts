import type { Socket } from 'node:net';

/** One direction of a connection through a proxy: what one socket says is said to the other, late or not at all. */
export type Flow = {
  /** Nothing passes until `go`; what has come meanwhile passes then, in order. */
  hold(): void;
  go(): void;
  /** From now on all that comes is swallowed. */
  swallow(): void;
};

/** Beyond it the sender is made to wait, as any full connection does. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;

/** @param delay asked for each chunk: how late it is to be (ms). Chunks never overtake each other. */
export function createFlow(source: Socket, target: Socket, delay: () => number): Flow {
  /** A chunk, or null for the end. */
  const waiting: { due: number; data: Buffer | null }[] = [];
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let held = false;
  let full = false;
  let swallowing = false;

  const regulate = () => {
    if (!swallowing && (held || full || waitingBytes > MOST_WAITING_BYTES)) source.pause();
    else source.resume();
  };
  const deliver = (data: Buffer | null) => {
    if (data === null) {
      target.end();
    } else if (!target.write(data) && !full) {
      full = true;
      target.once('drain', () => {
        full = false;
        regulate();
      });
    }
  };
  const deliverDue = () => {
    timer = undefined;
    if (held || swallowing) return;
    while (waiting[0] && waiting[0].due <= performance.now()) {
      const { data } = waiting.shift()!;
      waitingBytes -= data?.length ?? 0;
      deliver(data);
    }
    if (waiting[0]) timer = setTimeout(deliverDue, Math.max(1, waiting[0].due - performance.now()));
    regulate();
  };
  const take = (data: Buffer | null) => {
    if (swallowing) return;
    const due = Math.max(performance.now() + delay(), waiting.at(-1)?.due ?? 0);
    waiting.push({ due, data });
    waitingBytes += data?.length ?? 0;
    if (timer === undefined) deliverDue();
  };
  source.on('data', take);
  source.once('end', () => take(null));
  source.once('close', () => {
    if (source.errored) clearTimeout(timer);
  });
  // It may have been paused until there was somebody to hear it.
  regulate();
  return {
    hold() {
      held = true;
      regulate();
    },
    go() {
      held = false;
      if (timer === undefined) deliverDue();
    },
    swallow() {
      swallowing = true;
      clearTimeout(timer);
      waiting.length = 0;
      regulate();
    },
  };
}
