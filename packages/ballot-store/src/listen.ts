import pg from 'pg';
import { TALLY_CHANNEL } from './notify-tally.ts';

const RETRY_MS = 250;
const CHECK_EVERY_MS = 1_000;

/**
 * Hears of changed tallies, and connects again for ever when the connection is lost.
 * @param onHint is called when the tallies should be read again: on each notification, and after every (re)connection,
 *   since notifications sent in between are gone.
 * @returns a function that stops listening.
 */
export function listenForTallies(
  url: string,
  onHint: () => void,
  onState: (state: { connected: true } | { connected: false; error: Error }) => void,
): () => void {
  let stopped = false;
  let client: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    const mine = new pg.Client({
      connectionString: url,
      application_name: 'hbf-result-listen',
      connectionTimeoutMillis: 1_000,
      query_timeout: 1_500,
      keepAlive: true,
    });
    client = mine;
    let over = false;
    const lose = (error: Error) => {
      if (over) return;
      over = true;
      clearInterval(check);
      mine.end().catch(() => {});
      if (stopped) return;
      onState({ connected: false, error });
      retry = setTimeout(() => void connect(), RETRY_MS);
    };
    mine.on('error', lose);
    mine.on('end', () => lose(new Error('the listening connection to PostgreSQL ended')));
    mine.on('notification', onHint);
    // A connection that was cut without a word stays silent for ever: ask it.
    const check = setInterval(() => mine.query('SELECT 1').catch(lose), CHECK_EVERY_MS);
    try {
      await mine.connect();
      await mine.query(`LISTEN ${TALLY_CHANNEL}`);
      if (over || stopped) return;
      onState({ connected: true });
      onHint();
    } catch (error) {
      lose(error as Error);
    }
  }
  void connect();

  return () => {
    stopped = true;
    clearTimeout(retry);
    // Cut, not ended: it waits for nothing, and a server that hangs would never answer the goodbye.
    client?.connection.stream.destroy();
  };
}
