/**
 * Whether this process should get requests. It turns true once, when the service can do its work for the first
 * time, and false for good when it drains. It does not fall when a store goes away: voters must still reach the page
 * that tells them so.
 */
export type Readiness = {
  readonly ready: boolean;
  markReady(): void;
  markDraining(): void;
};

export function createReadiness(): Readiness {
  let state: 'starting' | 'ready' | 'draining' = 'starting';
  return {
    get ready() {
      return state === 'ready';
    },
    markReady() {
      if (state === 'starting') state = 'ready';
    },
    markDraining() {
      state = 'draining';
    },
  };
}
