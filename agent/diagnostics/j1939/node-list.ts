import type { CanFrame } from "../../ports/frame.ts";
import { pgnOf, sourceOf } from "../../signals/pgn.ts";
import { GLOBAL_ADDRESS, GROUP, NULL_ADDRESS } from "./groups.ts";
import { nameIn } from "./name.ts";

/** A node of the bus, by its address. */
export type SeenNode = {
  /** 0..253. */
  readonly address: number;
  /** What it claimed its address with; undefined where no claim of it was seen. */
  readonly name: bigint | undefined;
  /** Frames of it that were seen. */
  readonly frames: number;
  /** µs since the Unix epoch, of its last frame. */
  readonly lastSeenUs: number;
};

/** Who is on a bus, by address claims and by whoever else sends: one entry an address, and so at most 254. */
export class NodeList {
  readonly #nodes = new Map<number, SeenNode>();
  /** Claims from the null address: these nodes have none. */
  #withoutAddress = 0;

  /** Shows it a frame of 29 bits. */
  take(frame: CanFrame): void {
    const address = sourceOf(frame.id);
    const claimed = pgnOf(frame.id) === GROUP.addressClaim ? nameIn(frame.data) : undefined;
    if (claimed !== undefined) this.#forget(claimed, address);
    if (address === NULL_ADDRESS && claimed !== undefined) this.#withoutAddress += 1;
    if (address === NULL_ADDRESS || address === GLOBAL_ADDRESS) return;
    const before = this.#nodes.get(address);
    this.#nodes.set(address, {
      address,
      name: claimed ?? before?.name,
      frames: (before?.frames ?? 0) + 1,
      lastSeenUs: frame.receivedAtUs,
    });
  }

  /** NAME of who holds an address; undefined where no claim was seen. */
  holder(address: number): bigint | undefined {
    return this.#nodes.get(address)?.name;
  }

  /** By address. */
  nodes(): readonly SeenNode[] {
    return [...this.#nodes.values()].sort((one, other) => one.address - other.address);
  }

  /** "Cannot claim" that were seen. */
  get withoutAddress(): number {
    return this.#withoutAddress;
  }

  /** A node that claims another address has left the one before. */
  #forget(name: bigint, address: number): void {
    for (const node of this.#nodes.values()) {
      if (node.name === name && node.address !== address) this.#nodes.delete(node.address);
    }
  }
}
