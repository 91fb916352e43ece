import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isFree } from './free-port.ts';
import { commandOf } from './process-table.ts';

/** The inodes of the sockets that listen on a port, from the kernel's own tables. */
function listeningInodes(port: number): Set<string> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text = '';
    try {
      text = readFileSync(table, 'utf8');
    } catch {
      continue;
    }
    for (const line of text.split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      // 0A: listening
      if (fields[1]?.endsWith(`:${hex}`) && fields[3] === '0A' && fields[9]) inodes.add(fields[9]);
    }
  }
  return inodes;
}

function holderFromProc(port: number): number | undefined {
  const wanted = new Set([...listeningInodes(port)].map((inode) => `socket:[${inode}]`));
  if (wanted.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const held = readdirSync(`/proc/${pid}/fd`);
      if (held.some((fd) => wanted.has(readlinkSync(`/proc/${pid}/fd/${fd}`)))) return Number(pid);
    } catch {
      // another user's process, or one that ended meanwhile
    }
  }
  return undefined;
}

function holderFromLsof(port: number): number | undefined {
  try {
    const output = execFileSync('lsof', ['-nP', '-t', `-iTCP:${port}`, '-sTCP:LISTEN'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number.parseInt(output, 10) || undefined;
  } catch {
    return undefined;
  }
}

/** Finds who listens on a port, as far as this user may see it. */
export function findPortHolder(port: number): { pid: number; command: string } | undefined {
  const pid = process.platform === 'linux' ? holderFromProc(port) : holderFromLsof(port);
  return pid === undefined ? undefined : { pid, command: commandOf(pid) ?? 'unknown command' };
}

/** The sentence about a taken port: which, who wanted it, who holds it or how to find out. */
export function describeTakenPort(port: number, wantedBy: string): string {
  const holder = findPortHolder(port);
  const who = holder
    ? `It is held by process ${holder.pid}: ${holder.command.slice(0, 120)}`
    : `Who holds it could not be seen from here; \`lsof -i :${port}\` or \`ss -ltnp 'sport = :${port}'\`, as root, may tell.`;
  return `Port ${port}, which ${wantedBy} needs, is taken. ${who}`;
}

/** Throws with `describeTakenPort` when the port is taken. */
export async function assertPortFree(port: number, wantedBy: string, host = '127.0.0.1'): Promise<void> {
  if (!(await isFree(port, host))) throw new Error(describeTakenPort(port, wantedBy));
}
