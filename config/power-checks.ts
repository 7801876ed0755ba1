import type { BusDiagnosticsConfig, DiagnosticsConfig } from "./diagnostics.ts";
import type { PowerConfig } from "./power.ts";

/** What is wrong, and where, from the root of the configuration. */
type Problem = { readonly path: readonly (string | number)[]; readonly message: string };

/** What of `power` does not fit the buses, and what is done on them. */
export function powerProblems(
  power: PowerConfig | undefined,
  buses: readonly { readonly name: string }[],
  diagnostics: DiagnosticsConfig | undefined,
): readonly Problem[] {
  if (power?.trip !== undefined && power.state === undefined) {
    return [{ path: ["power", "trip"], message: "trips are known with power.state alone: add it" }];
  }
  if (power?.states !== undefined && power.state === undefined) {
    return [{ path: ["power", "states"], message: "the state is known with power.state alone: add it" }];
  }
  const names = buses.map(({ name }) => name);
  return [...sleepProblems(power, names), ...ignitionProblems(power, names), ...ownLife(power, diagnostics)];
}

function ignitionProblems(power: PowerConfig | undefined, names: readonly string[]): readonly Problem[] {
  const commands = (power?.state?.ignition ?? []).flatMap(({ from }, index) => (from === "command" ? [index] : []));
  const twice = commands.slice(1).map((index) => ({
    path: ["power", "state", "ignition", index],
    message: "from: command is there twice: one is enough",
  }));
  return [...twice, ...unknownBuses(power, names)];
}

function unknownBuses(power: PowerConfig | undefined, names: readonly string[]): readonly Problem[] {
  return (power?.state?.ignition ?? []).flatMap((source, index) =>
    (source.from === "bus-silence" ? (source.buses ?? []) : []).flatMap((name, at) =>
      names.includes(name)
        ? []
        : [
            {
              path: ["power", "state", "ignition", index, "buses", at],
              message: `unknown bus ${name}; configured: ${names.join(", ")}`,
            },
          ],
    ),
  );
}

/** What the agent sends, and what answers that, is heard as any other frame: a bus that it polls for ever is never silent. */
function ownLife(power: PowerConfig | undefined, diagnostics: DiagnosticsConfig | undefined): readonly Problem[] {
  const polled = (diagnostics?.buses ?? []).flatMap((settings, at) =>
    settings.transmit?.condition === "always" && isPolled(settings) ? [{ bus: settings.bus, at }] : [],
  );
  return (power?.state?.ignition ?? []).flatMap((source, index) => {
    if (source.from !== "bus-silence") return [];
    const own = polled.filter(({ bus }) => source.buses?.includes(bus) ?? true);
    return own.map(({ bus, at }) => ({
      path: ["power", "state", "ignition", index],
      message: `${bus} is never silent: diagnostics.buses.${at}.transmit.condition is always, and polls and their answers count as life; give it a condition by signals, or name other buses`,
    }));
  });
}

/** Trouble codes are read wherever there is `obd` or `uds`. */
function isPolled({ obd, uds, j1939 }: BusDiagnosticsConfig): boolean {
  return obd !== undefined || uds !== undefined || (j1939?.requests ?? []).length > 0;
}

function sleepProblems(power: PowerConfig | undefined, names: readonly string[]): readonly Problem[] {
  if (power === undefined) return [];
  const { sleep, wake, battery } = power;
  const problems: Problem[] = [];
  const without = "does nothing without power.sleep: add it, sleep: {} takes its defaults";
  if (sleep === undefined && wake !== undefined) problems.push({ path: ["power", "wake"], message: without });
  if (sleep === undefined && battery !== undefined) problems.push({ path: ["power", "battery"], message: without });
  if (sleep?.suspend === true && sleep.manager === "none") {
    const message = "nobody is asked for suspend with manager: none; take logind, or suspend the system yourself";
    problems.push({ path: ["power", "sleep", "suspend"], message });
  }
  for (const [at, name] of (sleep?.wakesBuses ?? []).entries()) {
    if (names.includes(name)) continue;
    const message = `unknown bus ${name}; configured: ${names.join(", ")}`;
    problems.push({ path: ["power", "sleep", "wakesBuses", at], message });
  }
  if (battery !== undefined && battery.guardedBelowVolts >= battery.savingBelowVolts) {
    const message = `must be below savingBelowVolts, ${battery.savingBelowVolts}`;
    problems.push({ path: ["power", "battery", "guardedBelowVolts"], message });
  }
  if (battery !== undefined && battery.noneAfterHours < battery.afterParkedHours) {
    const message = `must be at least afterParkedHours, ${battery.afterParkedHours}`;
    problems.push({ path: ["power", "battery", "noneAfterHours"], message });
  }
  return problems;
}
