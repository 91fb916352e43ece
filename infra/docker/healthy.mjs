// What a container's health check runs, where there is no curl: exits with 0 if the app's process lives.
const url = `http://127.0.0.1:${process.env.METRICS_PORT}/healthz`;
const ok = await fetch(url).then(
  (response) => response.ok,
  () => false,
);
process.exit(ok ? 0 : 1);
