-- How the turnout of each poll grew: by `at`, that many voters of the partition had a ballot that counts. Kept apart from
-- the ballots: these tell when a voter's last one was accepted, not the first, and reading them all takes seconds.
-- One row a partition, noted by its owner: owners never wait for each other's rows. The partition comes first in the
-- key, since an owner looks for its own points, and whoever shows them reads all.
CREATE TABLE turnout_points (
  partition smallint NOT NULL,
  poll text NOT NULL REFERENCES polls,
  -- PostgreSQL's clock, but never before the point that was noted before: where the clock was set back, that one grows.
  at timestamptz NOT NULL,
  voters bigint NOT NULL CHECK (voters >= 0),
  PRIMARY KEY (partition, poll, at)
);
