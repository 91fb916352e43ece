-- One half of an entry id: 64 bits without a sign, more than a bigint holds.
CREATE DOMAIN entry_number AS numeric(20) CHECK (VALUE BETWEEN 0 AND 18446744073709551615);

-- One row: which system this database belongs to. Redis is tied to the same id, so that a lost volume or a wrong host
-- is noticed before anything is counted.
CREATE TABLE system (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  -- Fixed for ever: a voter's partition is computed from it, and a ballot's identity contains the partition.
  partitions smallint NOT NULL CHECK (partitions BETWEEN 1 AND 64),
  -- Grows with every change of the polls.
  polls_revision bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE polls (
  key text PRIMARY KEY CHECK (key ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'),
  rank integer NOT NULL,
  question text NOT NULL,
  eligibility text NOT NULL CHECK (eligibility IN ('open', 'browser')),
  choices_min smallint NOT NULL CHECK (choices_min >= 1),
  choices_max smallint NOT NULL CHECK (choices_max >= choices_min),
  results text NOT NULL CHECK (results IN ('always', 'after-close')),
  opens_at timestamptz,
  closes_at timestamptz CHECK (closes_at > opens_at),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE poll_options (
  poll text NOT NULL REFERENCES polls,
  key text NOT NULL CHECK (key ~ '^[a-z0-9]([a-z0-9_-]{0,30}[a-z0-9])?$'),
  rank smallint NOT NULL,
  label text NOT NULL,
  PRIMARY KEY (poll, key)
);

-- The conservation of ballots, partition by partition, in one row: whatever happens, at any moment,
-- accepted = recorded + superseded + rejected + lost; `drift` is what is missing.
CREATE TABLE partitions (
  partition smallint PRIMARY KEY,
  -- Grows at each take-over; Redis refuses an owner with an older one.
  epoch bigint NOT NULL DEFAULT 0,
  -- The id of the last entry of the stream that was processed. It commits together with the ballots.
  position_ms entry_number NOT NULL DEFAULT 0,
  position_seq entry_number NOT NULL DEFAULT 0,
  -- When the last recorded ballot was accepted (Redis's clock). The position may be beyond it, where nothing was queued.
  recorded_up_to_ms entry_number NOT NULL DEFAULT 0,
  -- The total in the last processed entry.
  accepted bigint NOT NULL DEFAULT 0 CHECK (accepted >= 0),
  -- Ballots that count now: one a voter and poll.
  recorded bigint NOT NULL DEFAULT 0 CHECK (recorded >= 0),
  superseded bigint NOT NULL DEFAULT 0 CHECK (superseded >= 0),
  rejected bigint NOT NULL DEFAULT 0 CHECK (rejected >= 0),
  -- Losses that an operator has acknowledged.
  lost bigint NOT NULL DEFAULT 0 CHECK (lost >= 0),
  drift bigint NOT NULL GENERATED ALWAYS AS (accepted - recorded - superseded - rejected - lost) STORED,
  -- Redis lost what it had, and what it accepted since the last heartbeat before that is unknown: the true loss is
  -- at least the drift.
  loss_is_lower_bound boolean NOT NULL DEFAULT false,
  -- Entries that somebody put into the stream by hand; no voter was told that they are accepted.
  foreign_entries bigint NOT NULL DEFAULT 0,
  -- The heartbeat's figures: the highest accepted total that Redis told, and the age of the oldest queued ballot then.
  appended bigint NOT NULL DEFAULT 0,
  oldest_queued_ms bigint,
  heartbeat_at timestamptz
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- Where a poll's ballots end in a partition. The poll is final when every position has reached it.
CREATE TABLE poll_closings (
  poll text NOT NULL REFERENCES polls,
  partition smallint NOT NULL REFERENCES partitions,
  entry_ms entry_number NOT NULL,
  entry_seq entry_number NOT NULL,
  closed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (poll, partition)
);

-- The ballots that count. The primary key is what makes it impossible to count a voter twice.
-- No foreign key to polls: its check would cost a look-up a ballot, and the worker knows the polls.
-- No index on the identity: it would change with every later ballot of a voter and cost HOT updates.
CREATE TABLE ballots (
  poll text NOT NULL,
  voter bytea NOT NULL CHECK (octet_length(voter) = 16),
  partition smallint NOT NULL,
  choices text[] NOT NULL CHECK (cardinality(choices) >= 1),
  -- The choices that the last change replaced: the statement that records returns them to adjust the tallies.
  prev text[],
  entry_ms entry_number NOT NULL,
  entry_seq entry_number NOT NULL,
  entry_index smallint NOT NULL,
  PRIMARY KEY (poll, voter)
) WITH (fillfactor = 85);

-- One row a poll, option and partition: owners of partitions never wait for each other's rows.
CREATE TABLE tallies (
  poll text NOT NULL,
  option text NOT NULL,
  partition smallint NOT NULL,
  votes bigint NOT NULL CHECK (votes >= 0),
  PRIMARY KEY (poll, option, partition),
  FOREIGN KEY (poll, option) REFERENCES poll_options (poll, key)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

CREATE TABLE turnouts (
  poll text NOT NULL REFERENCES polls,
  partition smallint NOT NULL,
  voters bigint NOT NULL CHECK (voters >= 0),
  PRIMARY KEY (poll, partition)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- What could not be recorded, kept with its reason. A foreign entry has index -1.
CREATE TABLE rejected_ballots (
  partition smallint NOT NULL,
  entry_ms entry_number NOT NULL,
  entry_seq entry_number NOT NULL,
  entry_index smallint NOT NULL,
  reason text NOT NULL,
  -- As it stood in the entry, cut at 4 kB. Bytes, since anything may stand in an entry.
  content bytea NOT NULL,
  rejected_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (partition, entry_ms, entry_seq, entry_index)
);

-- The operator's word that a loss was looked at.
CREATE TABLE acknowledged_losses (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  partition smallint NOT NULL REFERENCES partitions,
  ballots bigint NOT NULL,
  is_lower_bound boolean NOT NULL,
  acknowledged_at timestamptz NOT NULL DEFAULT now()
);
