/** The ports that other programs rely on. Internal ones serve /metrics, /healthz and /readyz. */
export const PORTS = {
  vote: 5002,
  result: 5001,
  voteInternal: 9102,
  resultInternal: 9101,
  workerInternal: 9103,
  crowdInternal: 9104,
} as const;
