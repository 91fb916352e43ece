/** A service that vote, worker and result are run as; several replicas of each. */
export type AppName = 'vote' | 'worker' | 'result';

/** One running instance of an app. */
export type Replica = {
  readonly app: AppName;
  /** As in "worker-2", unique in the system. */
  readonly name: string;
  /** Where it is reached by voters and pages; none for a worker. */
  readonly url?: string;
  readonly running: boolean;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it is gone. */
  stop(): Promise<void>;
  /** SIGSTOP. */
  pause(): Promise<void>;
  /** SIGCONT. */
  resume(): Promise<void>;
  /** Starts it again with the environment that it had; resolves when the process runs, not when it is ready. */
  start(): Promise<void>;
  /** Resolves when /readyz says so. @throws after 30 s. */
  untilReady(): Promise<void>;
  /** The text of /metrics. */
  metrics(): Promise<string>;
  /** Resolves when it ended, by itself or not; at once if it does not run. */
  gone(): Promise<void>;
};

/** Redis and PostgreSQL, for whoever only asks them something. */
export type Stores = {
  redis: Pick<System['redis'], 'command'>;
  postgres: Pick<System['postgres'], 'query'>;
};

/** Redis or PostgreSQL. */
export type Store = {
  readonly running: boolean;
  kill(): Promise<void>;
  /** Redis: SIGTERM. PostgreSQL: an immediate shutdown, unless it is asked for another. */
  stop(): Promise<void>;
  /** The server as a whole freezes. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Starts it again on its data. Resolves when it answers. */
  start(): Promise<void>;
};

/** The way between two parts of a system. Faults apply to present and to new connections, until `mend`, but for `forget`. */
export type Link = {
  /** Every chunk that passes is late by this much, in each direction (ms). */
  delay(ms: number): void;
  /** Cuts every connection and refuses new ones. */
  cut(): void;
  /** Half-open: nothing passes and nobody is told; new connections are accepted and lead nowhere. */
  hold(): void;
  /** Half-open for good: nothing passes on the present connections any more and nobody is told; new ones are well. */
  forget(): void;
  mend(): void;
};

export type LinkName = StoreLinkName | 'page-result' | 'voter-vote';

/** Between a service and a store. */
export type StoreLinkName = `${'vote' | 'worker'}-redis` | `${'worker' | 'result'}-postgres`;

/** What only some systems or machines can do; a drill that needs one that is missing is left out, and says so. */
export type Ability =
  /** The links between the parts can be disturbed: each of them, or this one. */
  | 'links'
  | `link-${LinkName}`
  /** Wall clocks can be stepped. */
  | 'clocks'
  /** Redis's file can be made to fail. */
  | 'failing-file'
  /** Redis's data on disk can be changed while it is down. */
  | 'redis-files'
  /** PostgreSQL's file system can be filled. */
  | 'full-disk'
  /** A worker can be started with a failpoint. */
  | 'failpoints';

/** What one replica has that the others have not. */
export type ReplicaOptions = {
  /** Added to the environment that all have. */
  env?: Record<string, string>;
  /** The folder of the build that it runs (see build-copy.ts); unset: the system's. */
  build?: string;
};

/** A whole system that runs, and everything that a drill can do to it. */
export type System = {
  readonly on: 'local' | 'compose';
  /** Why an ability is missing; undefined if it is there. */
  lacks(ability: Ability): string | undefined;
  /** Every replica that was ever started and not removed, running or not. */
  readonly replicas: readonly Replica[];
  /** Starts one more replica; resolves when the process runs, not when it is ready. */
  add(app: AppName, options?: ReplicaOptions): Promise<Replica>;
  /** Kills a replica, and forgets it. */
  remove(replica: Replica): Promise<void>;
  readonly redis: Store & {
    /** Runs one command, as redis-cli would. */
    command(...args: string[]): Promise<unknown>;
    /** From now on no file may grow beyond its present size plus `bytes` (ability failing-file). */
    limitFiles(bytes: number): Promise<void>;
    unlimitFiles(): Promise<void>;
    /** Cuts the last bytes off the append-only file (ability redis-files). Only while it is down. */
    cutTail(bytes: number): Promise<void>;
    /** Keeps a copy of the files, or puts that copy in their place (ability redis-files). Only while it is down. */
    keepCopy(): Promise<void>;
    rollBack(): Promise<void>;
  };
  readonly postgres: Store & {
    stop(mode?: 'fast' | 'immediate'): Promise<void>;
    query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
    /** Leaves no space on its file system (ability full-disk). */
    fillDisk(): Promise<void>;
    /**
     * Resolves when it answers again, or does not run: it may have ended, or been stopped because it did not recover.
     * @returns whether it had to be stopped.
     */
    freeDisk(): Promise<{ hung: boolean }>;
  };
  /** @throws where the ability is missing. */
  link(name: LinkName): Link;
  /** Steps the wall clock of the named parts by so many ms from the true time (ability clocks); 0 sets it right. */
  stepClock(ms: number, of?: readonly (AppName | 'redis' | 'postgres')[]): Promise<void>;
  /** Replaces polls.yaml and applies it. */
  applyPolls(text: string): Promise<{ code: number | null; output: string }>;
  /** Runs a command of the worker: recount, acknowledge-loss. */
  workerCommand(...args: string[]): Promise<{ code: number | null; output: string }>;
  /** Replicas that ended although nobody ended them: name and how. */
  readonly deaths: readonly string[];
  /** Copies all logs into a folder. */
  saveLogs(folder: string): Promise<void>;
  /** Ends everything and deletes its data. Idempotent. */
  close(): Promise<void>;
};

export type SystemOptions = {
  polls: string;
  votes?: number;
  workers?: number;
  results?: number;
  /** Directives of redis.conf over the durable ones. */
  redisSettings?: Record<string, string>;
  /** The environment that all services get on top. */
  env?: Record<string, string>;
  /** Abilities that need to be set up from the start: links, clocks, full-disk. */
  prepare?: readonly Ability[];
  /** The folder of the build that is run (see build-copy.ts); unset: this project's own. */
  build?: string;
  /** Where the logs are saved if it does not start. */
  logsTo?: string;
};
