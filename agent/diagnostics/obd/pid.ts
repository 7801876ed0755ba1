import type { ValueTexts } from "../../signals/value-texts.ts";

/**
 * Where a row of the table comes from, read in 2026-11: "both" where OBDb/SAEJ1979 (signalsets/v3, d528efd) and python-OBD (a378bdd) give
 * it with the same meaning; else the one that has it, or that was taken where they differ (the row says how). Neither is the standard
 * (SAE J1979-DA), which is not public.
 */
export type PidSource = "both" | "OBDb" | "python-OBD";

/** How the bits of a value become physical: raw * factor + offset. */
export type Scale = {
  readonly factor: number;
  readonly offset: number;
  readonly unit: string;
  /** Two's complement. */
  readonly signed?: true;
};

/** One value in the data of a PID. */
export type PidSignal = Scale & {
  readonly name: string;
  /** First bit; 0 is the most significant of the first data byte (A7), 8 that of the second (B7). */
  readonly bit: number;
  /** 1..32, most significant first. */
  readonly bits: number;
  readonly texts?: ValueTexts | undefined;
  /** The value is there only while this bit of the data, counted as `bit`, is `value`: a support bit, or the kind of ignition. */
  readonly when?: { readonly bit: number; readonly value: 0 | 1 } | undefined;
};

/** One parameter of service 01. */
export type Pid = {
  /** 0x01..0xff */
  readonly pid: number;
  /** Data bytes of an answer, after the PID. */
  readonly bytes: number;
  /** Where an ECU may give more (a value for banks 3 and 4): then the length of an answer to this PID alone says which. */
  readonly mostBytes?: number;
  readonly source: PidSource;
  readonly signals: readonly PidSignal[];
};
