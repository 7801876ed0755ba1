const MINUTE_US = 60_000_000;
const DAY_MINUTES = 1440;
/** No time zone has moved its clocks by more at a time: between two looks so far apart no window is missed. */
const MOST_SHIFT_MINUTES = 125;
/** A window in the hour that is left out in spring is there again on the next day. */
const SEARCH_MINUTES = 3 * DAY_MINUTES;

/** A time of day in which something may happen: `HH:MM`, past midnight when `to` is not after `from`, in a time zone of the IANA data base. */
export type DayWindow = { readonly from: string; readonly to: string; readonly timeZone: string };

/** Finds times in a window by the local clock, which has 23 to 25 hours on some days. */
export class WindowTimes {
  readonly #from: number;
  readonly #to: number;
  readonly #format: Intl.DateTimeFormat;

  constructor({ from, to, timeZone }: DayWindow) {
    this.#from = minutesOf(from);
    this.#to = minutesOf(to);
    this.#format = new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  }

  /** Length by the clock, minutes; the same `from` and `to` are the whole day. */
  get minutes(): number {
    return ((this.#to - this.#from + DAY_MINUTES - 1) % DAY_MINUTES) + 1;
  }

  /** Whether this time (µs since the Unix epoch) is in it. */
  holds(atUs: number): boolean {
    return (this.#minuteOf(atUs) - this.#from + DAY_MINUTES) % DAY_MINUTES < this.minutes;
  }

  /** The first time in it that is not before `atUs`: `atUs` itself, or the beginning of a minute. µs since the Unix epoch. */
  next(atUs: number): number {
    if (this.holds(atUs)) return atUs;
    const untilFrom = (this.#from - this.#minuteOf(atUs) + DAY_MINUTES) % DAY_MINUTES;
    const first = Math.floor(atUs / MINUTE_US) + Math.max(1, untilFrom - MOST_SHIFT_MINUTES);
    for (let minute = first; minute < first + SEARCH_MINUTES; minute++) {
      if (this.holds(minute * MINUTE_US)) return minute * MINUTE_US;
    }
    return atUs;
  }

  #minuteOf(atUs: number): number {
    return minutesOf(this.#format.format(atUs / 1000));
  }
}

function minutesOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(":").map(Number);
  return hours * 60 + minutes;
}
