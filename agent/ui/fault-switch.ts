/**
 * Something that whoever starts the page can break and mend: the link, the broker, a bus, the clock. A bench passes some; the page of a
 * vehicle has none.
 */
export type FaultSwitch = {
  /** In the address: letters, digits, '-' and '.'. */
  readonly name: string;
  /** For people: "cut the link". */
  readonly label: string;
  isOn(): boolean;
  /** Turns it on or off. Rejects with what stands against it, in words. */
  set(on: boolean): Promise<void>;
};
