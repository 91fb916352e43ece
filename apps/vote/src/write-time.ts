/**
 * Writes a moment: the hour and its zone if it is of today, else with its date.
 * @param zone the reader's own if undefined (in a browser).
 */
export function writeTime(iso: string, zone: string | undefined, now = Date.now()): string {
  const named = zone === undefined ? {} : { timeZone: zone };
  const day = new Intl.DateTimeFormat('en-GB', { ...named, dateStyle: 'medium' });
  const hour = new Intl.DateTimeFormat('en-GB', {
    ...named,
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  });
  const moment = Date.parse(iso);
  const time = hour.format(moment);
  return day.format(moment) === day.format(now) ? time : `${day.format(moment)}, ${time}`;
}
