/** A clock that wakes the system from suspend or, where the hardware can, switches it on: on Linux the alarm of an RTC. One alarm at a time. */
export interface WakeAlarm {
  /**
   * Sets the alarm, in place of the one before; one that lies behind or less than `LEAST_ALARM_MS` ahead is set to so much ahead.
   *
   * `atUs`: µs since the Unix epoch by the system's clock as it goes now; the alarm is so far ahead, whatever the hardware's clock
   * shows. Rounded up to whole seconds. Rejects with `alarm.unavailable`, also for more than `MOST_ALARM_MS` ahead.
   */
  set(atUs: number): Promise<void>;
  /** Takes it away; no fault when there is none. Rejects with `alarm.unavailable`. */
  clear(): Promise<void>;
}

/** An alarm that falls due while the system is still on its way to sleep would not wake it. */
export const LEAST_ALARM_MS = 5000;
/** Alarms of an RTC without a field for the month repeat each month (rtc(4)): 27 days hold in all. */
export const MOST_ALARM_MS = 27 * 86_400_000;
