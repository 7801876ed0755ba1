/** Tells systemd how the service is (sd_notify(3)). Every call returns at once and never throws; all do nothing outside systemd. */
export interface Notifier {
  /** How often `watchdog` must be called, ms: half of what the unit allows (sd_watchdog_enabled(3)); undefined where nobody watches. */
  readonly watchdogIntervalMs: number | undefined;
  /** Whether somebody reads `status`: making the line costs some ms. */
  readonly isHeard: boolean;
  /** The service is up. */
  ready(): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  watchdog(): void;
  /** The service begins to end. */
  stopping(): void;
}
