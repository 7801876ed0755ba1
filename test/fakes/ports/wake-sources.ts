import type { WakeKind, WakeSource, WakeSources } from "../../../agent/ports/wake-sources.ts";

/** Counters that the test moves. */
export class FakeWakeSources implements WakeSources {
  /** Interfaces on which frames may wake. */
  readonly waking = new Map<string, boolean>();
  /** Undefined: nobody counts them. */
  suspended: number | undefined;
  readonly #sources = new Map<string, WakeSource>();

  read(): readonly WakeSource[] {
    return [...this.#sources.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  suspends(): number | undefined {
    return this.suspended;
  }

  canWake(networkInterface: string): boolean | undefined {
    return this.waking.get(networkInterface);
  }

  /** A wake event of a source, which is there from its first one on; `events` 0 only makes it known. */
  wake(name: string, kind: WakeKind, events = 1): void {
    const count = (this.#sources.get(name)?.count ?? 0) + events;
    this.#sources.set(name, { name, kind, count });
  }
}
