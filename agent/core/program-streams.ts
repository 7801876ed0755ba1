/** Classes of records that other programs of the vehicle may hand over. */
export const PROGRAM_STREAMS = ["event", "telemetry"] as const;
export type ProgramStream = (typeof PROGRAM_STREAMS)[number];
