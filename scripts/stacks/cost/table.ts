import { ASSUMPTIONS, type AssumptionName, type Assumptions } from "./assumptions.ts";
import { usageOf } from "./estimate.ts";
import { PRICE_LIST, type Prices } from "./prices.ts";

/** One line of an estimate: what, how much of it for each fleet, and what that costs a month. */
type Line = { readonly what: string; readonly unit: string; readonly amounts: readonly number[] };

/** An estimate in words: what it stands on, and what each part costs a month for fleets of so many vehicles. */
export function costText(fleets: readonly number[], assumptions: Assumptions, { of, currency }: Prices): string {
  const usages = fleets.map((vehicles) => usageOf(vehicles, assumptions));
  const lines = (usages[0] ?? []).map(({ what, price }, at): Line => {
    const amounts = usages.map((usage) => (usage[at]?.units ?? 0) * of[price]);
    return { what: what.replace(/, \d+ tasks/, ""), unit: PRICE_LIST[price][0], amounts };
  });
  const sums = fleets.map((_, fleet) => lines.reduce((sum, { amounts }) => sum + (amounts[fleet] ?? 0), 0));
  const shown = (amount: number): string => amount.toFixed(2).padStart(20);
  const row = (what: string, amounts: readonly string[]): string => `${what.padEnd(34)}${amounts.join("")}`;
  return [
    "Stands on (change any with --assume NAME=VALUE):",
    ...assumptionLines(assumptions),
    "",
    row(
      `${currency} a month`,
      fleets.map((vehicles) => `${vehicles} vehicles`.padStart(20)),
    ),
    ...lines.map(({ what, amounts }) => row(what, amounts.map(shown))),
    row("together", sums.map(shown)),
    row(
      "a vehicle",
      sums.map((sum, fleet) => (sum / (fleets[fleet] ?? 1)).toFixed(4).padStart(20)),
    ),
    "",
    "Estimate from list prices: without free tiers, discounts for volume, taxes and support. Encrypted payloads, FleetWise, archives in S3,",
    "AWS Private CA and Device Defender are not in it.",
  ].join("\n");
}

function assumptionLines(assumptions: Assumptions): readonly string[] {
  return Object.entries(ASSUMPTIONS).map(([name, { says, basis, value }]) => {
    const given = isAssumption(name) ? assumptions[name] : value;
    const from = given === value ? basis : `given; ${value} otherwise`;
    return `  ${name.padEnd(20)}${String(given).padStart(8)}  ${says} (${from})`;
  });
}

/** Whether an assumption has this name. */
export function isAssumption(name: string): name is AssumptionName {
  return Object.hasOwn(ASSUMPTIONS, name);
}
