/** What a source says of the ignition. `why` is for people, and ends a sentence: "ignition on: WHY". */
export type IgnitionReading = { readonly kind: "on" | "off" | "unknown"; readonly why: string };

/** Something that may know whether the ignition is on. */
export interface IgnitionSource {
  /** For people: "signals", "gpio gpiochip0 17". */
  readonly name: string;
  /** What it says at this moment; asked some times a second. "unknown" leaves it to those that are trusted less. */
  look(): IgnitionReading;
  /** Begins to listen; `changed` is called when a look is worth it before its time. Resolves also where it cannot know anything yet. */
  start?(changed: () => void): Promise<void>;
  stop?(): Promise<void>;
}
