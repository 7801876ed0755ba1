/** What a fleet does, which an estimate stands on. `value` is the default, `basis` says where it comes from. */
export type Assumption = { readonly value: number; readonly says: string; readonly basis: string };

/** Defaults, each to be changed on the command line. */
export const ASSUMPTIONS = {
  hoursOnlineADay: { value: 2, says: "hours a day that a vehicle is online", basis: "chosen" },
  recordsAnHour: {
    value: 14_600,
    says: "records an hour while it is online",
    basis: "scripts/bench --seconds 20: 82 in 20.2 s, at 2000 frames a second",
  },
  bytesARecord: {
    value: 3350,
    says: "bytes of a record on the wire",
    basis: "scripts/bench --seconds 20: 3097 of payload in the mean, and about 250 of topic and properties",
  },
  bytesAtRest: {
    value: 3350,
    says: "bytes of a record in the table",
    basis: "taken as on the wire; the table holds compressed JSON, columns differ",
  },
  recordsACommit: { value: 1, says: "records of one vehicle that a worker commits together", basis: "the fewest" },
  lastKnownUnits: {
    value: 4,
    says: "write units of last known values a commit",
    basis: "about 50 bytes a signal; dynamodb.lastKnown",
  },
  keepDays: { value: 90, says: "days that records are kept", basis: "dynamodb.keepDays, its default" },
  queriesADay: { value: 20, says: "reads of a vehicle's data a day, 64 KB each", basis: "chosen" },
  commandsADay: { value: 4, says: "commands of a companion app a day", basis: "chosen" },
  jobsAMonth: { value: 1, says: "jobs a month", basis: "chosen" },
  artifactMegabytes: { value: 50, says: "MB that a job has a vehicle download", basis: "size of a release archive" },
  shadowUpdatesADay: { value: 6, says: "operations on the shadow of campaigns a day", basis: "chosen" },
  recordsASecondATask: {
    value: 300,
    says: "records a second that a task takes",
    basis: "chosen low: half a vCPU; npm run bench:consumer measures",
  },
  peakFactor: { value: 3, says: "busiest hour over the mean", basis: "chosen" },
  usersAVehicle: { value: 1, says: "active users a vehicle", basis: "chosen" },
} as const satisfies Readonly<Record<string, Assumption>>;

export type AssumptionName = keyof typeof ASSUMPTIONS;
export type Assumptions = Readonly<Record<AssumptionName, number>>;
