import fc from "fast-check";

/** Data bytes as a hostile or broken sender makes them: more often than not with a PCI that means something. */
export const isoTpData: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(
        [0x10, 0x0a],
        [0x10, 0x10],
        [0x10, 0x20],
        [0x11, 0x00],
        [0x10, 0x00, 0x00, 0x00, 0x10, 0x00],
        [0x10, 0x00, 0xff, 0xff, 0xff, 0xff],
      ),
      fc.integer({ min: 0x20, max: 0x2f }).map((pci) => [pci]),
      fc.constantFrom([0x21], [0x22], [0x23]),
      fc.integer({ min: 0, max: 8 }).map((pci) => [pci]),
      fc.tuple(fc.constant(0), fc.integer({ min: 0, max: 64 })),
      fc.tuple(fc.integer({ min: 0x30, max: 0x34 }), fc.integer({ min: 0, max: 4 }), fc.constantFrom(0, 0xf1, 0x80)),
      fc.uint8Array({ maxLength: 3 }).map((any) => [...any]),
    ),
    fc.uint8Array({ minLength: 64, maxLength: 64 }),
    fc.oneof({ arbitrary: fc.constant(8), weight: 6 }, fc.integer({ min: 0, max: 8 }), fc.constantFrom(12, 16, 64)),
  )
  .map(([pci, rest, length]) => Uint8Array.from([...pci, ...rest].slice(0, length)));
