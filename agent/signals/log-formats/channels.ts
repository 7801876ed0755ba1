const MOST_CHANNELS = 65_535;

/** The channel that a bus has in a log, and whether its name must be told there. */
export type NumberedChannel = { readonly channel: number; readonly isNew: boolean };

/** Numbers the buses of one log from 1 on: canN is N + 1 while that is free, every other bus the lowest that is. */
export class Channels {
  readonly #byBus = new Map<string, number>();
  readonly #taken = new Set<number>();

  /** `isNew` once, for a bus whose number does not say its name. */
  of(bus: string): NumberedChannel {
    const known = this.#byBus.get(bus);
    if (known !== undefined) return { channel: known, isNew: false };
    const match = /^can(0|[1-9]\d{0,3})$/.exec(bus);
    const own = match === null ? undefined : Number(match[1]) + 1;
    const channel = own === undefined || this.#taken.has(own) ? this.#lowest() : own;
    this.#byBus.set(bus, channel);
    this.#taken.add(channel);
    return { channel, isNew: channel !== own };
  }

  #lowest(): number {
    for (let channel = 1; channel < MOST_CHANNELS; channel += 1) if (!this.#taken.has(channel)) return channel;
    return MOST_CHANNELS;
  }
}

/** The sentence by which a log of ours tells the name of a channel. */
export function channelRemark(channel: number, bus: string): string {
  return `channel ${channel} is bus ${bus}`;
}

/** The channel and the name in such a sentence. */
export function readChannelRemark(text: string): readonly [channel: number, bus: string] | undefined {
  const match = /^channel (\d{1,5}) is bus ([\w.:-]{1,64})$/.exec(text);
  return match === null ? undefined : [Number(match[1]), match[2]];
}
