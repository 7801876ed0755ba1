/** A value of the configuration that can be set from afar. */
export type OverrideValue = string | number | boolean;
type Settings = Readonly<Record<string, OverrideValue>>;

/** How a key of the configuration is set; each part promises what a command or a job needs, and no more. */
export type ConfigOverridesParts = {
  /** Keys that may be set. */
  readonly settable: readonly string[];
  /** What is in force. */
  readonly inForce: Settings;
  /** What is wrong with the whole configuration under these settings; undefined when the agent would start with it. */
  readonly check: (settings: Settings) => Promise<string | undefined>;
  /** Keeps them, all or none. Throws `output.unwritable`. */
  readonly store: (settings: Settings) => void;
};

/** How setting a key went. "unknown": it is not among those that may be set; "unfit": the configuration would not be valid. */
export type SetOutcome =
  | { readonly kind: "set" }
  | { readonly kind: "unknown"; readonly what: string }
  | { readonly kind: "unfit"; readonly what: string };

/** Sets keys of the configuration for the next start of the agent. */
export class ConfigOverrides {
  readonly #parts: ConfigOverridesParts;
  #settings: Settings;

  constructor(parts: ConfigOverridesParts) {
    this.#parts = parts;
    this.#settings = parts.inForce;
  }

  /** What counts at the next start. */
  current(): Settings {
    return this.#settings;
  }

  /** Sets `key`; undefined goes back to what the configuration's files say. One call at a time. Throws `output.unwritable`. */
  async set(key: string, value: OverrideValue | undefined): Promise<SetOutcome> {
    const { settable, check, store } = this.#parts;
    if (!settable.includes(key)) return { kind: "unknown", what: `${key} is not among commands.settable` };
    const others = Object.entries(this.#settings).filter(([name]) => name !== key);
    const next = Object.fromEntries(value === undefined ? others : [...others, [key, value] as const]);
    const problem = await check(next);
    if (problem !== undefined) return { kind: "unfit", what: problem };
    store(next);
    this.#settings = next;
    return { kind: "set" };
  }
}
