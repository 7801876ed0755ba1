import type { PowerConfig } from "./power.ts";

/** What is wrong, and where, from the root of the configuration. */
type Problem = { readonly path: readonly (string | number)[]; readonly message: string };

/** What of `power` does not fit the buses. */
export function powerProblems(
  power: PowerConfig | undefined,
  buses: readonly { readonly name: string }[],
): readonly Problem[] {
  if (power?.trip !== undefined && power.state === undefined) {
    return [{ path: ["power", "trip"], message: "trips are known with power.state alone: add it" }];
  }
  const names = buses.map(({ name }) => name);
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
