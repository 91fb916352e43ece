/** Why there is no place: too many sockets from one network, or in all. */
export const REFUSALS = ['network', 'total'] as const;
export type Refusal = (typeof REFUSALS)[number];

/** What one socket holds while it is open. */
export type Place = {
  /** Gives the place back; later calls do nothing. */
  leave(): void;
};

export type Places = {
  /** @param network whose place it is; undefined: counted among all alone. */
  take(network: string | undefined): Place | Refusal;
  /** Whether every place that is counted for a network is of one and the same. */
  areOfOneNetwork(): boolean;
};

/** Bounds how many sockets there are at a time: each costs memory for as long as it lasts, and its client nothing. */
export function createPlaces(bounds: { inAll: number; perNetwork: number }): Places {
  const byNetwork = new Map<string, number>();
  let taken = 0;
  return {
    areOfOneNetwork: () => byNetwork.size === 1,
    take(network) {
      if (taken >= bounds.inAll) return 'total';
      const ofNetwork = network === undefined ? 0 : (byNetwork.get(network) ?? 0);
      if (ofNetwork >= bounds.perNetwork) return 'network';
      taken += 1;
      if (network !== undefined) byNetwork.set(network, ofNetwork + 1);
      let isHeld = true;
      return {
        leave() {
          if (!isHeld) return;
          isHeld = false;
          taken -= 1;
          if (network === undefined) return;
          const left = byNetwork.get(network)! - 1;
          if (left > 0) byNetwork.set(network, left);
          else byNetwork.delete(network);
        },
      };
    },
  };
}
