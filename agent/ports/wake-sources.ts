/** What can wake a system, by what it is; "other" for hardware that we have no word for. */
export const WAKE_KINDS = ["can", "rtc", "modem", "gpio", "button", "usb", "other"] as const;
export type WakeKind = (typeof WAKE_KINDS)[number];

/** One source as it stands: `name` is the system's for it, stable over a suspend. */
export type WakeSource = {
  readonly name: string;
  readonly kind: WakeKind;
  /** Wake events since the boot. More than before a suspend: it is the cause, or one of them. */
  readonly count: number;
};

/** What woke the system: the kind of a source and its name; "unknown" where no counter has moved. */
export type WakeCause = { readonly kind: WakeKind | "unknown"; readonly name: string };

/** The counters of the system's wake sources. Reading is for once before and once after a suspend, not for a loop. */
export interface WakeSources {
  /** All sources, by name; empty where the system counts none. Never throws. */
  read(): readonly WakeSource[];
  /** How often the system was suspended since its boot, also where it came back before it slept; undefined where nobody counts it. Never throws. */
  suspends(): number | undefined;
  /** Whether frames on this network interface (`can0`) may wake the system; undefined where the hardware does not say. */
  canWake(networkInterface: string): boolean | undefined;
}

/**
 * The sources whose counters are larger in `after`, most specific first: "other" last. A source that is new counts by what it has;
 * none at all is one cause "unknown".
 */
export function wakeCauses(before: readonly WakeSource[], after: readonly WakeSource[]): readonly WakeCause[] {
  const counts = new Map(before.map(({ name, count }) => [name, count]));
  const moved = after.filter(({ name, count }) => count > (counts.get(name) ?? 0));
  if (moved.length === 0) return [{ kind: "unknown", name: "" }];
  const rank = ({ kind }: WakeSource): number => WAKE_KINDS.indexOf(kind);
  return moved.toSorted((a, b) => rank(a) - rank(b)).map(({ kind, name }) => ({ kind, name }));
}
