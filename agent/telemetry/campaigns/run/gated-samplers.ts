import type { Reading } from "../../collect/sampler.ts";
import type { SamplerLink, SampleTaker } from "../../collect/sampler-chains.ts";

/** Whether the samples of a campaign are taken at present. */
export class Gate {
  #isOpen = false;
  #changed: () => void = () => undefined;

  get isOpen(): boolean {
    return this.#isOpen;
  }

  set(isOpen: boolean): void {
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    this.#changed();
  }

  /** `changed` is told from now on, in place of who was told before. */
  watch(changed: () => void): void {
    this.#changed = changed;
  }
}

/** A sampler that takes part while its gate is open. */
export type GatedLink = SamplerLink & { readonly gate: Gate };

/** Hands the samples of each slot to those samplers whose gate is open: one that is closed costs nothing. */
export class GatedSamplers implements SampleTaker {
  readonly #links: (readonly GatedLink[])[] = [];
  readonly #open: (readonly GatedLink[])[] = [];
  /** By local number: 1 where `#open` must be made anew. */
  readonly #isStale: number[] = [];
  readonly #localOf = new Map<number, number>();
  readonly #localsOf = new Map<Gate, number[]>();

  /** Takes samplers on; gives the links of slots that had none before. */
  join(links: readonly GatedLink[]): readonly SamplerLink[] {
    const added: SamplerLink[] = [];
    for (const [slot, own] of Map.groupBy(links, (link) => link.slot)) {
      const known = this.#localOf.get(slot);
      const local = known ?? this.#links.push([]) - 1;
      this.#localOf.set(slot, local);
      if (known === undefined) added.push({ slot, sampler: this, local });
      this.#links[local] = [...this.#links[local], ...own];
      this.#isStale[local] = 1;
      for (const { gate } of own) this.#watch(gate, local);
    }
    return added;
  }

  take(local: number, reading: Reading): void {
    if (this.#isStale[local] === 1) this.#renew(local);
    const links = this.#open[local];
    for (let at = 0; at < links.length; at++) links[at].sampler.take(links[at].local, reading);
  }

  #renew(local: number): void {
    this.#isStale[local] = 0;
    this.#open[local] = this.#links[local].filter(({ gate }) => gate.isOpen);
  }

  #watch(gate: Gate, local: number): void {
    const locals = this.#localsOf.get(gate) ?? [];
    locals.push(local);
    this.#localsOf.set(gate, locals);
    gate.watch(() => {
      for (const own of locals) this.#isStale[own] = 1;
    });
  }
}
