import type { TunnelsConfig } from "../../config/schema.ts";
import type { DataBudget } from "../vehicle/link/data-budget.ts";
import type { Links } from "../vehicle/link/links.ts";

/** What the links of the vehicle say to a tunnel. */
export type TunnelLink = {
  /** Why none may be open now, for people; undefined where one may. */
  heldBy(): string | undefined;
  /** So many bytes have gone over the link, both ways. */
  spent(bytes: number): void;
};

/** Links, and the budgets of them; undefined where nothing is said of links. */
export type TunnelLinkParts =
  | { readonly links: Pick<Links, "inUse">; readonly budget: Pick<DataBudget, "allow" | "spent"> | undefined }
  | undefined;

/**
 * What the configuration says of links, to tunnels. A link that nobody knows holds nothing: a gap of coverage ends no tunnel, and nothing
 * goes through it meanwhile.
 */
export function tunnelLink(metered: TunnelsConfig["metered"], line: TunnelLinkParts): TunnelLink {
  return {
    heldBy: () => {
      const inUse = line?.links.inUse;
      if (inUse === undefined) return undefined;
      if (metered === "hold" && inUse.isMetered) return `${inUse.name} is metered`;
      const verdict = line?.budget?.allow("tunnels", 1);
      return verdict?.kind === "held" ? verdict.what : undefined;
    },
    spent: (bytes) => line?.budget?.spent("tunnels", bytes),
  };
}
